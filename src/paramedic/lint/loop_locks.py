"""A lock of an event loop's that is held while its holder awaits a thread, which waits for a coroutine that needs it.

No recording shows asyncio's locks: they block no thread. It shows the thread that waits, and where its work was given
to it; that the lock is held there, and that the coroutine comes to nothing without it, the source says.

Threads: one thread; reads the files that stacks name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from paramedic.lint.identity import Identity, Thing
from paramedic.lint.passages import Def, File, Place, Places, at, name_of, through
from paramedic.model.finding import Site

_GIVES = frozenset("to_thread run_in_executor gather".split())
_LIMITS = frozenset("wait_for wait timeout timeout_at move_on_after fail_after shield".split())
_ENDS = (ast.Return, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Raise)
_MOST_CALLS = 2


class LoopLocks:
    """Reads each file once.

    Threads: one thread; reads the files that stacks name.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._places = Places()
        self._identities: dict[int, Identity] = {}

    def needed(self, given: Sequence[Site], waits: Sequence[Site]) -> str:
        """The lock that the one holds and the other cannot do without; "" if there is none, or it cannot be told.

        Args:
            given: where a coroutine has given a thread its work, innermost first.
            waits: where the thread waits, without a limit, for a coroutine.
        """
        holders, waiters = (self._places.places(stack, "") for stack in (given, waits))
        if not holders or not waiters or any(map(_has_limit, holders)):
            return ""
        held = list(self._held(holders[0]))
        for identity, function in self._awaited(waiters[0]) if held else ():
            for expression, lock in held:
                if isinstance(identity.home(lock), ast.ClassDef) and not _is_of_one(holders[0], waiters[0]):
                    continue
                if any(lock.is_same(other) for other in self._needs(identity, function, _MOST_CALLS)):
                    return ast.unparse(expression)
        return ""

    def _identity(self, file: File) -> Identity:
        return self._identities.setdefault(id(file), Identity(file))

    def _held(self, place: Place) -> Iterator[tuple[ast.expr, Thing]]:
        """The locks that a coroutine holds while it awaits the work that it has given away."""
        file, identity = place.file, self._identity(place.file)
        given = [n for n in ast.walk(place.statement) if isinstance(n, ast.Call) and name_of(n.func) in _GIVES]
        if not given or not any(isinstance(outer, ast.Await) for outer in file.above(given[0])):
            return
        inner: ast.AST = place.statement
        for outer in file.above(inner):
            if isinstance(outer, ast.AsyncWith) and inner in outer.body:
                for item in outer.items:
                    lock = _lock(identity, item.context_expr)
                    if lock is not None:
                        yield item.context_expr, lock
            if outer is place.function:
                return
            inner = outer

    def _awaited(self, place: Place) -> Iterator[tuple[Identity, Def]]:
        """The one coroutine for which a thread waits."""
        identity = self._identity(place.file)
        found = [
            call.args[0]
            for call in place.file.own(place.function)
            if isinstance(call, ast.Call) and name_of(call.func) == "run_coroutine_threadsafe" and call.args
        ]
        functions = identity.called(found[0]) if len(found) == 1 else []
        if len(functions) == 1 and isinstance(functions[0], ast.AsyncFunctionDef):
            yield identity, functions[0]

    def _needs(self, identity: Identity, function: Def, calls: int) -> Iterator[Thing]:
        """The locks that a coroutine takes before it could do anything else that lasts, or come back."""
        early = min((at(n) for n in identity.file.own(function) if isinstance(n, _ENDS)), default=(0, 0))
        for passed in through(reversed(function.body)):
            node, outer = passed.node, identity.file.parent(passed.node)
            if passed.rounds or passed.provided is not None:
                continue
            if isinstance(outer, ast.withitem) and at(identity.file.parent(outer) or node) <= early:
                lock = _lock(identity, node)
                if lock is not None and isinstance(identity.file.parent(outer), ast.AsyncWith):
                    yield lock
            first = [n for n in ast.walk(node) if isinstance(n, ast.Await)] if calls else []
            if len(first) == 1 and isinstance(first[0].value, ast.Call) and at(node) <= early:
                for inner in identity.called(first[0].value):
                    yield from self._needs(identity, inner, calls - 1)


def _lock(identity: Identity, expression: ast.AST) -> Thing | None:
    thing = identity.thing(expression)
    if thing is None or not thing.home or identity.is_many(thing):
        return None
    made = [bound.value for bound in identity.values(thing)]
    return thing if made and all(isinstance(m, ast.Call) and name_of(m.func) == "Lock" for m in made) else None


def _is_of_one(holder: Place, waiter: Place) -> bool:
    """Whether an object has given its thread a method of its own, which waits for a coroutine of its own."""

    def own(nodes: Iterable[ast.AST]) -> set[str]:
        found = [n for n in nodes if isinstance(n, ast.Attribute)]
        return {n.attr for n in found if isinstance(n.value, ast.Name) and n.value.id == "self"}

    asked = [
        c.args[0].func
        for c in waiter.file.own(waiter.function)
        if isinstance(c, ast.Call) and name_of(c.func) == "run_coroutine_threadsafe" and c.args
        if isinstance(c.args[0], ast.Call)
    ]
    return getattr(waiter.function, "name", "") in own(ast.walk(holder.statement)) and bool(own(asked))


def _has_limit(place: Place) -> bool:
    """Whether what is under way there may be given up by itself."""
    inner: ast.AST = place.statement
    if any(isinstance(n, ast.Call) and name_of(n.func) in _LIMITS for n in ast.walk(inner)):
        return True
    for outer in place.file.above(inner):
        if isinstance(outer, ast.With | ast.AsyncWith) and any(
            isinstance(i.context_expr, ast.Call) and name_of(i.context_expr.func) in _LIMITS for i in outer.items
        ):
            return True
        if outer is place.function:
            break
    return False
