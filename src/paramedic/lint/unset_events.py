"""Whether source shows that nobody but a coroutine that has failed would have set an event.

Threads: one thread; reads files.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from paramedic.lint.passages import File, Place, Places, name_of
from paramedic.model.finding import Site

_OWN = frozenset(("set", "wait", "is_set", "clear"))


class UnsetEvents:
    """Reads the files that stacks name, each once.

    Threads: one thread; reads files.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._places = Places()

    def was_to_be_set_by(self, waits: Sequence[Site], failed: Sequence[Site]) -> bool:
        """Whether the coroutine that left at an ``await`` has the one ``set()`` of the event, in what it did not reach.

        Who waits until Ctrl-C comes has an event that nobody sets; one that is handed on may be set by anybody.

        Args:
            waits: stack of the task that waits, innermost first.
            failed: stack of the call whose exception ended the other one.
        """
        waiting = next(iter(self._places.places(waits[:1], "wait")), None)
        left = next(iter(self._places.places(failed[:1], "to_thread")), None)
        if waiting is None or left is None or waiting.file is not left.file or not _is_left(left):
            return False
        call = waiting.node
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "wait"):
            return False
        name = name_of(call.func.value)
        setters = _setters(left.file, name)
        end = getattr(left.statement, "end_lineno", 0)
        return bool(setters) and all(
            left.file.home(node) is left.function and node.lineno > end and not _happens_anyway(left.file, node)
            for node in setters
        )


def _is_left(place: Place) -> bool:
    """Whether an exception of what is awaited there leaves the coroutine."""
    if not isinstance(place.function, ast.AsyncFunctionDef):
        return False
    if not any(isinstance(node, ast.Await) for node in ast.walk(place.statement)):
        return False
    for outer in place.file.above(place.node):
        if outer is place.function:
            return True
        if isinstance(outer, ast.Try | ast.TryStar | ast.With | ast.AsyncWith | ast.For | ast.AsyncFor | ast.While):
            return False  # it may go on after that
    return False


def _setters(file: File, name: str) -> list[ast.Attribute]:
    """Where the one event of this name is set; nothing if it may go by another name, too."""
    found: list[ast.Attribute] = []
    for use in file.uses.get(name, ()) if name else ():
        outer = file.parent(use)
        if not isinstance(outer, ast.Attribute) or outer.attr not in _OWN:
            return []
        called = file.parent(outer)
        if not isinstance(called, ast.Call) or called.func is not outer:
            return []  # loop.call_soon_threadsafe(event.set)
        if outer.attr == "set":
            found.append(outer)
    return found


def _happens_anyway(file: File, node: ast.AST) -> bool:
    return any(isinstance(outer, ast.Try | ast.TryStar | ast.ExceptHandler) for outer in file.above(node))
