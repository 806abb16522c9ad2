"""What the former turn of a loop has left: read once, a body shows only what was there before the loop.

Such a variable is given, at the beginning of the turn, a stand-in beside what it held. Whoever waits for that waits for
what the variable holds at the end of the turn.

Threads: one thread, the reader's own; nothing here blocks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramedic.lint import limits
from paramedic.lint.contexts import Context
from paramedic.lint.slots import LEAVES, Slot, kind_of, presence, slots
from paramedic.lint.values import (
    ClassValue,
    Instance,
    Loops,
    Obj,
    Value,
    alternatives,
    choose,
    native_objects,
)

if TYPE_CHECKING:
    from paramedic.lint.walker import Walker

_WAITS = frozenset(("wait", "result", "get", "exception", "await"))
_LEFT = frozenset(("event", "future", "promise", "thread"))
_OVER = frozenset(("done", "is_set", "ready"))


@dataclass(frozen=True, slots=True)
class Wait:
    """One place where the former turn's end is awaited.

    Attributes:
        moment: when.
        context: who waits.
        loops: the loops around it.
        path: the branches around it, but for those that only ask whether there is a former turn.
    """

    moment: int
    context: Context
    loops: Loops
    path: frozenset[tuple[int, int]]


@dataclass(slots=True, eq=False)
class Former:
    """A stand-in for what the former turn has left.

    Attributes:
        obj: what stands for it.
        covers: the loops of which each turn has it from the one before.
        left: what it is.
        waits: who surely waits for it.
    """

    obj: Obj
    covers: frozenset[int]
    left: tuple[Obj, ...] = ()
    waits: list[Wait] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A variable that has got a stand-in: which, beside what, and of which loops."""

    slot: Slot
    stand_in: Obj | Instance
    before: Value
    covers: frozenset[int]


@contextmanager
def turn(w: Walker, node: ast.For | ast.AsyncFor | ast.While, number: int) -> Iterator[None]:
    """Around the reading of a loop's body.

    Threads: the reader's own.
    """
    test = node.test if isinstance(node, ast.While) else None
    begun = [_begin(w, slot, frozenset({number})) for slot in _slots(w, node, node.body, test)]
    yield
    _end_all(w, begun)


def _end_all(w: Walker, begun: list[_Begun | None]) -> None:
    for one in begun:
        if one is not None:
            _end(w, one)


@contextmanager
def call(w: Walker, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[None]:
    """Around the reading of a function's body, where a loop calls it again and again: what it leaves stays.

    Threads: the reader's own.
    """
    turns = frozenset(w.loops[len(w.context.loops) :])
    begun = []
    if turns and not isinstance(node, ast.AsyncFunctionDef):
        begun = [
            _begin(w, slot, turns)
            for slot in _slots(w, node, node.body, None)
            if isinstance(slot.target, ast.Attribute) or slot.target.id in _declared(node)
        ]
    yield
    _end_all(w, begun)


def _declared(node: ast.FunctionDef) -> set[str]:
    return {name for n in node.body if isinstance(n, (ast.Global, ast.Nonlocal)) for name in n.names}


def _slots(w: Walker, node: ast.AST, body: list[ast.stmt], test: ast.expr | None) -> tuple[Slot, ...]:
    known = w.world.carrying.get(id(node))
    if known is None:
        known = w.world.carrying[id(node)] = slots(body, test)
    return known


def _holder(w: Walker, slot: Slot) -> tuple[dict[str, Value], str, Loops] | None:
    """Where the variable is kept, under which name, and of which loops each turn has such a place of its own."""
    if isinstance(slot.target, ast.Name):
        name = slot.target.id
        scope = w.scope.declared.get(name) or (w.scope if name in w.scope.names else None)
        if scope is None:  # a function's own global declaration is read only later
            scope = w.scope.module_scope() if w.scope.parent is not None else None
        return (scope.names, name, scope.loops) if scope is not None and name in scope.names else None
    held = alternatives(w.evaluate(slot.target.value))
    if len(held) == 1 and isinstance(held[0], Instance) and slot.target.attr in held[0].attrs:
        return held[0].attrs, slot.target.attr, held[0].root.loops
    return None


def _begin(w: Walker, slot: Slot, turns: frozenset[int]) -> _Begun | None:
    place = _holder(w, slot)
    if place is None:
        return None
    names, name, loops = place
    before, covers = names[name], turns - set(loops)
    for outer in alternatives(before):
        covers |= w.world.former_turns.get(id(outer), frozenset())
    stand_in = _stand_in(w, slot) if covers else None
    if stand_in is None:
        return None
    w.world.former_turns[id(stand_in)] = covers
    for native in native_objects(stand_in):
        w.world.formers[id(native)] = Former(native, covers)
    names[name] = choose([before, stand_in])
    return _Begun(slot, stand_in, before, covers)


def _stand_in(w: Walker, slot: Slot) -> Obj | Instance | None:
    if slot.kind:
        return w.make(slot.kind, slot.call)
    func = slot.call.func
    for cls in alternatives(w.evaluate(func)) if isinstance(func, ast.Name) else ():
        if isinstance(cls, ClassValue):
            thread = any(path.endswith(".Thread") for path in cls.external_bases())
            if not thread and not any(isinstance(n, ast.Call) and kind_of(n) for n in ast.walk(cls.node)):
                return None  # it has nothing that one could wait for
            made = Instance(cls, w.loops)
            if thread:
                made.native = w.make("thread", slot.call)
                made.native.instance = made
            return made
    return None


def _end(w: Walker, begun: _Begun) -> None:
    place = _holder(w, begun.slot)
    if place is None:
        return
    names, name, _ = place
    now = alternatives(names[name])
    others = [o for o in now if o is not begun.stand_in]
    if len(others) < len(now):
        names[name] = choose(others or [begun.before])
    known = {id(o) for o in alternatives(begun.before)}
    left = [one for one in others if id(one) not in known]
    for native in native_objects(begun.stand_in):
        _leave(w, w.world.formers[id(native)], [o for one in left for o in native_objects(one)])
    if isinstance(begun.stand_in, Instance) and len(left) == 1 and isinstance(left[0], Instance):
        for attribute, value in left[0].attrs.items():
            held = [o for o in alternatives(value) if isinstance(o, Obj) and o.kind in _LEFT]
            if held and all(set(o.root.loops) & begun.covers for o in held):
                one = begun.stand_in.attrs[attribute] = w.make(held[0].kind, begun.slot.call)
                former = w.world.formers[id(one)] = Former(one, begun.covers)
                _leave(w, former, held)


def _leave(w: Walker, former: Former, left: list[Obj]) -> None:
    if any(set(o.root.loops) & former.covers or id(o.root) in w.world.formers for o in left):
        former.left = tuple(o.root for o in left)
    for begun in [p.context for o in former.left if o.kind in {"future", "thread"} for p in w.world.started_by(o)]:
        for wait in former.waits:
            if wait.context is begun.parent and is_before(wait, begun):
                begun.chained.append((wait.moment, former.covers))


def is_before(wait: Wait, begun: Context) -> bool:
    """Whether a thread surely waits before it starts another one.

    Threads: pure.
    """
    return wait.moment < begun.start and set(wait.loops) <= set(begun.begun_in) and wait.path <= set(begun.path)


# ---------------------------------------------------------------- waiting


def noted(w: Walker, obj: Obj, method: str = "", node: ast.AST | None = None) -> None:
    """A wait for an object, if that stands for what a former turn has left.

    Args:
        w: who waits.
        obj: for what.
        method: the method that is called; "" where it is known to wait, and not to give up.
        node: the call.

    Threads: the reader's own.
    """
    former = w.world.formers.get(id(obj.root))
    if former is None or w.doubts or (method and (method not in _WAITS or limits.gives_up(w, method, node))):
        return
    path = frozenset(step for step in w.path if step not in w.world.only_asks)
    former.waits.append(Wait(w.world.next_moment(), w.context, w.loops, path))


@contextmanager
def doubting(w: Walker, tests: list[ast.expr]) -> Iterator[None]:
    """Around what an expression does only where tests say so: ``f.result() if f is not None else 0`` is sure.

    Threads: the reader's own.
    """
    sure = not w.world.former_turns or all(presence(test, _text(w, test)) is not None for test in tests)
    w.doubts += not sure
    yield
    w.doubts -= not sure


def _text(w: Walker, test: ast.expr) -> str:
    """The variable in a test that may be what a former turn has left; "" if there is none."""
    for node in ast.walk(test):
        if isinstance(node, (ast.Name, ast.Attribute)) and _may_be_former(w, node):
            return ast.unparse(node)
    return ""


def _may_be_former(w: Walker, node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute) and not _is_plain(w, node):
        return False
    return any(id(o) in w.world.former_turns for o in alternatives(w.evaluate(node)))


def _formers(w: Walker, node: ast.expr) -> list[Obj]:
    if isinstance(node, ast.Attribute) and not _is_plain(w, node):
        return []
    return [o for o in native_objects(w.evaluate(node)) if id(o.root) in w.world.formers]


def _is_plain(w: Walker, node: ast.Attribute) -> bool:
    """Whether an attribute is no property: that would be a call."""
    held = [o for o in alternatives(w.evaluate(node.value)) if isinstance(o, Instance)]
    return any(node.attr in one.root.attrs for one in held)


def sure_arms(w: Walker, node: ast.If) -> frozenset[int]:
    """The arms of a branch that are taken, or that are gone on from, wherever there is a former turn.

    Threads: the reader's own.
    """
    if not w.world.former_turns:
        return frozenset()
    present = presence(node.test, _text(w, node.test))
    if present is not None:
        return frozenset({0 if present else 1})
    leaves = isinstance(node.body[-1], LEAVES)
    return frozenset({1}) if leaves and any(True for _ in _ended(w, node.test, False)) else frozenset()


def tried(w: Walker, node: ast.Try, branch: int) -> None:
    """Before the body of a ``try``. A former turn that has failed is over, too.

    Threads: the reader's own.
    """
    if _is_whole(node):
        w.world.only_asks.add((branch, 0))


def _is_whole(node: ast.Try) -> bool:
    """Whether whoever goes on after a ``try`` has done what it begins with."""
    only = len(node.body) == 1 and isinstance(node.body[0], (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.If))
    return only or all(isinstance(handler.body[-1], ast.Raise) for handler in node.handlers)


def arm(w: Walker, node: ast.If, outcome: bool) -> bool:
    """Reads an arm of a branch; True where no run gets past it.

    Threads: the reader's own.
    """
    entered(w, node.test, outcome)
    return w.block(node.body if outcome else node.orelse)


def entered(w: Walker, test: ast.expr, outcome: bool) -> None:
    """An arm of a branch is entered: what the test has asked may be over, then.

    Threads: the reader's own.
    """
    if w.world.formers:
        for obj in _ended(w, test, outcome):
            noted(w, obj)


def _ended(w: Walker, test: ast.expr, outcome: bool) -> Iterator[Obj]:
    """What is over, if it is there at all, where a test is true or false: ``if job is None or job.done():``."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _ended(w, test.operand, not outcome)
    elif isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute):
        if test.func.attr in _OVER if outcome else test.func.attr == "is_alive":
            yield from _formers(w, test.func.value)
    elif isinstance(test, ast.BoolOp):
        text = _text(w, test)
        if isinstance(test.op, ast.Or if outcome else ast.And):  # any of them may be the reason
            rest = [one for one in test.values if presence(one, text) is not (not outcome)]
            if len(rest) == 1:
                yield from _ended(w, rest[0], outcome)
        else:
            for one in test.values:
                yield from _ended(w, one, outcome)
