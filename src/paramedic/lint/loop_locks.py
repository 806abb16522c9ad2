"""A lock of an event loop's that is held while its holder awaits a thread, which waits for a coroutine that needs it.

No recording shows asyncio's locks: they block no thread. It shows the thread that waits, and where its work was given
to it; that the lock is held there, and that the coroutine comes to nothing without it, the source says.

Threads: one thread; reads the files that stacks name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from paramedic.lint.identity import Identity, Thing
from paramedic.lint.passages import File, Place, Places, at, name_of, through
from paramedic.model.finding import Site

_GIVES = frozenset("to_thread run_in_executor".split())
_LIMITS = frozenset("wait_for wait timeout timeout_at move_on_after move_on_at fail_after fail_at shield".split())
_ENDS = (ast.Return, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Raise)
_TOGETHER = (ast.Call, ast.Starred, ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp)
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
        holders, waiters = (self._places.places(stack[:1], "") for stack in (given, waits))
        if not holders or not waiters or _has_limit(holders[0]):
            return ""
        (holder, *_), (waiter, *_) = holders, waiters
        held = list(self._held(holder))
        asked = _asked(waiter) if held else None
        for function in self._surely_called(waiter.file, asked):
            for expression, lock in held:
                owned = isinstance(self._identity(holder.file).home(lock), ast.ClassDef)
                if owned and not (_is_own(asked) and _gives_own(holder, waiter)):
                    continue
                if any(lock.is_same(other) for other in self._needs(waiter.file, function, owned, _MOST_CALLS)):
                    return ast.unparse(expression)
        return ""

    def _identity(self, file: File) -> Identity:
        return self._identities.setdefault(id(file), Identity(file))

    def _held(self, place: Place) -> Iterator[tuple[ast.expr, Thing]]:
        """The locks that a coroutine holds while it awaits the work that it has given away."""
        file, identity = place.file, self._identity(place.file)
        given = [n for n in ast.walk(place.statement) if isinstance(n, ast.Call) and name_of(n.func) in _GIVES]
        if not given or not all(_is_awaited(file, each) for each in given):
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

    def _surely_called(self, file: File, call: ast.AST | None) -> list[ast.AsyncFunctionDef]:
        """The coroutine that a call means, where no other one of its name can be meant and nothing is put around it."""
        identity = self._identity(file)
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name | ast.Attribute):
            return []
        if isinstance(call.func, ast.Attribute) and identity.class_of(call.func.value) is None:
            return []
        found = identity.called(call)
        alone = len(found) == 1 and not found[0].decorator_list
        return [f for f in found if alone and isinstance(f, ast.AsyncFunctionDef)]

    def _needs(self, file: File, function: ast.AsyncFunctionDef, owned: bool, calls: int) -> Iterator[Thing]:
        """The locks that a coroutine takes before it could do anything else that lasts, or come back.

        Args:
            file: where it stands.
            function: it.
            owned: whether only those of the same object count.
            calls: how deep.
        """
        first: ast.AST | None = min((n for n in file.own(function) if isinstance(n, _ENDS)), key=at, default=None)
        if first is None or _has_limit(Place(file, function, first)):
            return
        first = first.value if isinstance(first, ast.Return) and first.value is not None else first
        whole = file.parent(first)
        for passed in through(reversed(function.body)):
            if passed.rounds or passed.provided is not None:
                continue
            if isinstance(first, ast.AsyncWith) and passed.node is first.items[0].context_expr:
                lock = _lock(self._identity(file), passed.node)
                if lock is not None:
                    yield lock
            elif (
                isinstance(first, ast.Await) and calls and passed.node is whole and (not owned or _is_own(first.value))
            ):
                for inner in self._surely_called(file, first.value):
                    yield from self._needs(file, inner, owned, calls - 1)


def _lock(identity: Identity, expression: ast.AST) -> Thing | None:
    """The one asyncio.Lock that an expression is: none of another library's, which may let it go by itself."""
    thing = identity.thing(expression) if isinstance(expression, ast.Name | ast.Attribute) else None
    if thing is None or not thing.home or thing.key or identity.is_many(thing):
        return None
    made = [bound.value for bound in identity.values(thing)]
    return thing if made and all(isinstance(m, ast.Call) and _is_asyncios(identity, m) for m in made) else None


def _is_asyncios(identity: Identity, made: ast.Call) -> bool:
    root = made.func.value if isinstance(made.func, ast.Attribute) else made.func
    module = identity.file.imported.get(name_of(root), "")
    return name_of(made.func) == "Lock" and module.partition(".")[0] == "asyncio" and not made.args


def _is_awaited(file: File, given: ast.Call) -> bool:
    """Whether what is given to a thread is awaited at once: by itself, or together with others."""
    for outer in file.above(given):
        if isinstance(outer, ast.Await):
            return True
        if not isinstance(outer, _TOGETHER) or isinstance(outer, ast.Call) and name_of(outer.func) != "gather":
            return False
    return False


def _asked(place: Place) -> ast.Call | None:
    """The coroutine for which a thread waits: the only one that it gives to the loop, and what it asks."""
    found = [
        call
        for call in place.file.own(place.function)
        if isinstance(call, ast.Call) and name_of(call.func) == "run_coroutine_threadsafe"
    ]
    if len(found) != 1 or not found[0].args or not isinstance(found[0].args[0], ast.Call):
        return None
    kept = place.file.parent(found[0])
    names = {name_of(t) for t in kept.targets if isinstance(t, ast.Name)} if isinstance(kept, ast.Assign) else set()
    stored = [n.id for n in place.file.own(place.function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    for node in ast.walk(place.statement):
        if isinstance(node, ast.Attribute) and node.attr == "result":
            name = name_of(node.value) if isinstance(node.value, ast.Name) else ""
            if node.value is found[0] or name in names and stored.count(name) == 1:
                return found[0].args[0]
    return None


def _is_own(call: ast.AST | None) -> bool:
    """Whether it is a call of the same object's method."""
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _is_self(call.func.value)


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _gives_own(holder: Place, waiter: Place) -> bool:
    """Whether an object has given its thread a method of its own, which is the one that waits."""
    name = getattr(waiter.function, "name", "")
    return any(
        isinstance(n, ast.Attribute) and n.attr == name and _is_self(n.value) for n in ast.walk(holder.statement)
    )


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
