"""A variable that a wait is for: what it is at first, who changes it, and whether the wait then ends.

Threads: one thread.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from paramedic.lint.awaiting import Awaiting
from paramedic.lint.changes import ASKS
from paramedic.lint.identity import UNFINISHED, Bound, Identity, Thing
from paramedic.lint.outcomes import ALL, UNKNOWN, Change, Condition, Sized, change_of, changed, holds, made
from paramedic.lint.passages import Def, Place, name_of
from paramedic.lint.telling import Done

_HARMLESS = ASKS | frozenset(
    "print repr format log warn isinstance id hash enumerate zip map filter reversed iter Thread Timer submit "
    "start join Process index count read recv recv_bytes poll accept select fileno is_alive result "
    "locked exists".split()
)
"""What only looks, or hands on: a function of the file that gets it is looked into."""
_OF_QUEUES = {"put": "more", "put_nowait": "more", "task_done": "less"}
_ORDERS = ast.Lt | ast.LtE | ast.Gt | ast.GtE


@dataclass(frozen=True, slots=True)
class Effect:
    """A change that a thread makes.

    Attributes:
        change: the change.
        again: whether it makes it again and again, each time with a call of the same line.
    """

    change: Change
    again: bool


class Variable:
    """One that a condition speaks of.

    Args:
        identity: the variables of the file.
        thing: which it is.
        way: the condition by which a wait ends.

    Threads: one thread.
    """

    def __init__(self, identity: Identity, thing: Thing, way: Condition) -> None:
        self.identity, self.thing, self.way = identity, thing, way
        self._constant = Awaiting(identity).constant

    # what it is

    def is_open(self, state: object) -> bool | None:
        """Whether the wait ends with this value; None if that cannot be told."""
        return holds(self.way, lambda e: state if self._is(e) else self._known(e))

    def at_first(self, users: set[int]) -> object:
        """What it is made as, by others than these functions (by ``id()``)."""
        home, module = self.identity.home(self.thing), self.identity.file.tree
        for bound in (*self.identity.values(self.thing), *self.identity.in_class(self.thing)):
            maker = self.identity.file.home(bound.target)
            others = maker is module and id(module) not in users
            if bound.together or not (maker is home or others or getattr(maker, "name", "") == "__init__"):
                continue
            found = self._made(bound)
            if found is not None:
                return found[0]
        return UNKNOWN

    def _made(self, bound: Bound) -> tuple[object] | None:
        whole = self.identity.thing(bound.target)
        if self.thing.key == UNFINISHED:
            return (Sized(0),)
        if not self.thing.key or whole is None or whole.key:
            return (made(bound.value, self._constant),)
        if not isinstance(bound.value, ast.Dict):
            return None
        keys = [repr(key.value) if isinstance(key, ast.Constant) else "" for key in bound.value.keys]
        if self.thing.key not in keys:
            return (None,)
        return (made(bound.value.values[keys.index(self.thing.key)], self._constant),)

    def after(self, state: object, changes: Iterable[Change]) -> object:
        """What it is after changes."""
        for change in changes:
            state = changed(state, change, self._constant)
        return state

    def states(self, state: object, changes: Iterable[Change]) -> Iterator[object]:
        """What it is after each of several changes."""
        for change in changes:
            state = changed(state, change, self._constant)
            yield state

    def counts(self, atom: ast.expr, truth: bool, kinds: set[str], again: bool) -> bool:
        """Whether a part of the condition is so only when all have made such changes, or at the asker's turn."""
        if isinstance(atom, ast.Call) and name_of(atom.func) in ALL:
            return truth == (name_of(atom.func) == "all")
        growing, shrinking = kinds <= {"more", "add"}, kinds <= {"less", "subtract"}
        if not isinstance(atom, ast.Compare) or len(atom.comparators) != 1:
            return shrinking
        other = next((s for s in (atom.left, atom.comparators[0]) if not self._speaks(s)), atom.comparators[0])
        amount = made(other, self._known)
        is_number = isinstance(amount, int | float)
        equal = isinstance(atom.ops[0], ast.Eq | ast.NotEq)
        if equal and self._is_ones_own(other):
            return True
        if growing and (equal or isinstance(atom.ops[0], _ORDERS)):
            literal = again and isinstance(other, ast.Constant)  # it goes on, then
            return not (is_number and amount <= 1) and not literal
        return shrinking and is_number and amount <= 1

    def _is_ones_own(self, node: ast.expr) -> bool:
        """Whether it is a parameter, a variable or an attribute of the one who asks."""
        if isinstance(node, ast.Attribute):
            return isinstance(node.value, ast.Name) and node.value.id == "self"
        thing = self.identity.thing(node)
        return thing is not None and isinstance(self.identity.home(thing), Def)

    def _is(self, expression: ast.expr) -> bool:
        known = self.identity.thing(expression)
        return known is not None and known.is_same(self.thing)

    def _speaks(self, expression: ast.expr) -> bool:
        return any(thing.is_same(self.thing) for thing in things(self.identity, expression))

    def _known(self, expression: ast.expr) -> object:
        return self._constant(expression) if isinstance(expression, ast.Name | ast.Attribute) else UNKNOWN

    # who changes it

    def changes(self, node: ast.AST) -> Iterator[Change]:
        """What a node does to it; a call of the file's functions does nothing itself."""
        if isinstance(node, ast.Call):
            name = name_of(node.func)
            if self.thing.key == UNFINISHED:  # of a queue, of which get() says nothing
                if name in _OF_QUEUES and isinstance(node.func, ast.Attribute) and self._is(node.func.value):
                    yield Change(_OF_QUEUES[name], None, node)
                return
            if self._is_stored(node):
                yield Change("set", node.args[1], node)
                return
            looks = name in _HARMLESS and not (name == "set" and isinstance(node.func, ast.Attribute))
            if looks or name[:1].isupper() or self.identity.meant(node):
                return
            if isinstance(node.func, ast.Name):  # `on_done` may be given as `sizes.append`
                given = self.identity.given(self.identity.file.home(node), name)
                if len(given) == 1 and isinstance(given[0], ast.Attribute):
                    node = ast.Call(given[0], node.args, node.keywords)
        yield from change_of(node, self._is, bool(self.thing.key))

    def _is_stored(self, node: ast.Call) -> bool:
        """``store.set("job", "done")``, of an item that is asked for."""
        key = node.args[0] if len(node.args) == 2 else None
        return (
            name_of(node.func) in ("set", "put", "store")
            and isinstance(key, ast.Constant)
            and repr(key.value) == self.thing.key
            and isinstance(node.func, ast.Attribute)
            and self._is(node.func.value)
        )

    def effects(self, doings: Iterable[Done]) -> Iterator[Effect]:
        """What is done to it by those who do these things."""
        for one in doings:
            if not one.leaves:
                there = self if one.identity is self.identity else Variable(one.identity, self.thing, self.way)
                for change in there.changes(one.node):
                    yield Effect(change, one.again)


def subjects(identity: Identity, place: Place) -> Iterator[Thing]:
    """What the call of a place is made on.

    Threads: one thread.
    """
    base = place.node.func if isinstance(place.node, ast.Call) else None
    while isinstance(base, ast.Attribute):
        base = base.value
        thing = identity.thing(base)
        if thing is not None:
            yield thing


def things(identity: Identity, node: ast.AST, steps: int = 3) -> Iterator[Thing]:
    """What an expression speaks of, but for the functions that it calls; of a property, what it speaks of.

    Threads: one thread.
    """
    if isinstance(node, ast.Call):
        item = identity.thing(node)
        if item is not None:
            yield item
        elif isinstance(node.func, ast.Attribute):
            yield from things(identity, node.func.value, steps)
        for argument in node.args:
            yield from things(identity, argument, steps)
    elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        thing = identity.thing(node)
        if thing is not None and not (isinstance(node, ast.Name) and node.id in identity.file.imported):
            yield thing
        functions = identity.file.functions.get(node.attr, ()) if isinstance(node, ast.Attribute) and steps else ()
        for function in functions:
            for inner in identity.file.own(function) if function.decorator_list else ():
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from things(identity, inner.value, steps - 1)
    else:
        for child in ast.iter_child_nodes(node):
            yield from things(identity, child, steps)
