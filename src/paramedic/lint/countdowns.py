"""Whoever is last puts out the light: what is done when a count of those at work has come to nothing.

``with lock: left -= 1; last = not left`` and then ``if last: channel.close()``: each thread counts itself out when it
is done, so that what the last one does comes after all that the others have done before.

Threads: one thread; pure.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from paramedic.lint.guards import sites
from paramedic.lint.operations import Operation
from paramedic.lint.passages import Def, at, name_of
from paramedic.lint.world import World

_LEAVES = frozenset("discard remove pop popleft".split())
_MOST_CALLERS = 6


class Countdowns:
    """The counts of a program, of which each function is read once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._functions: dict[str, list[Def]] | None = None
        self._named: dict[str, list[Def]] = {}

    def last_does(self, before: Operation, last: Operation) -> bool:
        """Whether one operation is that of whoever is last, and the other's thread counts itself out after it.

        Threads: pure.
        """
        counts = self._done_at_nought(last)
        return bool(counts) and bool(counts & self._counted_after(before))

    def _done_at_nought(self, operation: Operation) -> set[str]:
        """The counts of which an operation's branch has found that they have come to nothing."""
        found: set[str] = set()
        for function, line in self._places(operation):
            for branch in (n for n in ast.walk(function) if isinstance(n, ast.If)):
                if not any(s.lineno <= line <= (s.end_lineno or 0) for s in branch.body):
                    continue
                found |= {name for name in _at_nought(function, branch) if name}
        return found

    def _counted_after(self, operation: Operation) -> set[str]:
        """The counts that an operation's thread counts down once it is over."""
        found: set[str] = set()
        for function, line in self._places(operation):
            for node in ast.walk(function):
                if getattr(node, "lineno", 0) > line:
                    found |= _counted_down(node)
                    if isinstance(node, ast.Call):
                        for called in self._by_name(name_of(node.func)):
                            found |= {name for inner in ast.walk(called) for name in _counted_down(inner)}
        return found

    def _places(self, operation: Operation) -> Iterator[tuple[Def, int]]:
        """The functions in which an operation is under way, the innermost first, and their lines."""
        for site in sites(operation)[:_MOST_CALLERS]:
            inside = [
                function
                for function in self._of_file(site.file)
                if function.lineno <= site.line <= (function.end_lineno or 0)
            ]
            if inside:
                yield max(inside, key=lambda function: function.lineno), site.line

    def _of_file(self, path: str) -> list[Def]:
        if self._functions is None:
            self._functions = {}
            for function in (f for functions in self._world.functions.values() for f in functions):
                if isinstance(function.node, Def):
                    self._functions.setdefault(str(function.module.source.path), []).append(function.node)
                    self._named.setdefault(function.node.name, []).append(function.node)
        return self._functions.get(path, [])

    def _by_name(self, name: str) -> list[Def]:
        found = self._named.get(name, [])
        return found if len(found) == 1 else []


def _at_nought(function: Def, branch: ast.If) -> Iterator[str]:
    """The count that a branch asks for, where it was counted down under a lock together with the question."""
    for block in (n for n in ast.walk(function) if isinstance(n, (ast.With, ast.AsyncWith))):
        down = {name: at(n)[0] for s in block.body for n in ast.walk(s) for name in _counted_down(n)}
        if not down:
            continue
        if branch in [n for s in block.body for n in ast.walk(s)]:
            name = _nought(branch.test)
            if name in down and down[name] < branch.lineno:
                yield name
        elif isinstance(branch.test, ast.Name) and branch.lineno > (block.end_lineno or 0):
            for kept in (n for s in block.body for n in ast.walk(s) if isinstance(n, ast.Assign)):
                name = _nought(kept.value)
                if name in down and down[name] < kept.lineno and branch.test.id in map(name_of, kept.targets):
                    yield name


def _nought(test: ast.expr) -> str:
    """``left`` of ``not self.left``, ``self.left == 0``, ``self.left <= 0`` and ``self.left < 1``."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return name_of(test.operand)
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.comparators[0], ast.Constant):
        limit = test.comparators[0].value
        if isinstance(test.ops[0], (ast.Eq, ast.LtE)) and limit == 0 or isinstance(test.ops[0], ast.Lt) and limit == 1:
            return name_of(test.left)
    return ""


def _counted_down(node: ast.AST) -> set[str]:
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub):
        return {name_of(node.target)} - {""}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEAVES:
        return {name_of(node.func.value)} - {""}
    return set()
