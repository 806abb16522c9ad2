"""Functions that are called again: what the last reading gave, and when reading them once more would add nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paramedic.lint.values import (
    Bound,
    Choice,
    ClassValue,
    Collection,
    Const,
    Function,
    Instance,
    Obj,
    Partial,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

DEAR_STEPS = 120
CHEAP_STEPS = 20
"""A function that takes fewer steps is simply read again."""
MOST_DEAR = 6
"""How often a dear function is read in one thread, whoever calls it; one that calls what it is given, more often."""
MOST_RENEWED = 400
"""What one call may make anew; of more, as of a parser's trees, the rest is taken for the same."""
_CALLABLES = (Function, Bound, Partial, Choice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The last reading of a function.

    Attributes:
        result: what it returned.
        since: the moment before it began; what was born later, it made.
        cost: the steps that it took.
        idle: it did nothing but compute.
        bound: the object whose method it was.
    """

    result: Value
    since: int
    cost: int
    idle: bool
    bound: Value | None


def oftenest(cost: int) -> int:
    """How often a function of that cost is read in one thread.

    Threads: the reader's own; does not block.
    """
    if cost < CHEAP_STEPS:
        return 12
    return 5 if cost < 400 else 3


def adds_nothing(w: Walker, last: Reading, fn: Function, args: list[Value], keywords: dict[str, Value]) -> bool:
    """Whether another reading would tell nothing that the last one did not.

    Threads: the reader's own.
    """
    if last.cost < CHEAP_STEPS or fn.kind == "context":
        return False
    same_object = last.bound is fn.bound or not matters(last.result)
    if last.idle and same_object and not any(matters(a) for a in [*args, *keywords.values()]):
        return True
    key = _same_call(w, fn, args, keywords, anywhere=last.cost >= DEAR_STEPS)
    if key in w.world.seen_calls:
        return True
    if last.cost >= DEAR_STEPS and not any(isinstance(a, _CALLABLES) for a in [*args, *keywords.values()]):
        times = w.world.dear_calls[id(fn.node), id(w.context)] = (
            w.world.dear_calls.get((id(fn.node), id(w.context)), 0) + 1
        )
        if times > MOST_DEAR:
            return True
    w.world.seen_calls.add(key)
    return False


def matters(value: Value) -> bool:
    """Whether a value is, or holds, something that operations may be on.

    Threads: the reader's own; does not block.
    """
    if isinstance(value, Collection):
        return any(matters(v) for v in value.everything())
    if isinstance(value, Choice):
        return any(matters(v) for v in value.options)
    if isinstance(value, Unknown):
        return value.became is not None
    return isinstance(value, (Obj, Instance, Function, Bound, Partial))


def _same_call(
    w: Walker, fn: Function, args: list[Value], keywords: dict[str, Value], *, anywhere: bool
) -> tuple[object, ...]:
    """What makes two calls tell the same story: who calls what with what, under which locks, beside which threads.

    For a dear function (``anywhere``) it does not matter in which branch, loop or root function it is called.
    """
    given = tuple(_trait(v) for v in ([fn.bound] if fn.bound is not None else []) + args)
    named = tuple((k, _trait(v)) for k, v in keywords.items())
    holds = tuple(id(lock) for lock in w.locks)
    here: tuple[object, ...] = (id(w.context), len(w.world.contexts))
    if not anywhere:
        here = (*here, w.world.episode, w.loops, tuple(w.path), id(w.on_yield))
    return (id(fn.node), id(fn.scope), given, named, holds, here, w.guards > 0)


def _trait(value: Value) -> object:
    if isinstance(value, Const):
        return value.value if isinstance(value.value, (str, bytes, int, float, type(None))) else id(value)
    if isinstance(value, Unknown) and value.became is None:
        return (value.name, value.loops)
    if isinstance(value, Bound) and isinstance(value.receiver, Obj):
        return (id(value.receiver), value.name)
    if isinstance(value, Function):
        return (id(value.node), id(value.bound), id(value.scope))
    return id(value)


def once_more(w: Walker, last: Reading, bound: Value | None) -> Value:
    """What a call that is not read gives: what it made is made anew, what it handed out is the same.

    Args:
        w: where the reader stands.
        last: the last reading of the function.
        bound: the object whose method is called now; what another object handed out, this one does not.

    Threads: the reader's own.
    """
    before, now = _whole(last.bound), _whole(bound)
    if before is not now and isinstance(last.result, Obj) and last.result.born <= last.since:
        return Unknown(loops=w.loops)
    if isinstance(before, Instance) and isinstance(now, Instance) and before.cls is not now.cls:
        return Unknown(loops=w.loops)  # what it calls may be another class's method
    done: dict[int, Value] = {}
    again = _renewed(w, last.result, last.since, done)
    w.world.steps -= len(done)  # it is work, though nothing is evaluated
    return again


def _whole(value: Value | None) -> Value | None:
    """The instance of which a value is a view."""
    while isinstance(value, Instance) and value.base is not None:
        value = value.base
    return value


def sister_of(w: Walker, known: Instance, cls: ClassValue) -> Instance:
    """An instance of a class that inherits the ``__init__`` that was read for another one's.

    Threads: the reader's own.
    """
    twin = _renewed(w, known, known.born - 1, {})
    assert isinstance(twin, Instance)
    twin.cls = cls
    return twin


def _renewed(w: Walker, value: Value, since: int, done: dict[int, Value]) -> Value:
    if id(value) in done:
        return done[id(value)]
    if len(done) >= MOST_RENEWED:
        return value
    if isinstance(value, Obj) and value.born > since and value.base is None:
        again = Obj(
            value.kind, value.site, w.loops, w.context, value.parent, instance=value.instance, label=value.label
        )
        done[id(value)] = again
        again.born = w.world.next_moment()
        again.parts = {k: v for k, v in value.parts.items() if not k.startswith("part:")}
        if value.parent is not None and value.parent.born > since:
            parent = _renewed(w, value.parent, since, done)
            again.parent = parent if isinstance(parent, Obj) else value.parent
        return again
    if isinstance(value, Instance) and value.born > since and value.base is None:
        twin = Instance(value.cls, w.loops, native=None, born=w.world.next_moment())
        done[id(value)] = twin
        if value.native is not None:
            native = _renewed(w, value.native, since, done)
            if isinstance(native, Obj):
                twin.native = native
                native.instance = twin
        twin.attrs = {k: _renewed(w, v, since, done) for k, v in value.attrs.items()}
        twin.ever = {k: [_renewed(w, v, since, done) for v in vs] for k, vs in value.ever.items()}
        return twin
    if isinstance(value, Collection):
        copied = Collection(length=value.length)
        done[id(value)] = copied
        copied.items = [_renewed(w, v, since, done) for v in value.items]
        copied.keyed = {k: _renewed(w, v, since, done) for k, v in value.keyed.items()}
        copied.rest = [_renewed(w, v, since, done) for v in value.rest]
        return copied
    if isinstance(value, Choice):
        return Choice(tuple(_renewed(w, o, since, done) for o in value.options))
    return value
