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
    called = {id(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    kept = Keeps.NOBODY
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and node.attr == step and id(node) not in called:
            return Keeps.ELSEWHERE  # executor.submit(super()._request, …)
        if isinstance(node, ast.Lambda | Def) and node is not function and _calls(node, step):
            return Keeps.ELSEWHERE  # self.jobs.put(lambda: super()._request(…))
        if isinstance(node, With) or isinstance(node, ast.Call) and name_of(node.func) in _TAKES:
            kept = Keeps.BY_LOCK
    return kept


def _calls(function: ast.AST, step: str) -> bool:
    return any(isinstance(node, ast.Call) and name_of(node.func) == step for node in ast.walk(function))
