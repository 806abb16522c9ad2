"""Seen in source: two locks nested in opposite orders, or a callback's lock held around a wait for the connection."""

from __future__ import annotations

import re
from collections.abc import Iterable

from paramedic.hazards.lock_order_inversion import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.guards import is_sorted
from paramedic.lint.meetings import lets_one_in
from paramedic.lint.operations import Operation
from paramedic.lint.values import Obj, Unknown, text_of
from paramedic.model.finding import Finding

_ANSWERED = ("open", "request", "global", "auth", "sftp", "connect", "status", "read:stdout")
"""Effects that end only when the transport thread has read the answer."""
_MOST_WAYS = 60
"""So many places where two locks are taken in one order are compared with those of the other order."""


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Cycles among locks, and between a lock and a transport thread.

    Threads: pure.
    """
    yield from _callbacks(facts)
    taken = [o for o in facts.having("acquire") if lets_one_in(o.obj) and not o.has("tried")]
    nested = [(held, o) for o in taken for held in o.locks if lets_one_in(held)]
    yield from _by_key(facts, nested)
    # What is held already is entered once more, which waits for nobody.
    nested = [(held, o) for held, o in nested if not any(lock is o.obj for lock in o.locks)]
    # `first.lock`, where first is one of two: that both are taken there says nothing about their order.
    nested = [(held, o) for held, o in nested if not any(lock is held for lock in o.args)]
    orders: dict[tuple[int, int], list[tuple[Obj, Operation]]] = {}
    for held, o in nested:
        ways = orders.setdefault((id(held.root), id(o.obj.root)), [])
        if len(ways) < _MOST_WAYS:
            ways.append((held, o))
    done: set[frozenset[int]] = set()
    for outer, a in (way for ways in orders.values() for way in ways):
        for other, b in orders.get((id(a.obj.root), id(outer.root)), ()):
            pair = frozenset({id(outer.root), id(a.obj.root)})
            if len(pair) < 2 or pair in done or a is b or not (_meet(a, b, other, a.obj) and _meet(a, b, b.obj, outer)):
                continue
            if (facts.concurrent(a, b, facts.anywhere) or _both_entered(facts, a, b)) and not _gate(a, b, outer, other):
                done.add(pair)
                message = f"{facts.name(outer)} and {facts.name(other)} are taken in opposite orders by two threads"
                yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[outer, other])


def _by_key(facts: SourceFacts, nested: list[tuple[Obj, Operation]]) -> Iterable[Finding]:
    """Two locks of one collection, each taken by a key that differs from thread to thread, in no order of the keys."""
    done: set[tuple[str, int]] = set()
    steps: dict[int, set[int]] = {}
    for held, taken in nested:
        if held.root is taken.obj.root and held is not taken.obj:
            steps.setdefault(id(held.root), set()).add(_step(held, taken.obj))
    for held, taken in nested:
        if steps.get(id(held.root)) in ({1}, {-1}):
            continue  # from each to its neighbour, always in the one direction
        place = (taken.site.file, taken.site.line)
        among = {id(lock.root) for lock in _options(taken)}
        others = {id(lock.root) for lock in taken.locks if lock.tag != taken.obj.tag} & among
        dict_of_each = held.root is taken.obj.root and held is not taken.obj and held.uncertain and taken.obj.uncertain
        two = dict_of_each or len(others) > 1 or _two_items(held, taken.obj)
        if place in done or not two or is_sorted(facts, taken):
            continue
        gates = [one for one in facts.common_locks(taken, taken) if one.root is not held.root and not one.uncertain]
        if facts.concurrent(taken, taken, facts.anywhere) and not gates:
            done.add(place)
            message = f"Two locks of one collection ({facts.name(held)}) are taken in the order of their keys' arrival"
            yield facts.finding(HAZARD, message, facts.steps_of(taken, taken), objects=[held, taken.obj])


def _step(held: Obj, taken: Obj) -> int:
    """Where ``locks[n + 1]`` is taken with ``locks[n]`` held: in which direction; 0 where it is not so."""
    tags = [one.tag if isinstance(one.tag, tuple) and one.tag[:1] == ("item",) else () for one in (held, taken)]
    keys = [tag[1] if len(tag) > 1 and isinstance(tag[1], str) else "" for tag in tags]
    for (first, second), direction in ((keys, 1), (keys[::-1], -1)):
        further = re.match(r"BinOp\(left=(.*), op=(Add|Sub)\(\), right=Constant\(value=\d+\)\)$", second)
        if further is not None and further[1] == first:
            return direction if further[2] == "Add" else -direction
    return 0


def _two_items(held: Obj, taken: Obj) -> bool:
    """Whether what looks like one item of a list must be two: a plain Lock is not taken by who has it."""
    item = isinstance(taken.tag, tuple) and taken.tag[:1] == ("item",)
    return held is taken and item and text_of(taken.root.parts.get("__path", Unknown())) == "threading.Lock"


def _options(taken: Operation) -> list[Obj]:
    return [v for v in taken.args if isinstance(v, Obj)]


def _meet(a: Operation, b: Operation, one: Obj, other: Obj) -> bool:
    """Whether two locks may be one: the same, or each any of the same several, as two threads have them."""
    if one is other:
        return True
    return one.root is other.root and a.context is not b.context and not (one.owned or other.owned)


def _both_entered(facts: SourceFacts, a: Operation, b: Operation) -> bool:
    """Whether two functions that anybody may call take the locks: who makes locks has threads."""
    return (
        a.context is b.context
        and a.context.parent is None
        and a.episode != b.episode
        and not {a.episode, b.episode} & facts.world.bodies
    )


def _gate(a: Operation, b: Operation, *inner: Obj) -> bool:
    return any(one is two and one not in inner for one in a.locks for two in b.locks)


def _callbacks(facts: SourceFacts) -> Iterable[Finding]:
    done: set[int] = set()
    for taken in facts.having("acquire"):
        transport = taken.context.transport
        if not taken.context.is_callback or transport is None or taken.obj.kind != "lock" or id(taken.obj) in done:
            continue
        for wait in facts.having(*_ANSWERED):
            same = facts.connection(wait.obj).root is facts.connection(transport).root
            held = any(lock is taken.obj for lock in wait.locks)
            if held and same and not wait.context.is_callback and wait.has("waits"):
                done.add(id(taken.obj))
                message = (
                    f"{facts.name(taken.obj)} is held around {facts.called(wait)}, which waits for the transport "
                    f"thread; {taken.context.name} waits there for the same lock"
                )
                yield facts.finding(
                    HAZARD, message, [facts.step(wait), facts.step(taken, "takes the lock")], objects=[taken.obj]
                )
                break
