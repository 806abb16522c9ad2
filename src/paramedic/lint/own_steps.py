"""What a method of the program's own, which stands for one of Paramiko's inner steps, does to keep such steps apart.

Threads: one thread; reads files.
"""

from __future__ import annotations

import ast
from enum import Enum

from paramedic.lint.passages import Def, Places, With, name_of

_TAKES = frozenset("acquire lockf flock".split())


class Keeps(Enum):
    """How a step of the program's own keeps others out."""

    NOBODY = "nothing that is known to keep others out"
    """It counts, prints, tries again …"""
    BY_LOCK = "a lock"
    """Taken in it, so it seems: which one the recording says, if it has locks."""
    ELSEWHERE = "what others do for it"
    """It gives the step to something else to be done, as to a worker's queue; or nobody knows what it does."""


class OwnSteps:
    """Reads each file once; of what cannot be read nothing is known.

    Threads: one thread; reads files.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._places = Places()

    def keeps(self, step: str, path: str, line: int, function: str) -> Keeps:
        """What a function does.

        Args:
            step: the method that it stands for, which it calls.
            path: of its file.
            line: where it, or its first decorator, begins.
            function: its qualified name.
        """
        file = self._places.file(path)
        found = [] if file is None else file.functions.get(function.rpartition(".")[2], [])
        for definition in found:
            if min(n.lineno for n in (definition, *definition.decorator_list)) == line:
                return _keeps(definition, step)
        return Keeps.ELSEWHERE


def _keeps(function: Def, step: str) -> Keeps:
    nodes = list(ast.walk(function))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    called = {id(call.func) for call in calls}
    if any(isinstance(n, ast.Attribute) and n.attr == step and id(n) not in called for n in nodes):
        return Keeps.ELSEWHERE  # executor.submit(super()._request, …)
    if any(isinstance(n, ast.Lambda | Def) and n is not function and _steps(n, step) for n in nodes):
        return Keeps.ELSEWHERE  # self.jobs.put(lambda: super()._request(…))
    steps = _steps(function, step)
    blocks = [node for node in nodes if isinstance(node, With)]
    if blocks and (not steps or any(_steps(block, step) for block in blocks)):
        return Keeps.BY_LOCK
    last = max((call.lineno for call in steps), default=0)
    released = [call.lineno for call in calls if name_of(call.func) == "release"]
    takes = any(name_of(call.func) in _TAKES for call in calls)
    return Keeps.BY_LOCK if takes and not (released and max(released) < last) else Keeps.NOBODY


def _steps(node: ast.AST, step: str) -> list[ast.Call]:
    """Calls of the step; or, in a decorator, of whatever gets all the arguments."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    return [c for c in calls if name_of(c.func) == step or any(isinstance(a, ast.Starred) for a in c.args)]
