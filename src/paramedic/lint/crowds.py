"""How many threads a context may be at once, and whether something bounds them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from paramedic.lint.guards import counts
from paramedic.lint.values import Unknown, number_of

if TYPE_CHECKING:
    from paramedic.lint.contexts import Context
    from paramedic.lint.facts import SourceFacts
    from paramedic.lint.operations import Operation
    from paramedic.lint.values import Obj


def crowd_of(facts: SourceFacts, context: Context, owner: Obj | None = None) -> int | None:
    """How many threads of a context may run at once, on one owner; None where the source does not tell.

    Threads: pure.
    """
    total = 1
    turns = context.turns() - set(owner.loops if owner is not None else ())
    pools: dict[int, int] = {}
    maker: Context | None = None
    for one in context.chain():
        if maker is not None and one is not maker:
            continue  # however many submit to a pool, its workers are no more
        maker = None
        mine = [loop for loop in one.loops if loop in turns and (one.parent is None or loop not in one.parent.loops)]
        if not mine:
            continue
        items: int | None = 1
        for loop in mine:
            size = facts.world.loop_sizes.get(loop)
            items = None if items is None or size is None else items * size
        known = [n for n in (one.width, _batch(facts, one, items)) if n is not None]
        if not known:
            return None
        factor = min(known)
        if one.pool is not None and one.width is not None:
            # Work that a pool's own workers submit to it waits for the same workers.
            before = pools.get(id(one.pool.root), 1)
            factor = max(1, min(factor, one.width // before))
            pools[id(one.pool.root)] = before * factor
            maker = one.pool.root.maker if any(c is one.pool.root.maker for c in one.chain()[1:]) else None
        total *= factor
    return total


def _batch(facts: SourceFacts, context: Context, items: int | None) -> int | None:
    """How many of the items are begun in one turn of a loop that waits for their ends before its next turn."""
    waited = {loop for _, loops, _ in context.joins for loop in loops}
    outer = context.parent.loops if context.parent is not None else ()
    begun = [loop for loop in context.begun_in if loop not in outer]
    if not waited & set(begun):
        return items
    total = 1
    for loop in begun:
        size = 1 if loop in waited else facts.world.loop_sizes.get(loop)
        if size is None:
            return None
        total *= size
    return total if items is None else min(total, items)


def unknown_crowd(context: Context) -> str:
    """What a crowd is of which nobody can say how large it is.

    Threads: pure.
    """
    requests = any(one.kind == "server" for one in context.chain())
    return "A thread for each request" if requests else "A thread for each item of a list"


def bounded(facts: SourceFacts, operation: Operation, limit: int) -> bool:
    """Whether few enough get to an operation: by a semaphore around it, or because they wait for room and give it back.

    Threads: pure.
    """
    if any(lock.kind == "semaphore" and _lets_in(lock, limit) for lock in operation.locks):
        return True
    if any(_begins_few(facts, one, limit) for one in operation.context.chain()):
        return True
    waits = facts.having("wait-signal", kinds=("lock", "queue"))
    return any(_is_gate(facts, operation, wait, limit) for wait in waits)


def _lets_in(semaphore: Obj, limit: int) -> bool:
    count = number_of(semaphore.root.parts.get("__count", Unknown()))
    return count is None or count <= limit


def _begins_few(facts: SourceFacts, context: Context, limit: int) -> bool:
    """Whether who begins the threads takes a slot of a semaphore for each, which the thread, or its end, gives back."""
    for take in facts.having("acquire", kinds=("semaphore",)):
        each = set(context.begun_in) - set(take.obj.root.loops) <= set(take.loops)
        if take.context is not context.parent or take.episode != context.episode or take.moment > context.start:
            continue
        given = facts.of(take.obj, "release")
        kept = not any(o.context is take.context and take.moment < o.moment < context.start for o in given)
        if each and kept and any(o.context is not take.context for o in given) and _lets_in(take.obj, limit):
            return True
    return False


def _is_gate(facts: SourceFacts, operation: Operation, wait: Operation, limit: int) -> bool:
    """Whether a thread waits on a condition, or for a token, before an operation, and passes it on afterwards."""
    if wait.context is not operation.context or wait.moment > operation.moment or "__polled" in wait.obj.root.parts:
        return False
    given = [
        o
        for o in facts.of(wait.obj, "give-signal")
        if o.context is wait.context and o.moment > operation.moment and o.episode == wait.episode
    ]
    if wait.obj.kind == "lock":
        return any(counts(facts, wait, operation, o) for o in given)
    tokens = _put_in(facts, wait)
    few = tokens is None or tokens <= limit
    return few and any("put" in o.effects and any(a is wait.result for a in o.args) for o in given)


def _put_in(facts: SourceFacts, wait: Operation) -> int | None:
    """How many things others have put into the queue that is waited for; None where the source does not tell."""
    total = 0
    for put in facts.of(wait.obj, "put"):
        if put.context is wait.context:
            continue
        sizes = [facts.world.loop_sizes.get(loop) for loop in put.loops if loop not in wait.obj.root.loops]
        if any(size is None for size in sizes):
            return None
        total += math.prod(size for size in sizes if size is not None)
    return total
