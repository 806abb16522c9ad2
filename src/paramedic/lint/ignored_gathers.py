"""Whether the source of a ``gather(…, return_exceptions=True)`` shows that nobody looks at what it gives.

Threads: one thread; reads files.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from paramedic.lint.passages import Def, File, Place, Places
from paramedic.model.finding import Site


class IgnoredGathers:
    """Reads the files that stacks name, each once.

    Threads: one thread; reads files.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._places = Places()

    def is_ignored(self, stack: Sequence[Site]) -> bool:
        """Whether the results of a call are thrown away, and what they are the results of has no name of its own.

        Args:
            stack: of the call of ``gather``, innermost first.
        """
        place = next(iter(self._places.places(stack[:1], "gather")), None)
        if place is None or not isinstance(place.node, ast.Call):
            return False
        return _is_dropped(place, place.node) and not any(_is_kept(place, a) for a in place.node.args)

    def may_be_told(self, stacks: Sequence[Sequence[Site]]) -> bool:
        """Whether one of those on these stacks catches exceptions where it stands, and may have told them."""
        for site in (site for stack in stacks for site in stack):
            file = self._places.file(site.file)
            if file is None or any(_catches(node, site.line) for node in ast.walk(file.tree)):
                return True
        return False


def _is_dropped(place: Place, call: ast.Call) -> bool:
    above = place.file.parent(call)
    if not isinstance(above, ast.Await):
        return False
    statement = place.file.parent(above)
    if isinstance(statement, ast.Expr):
        return True
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    target = statement.targets[0]
    return isinstance(target, ast.Name) and not _is_loaded(place.file, place.function, target.id, 0)


def _is_kept(place: Place, argument: ast.expr) -> bool:
    """Whether somebody may ask the tasks themselves: they have a name that is used later, or is not the function's."""
    spread = argument.value if isinstance(argument, ast.Starred) else argument
    names = [node.id for node in ast.walk(spread) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    if isinstance(spread, ast.Call | ast.GeneratorExp | ast.ListComp):
        return isinstance(spread, ast.GeneratorExp | ast.ListComp) and not isinstance(spread.elt, ast.Call)
    if not isinstance(spread, ast.Name):
        return True
    own: set[str] = set()
    if isinstance(place.function, Def):
        own = place.file.variables(place.function) - {a.arg for a in ast.walk(place.function) if isinstance(a, ast.arg)}
    last = argument.end_lineno or argument.lineno
    return not set(names) <= own or any(_is_loaded(place.file, place.function, name, last) for name in names)


def _is_loaded(file: File, function: ast.AST, name: str, after: int) -> bool:
    """Whether a name is asked for in a function, or in those that it defines, behind a line."""
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) and node.lineno > after
        for node in ast.walk(function)
    )


def _catches(node: ast.AST, line: int) -> bool:
    if not isinstance(node, ast.Try) or not node.handlers:
        return False
    return any(part.lineno <= line <= (part.end_lineno or part.lineno) for part in node.body)
