"""Seen in source: a client, a slot or a lock that is given back only when all went well."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.pool_drained import HAZARD
from paramedic.lint.api import CONNECTIONS
from paramedic.lint.contexts import WORKERS
from paramedic.lint.facts import SourceFacts, values_in
from paramedic.lint.operations import Operation
from paramedic.lint.values import Obj, Value, native_objects
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Takes from a pool whose give-back an exception in between would skip, or that nobody gives back at all.

    Threads: pure.
    """
    for take in facts.having("get"):
        taken = [v for v in _objects(take.result) if v.kind in {*CONNECTIONS, "sftp"}]
        for client in taken:
            backs = [o for o in facts.of(take.obj, "put") if _gives(o, client) and facts.in_order(take, o)]
            risks = [
                o
                for o in facts.below(client)
                if o.effects
                and o.context.strand is take.context.strand
                and take.moment < o.moment
                # a handler comes too late to put the client back if the take, or each way back, is in what it guards
                and (take.guarded or not o.guarded or all(set(o.path) <= set(back.path) for back in backs))
            ]
            if not backs or any(o.in_finally or o.in_handler for o in [*backs, *_replaced(facts, take, client)]):
                continue
            closes = [o for o in facts.of(client, "close") if not o.in_handler and set(o.path) <= set(take.path)]
            if any(take.moment < o.moment < backs[0].moment for o in closes):
                continue  # it is done with, and what is put in is one that the same line has made since
            between = [o for o in risks if o.moment < backs[0].moment and not _same_place(take, o, client)]
            if between:
                message = (
                    f"An exception in {facts.called(between[0])} keeps the client from being put back: the pool drains"
                )
                steps = [facts.step(take), facts.step(between[0]), facts.step(backs[0])]
                yield facts.finding(HAZARD, message, steps, objects=[take.obj])
                break
    yield from _kept_for_good(facts)
    yield from _not_let_go(facts)


def _kept_for_good(facts: SourceFacts) -> Iterable[Finding]:
    """Clients that threads take out of a queue and keep, where the end of the pool closes only what is in the queue."""
    done: set[int] = set()
    for take in facts.having("get", kinds=("queue",)):
        pool, several = take.obj.root, bool(take.context.turns())
        if take.context.kind not in WORKERS or not several or id(pool) in done:
            continue
        puts = facts.of(pool, "put")
        if not puts or any(o.context.kind in WORKERS or o.moment > take.context.start for o in puts):
            continue
        for client in [v for v in _objects(take.result) if v.kind in CONNECTIONS]:
            closes = facts.of(client, "close")
            drains = [o for o in facts.of(pool, "get") if o.context.kind not in WORKERS]
            found = {id(v) for o in drains for v in _objects(o.result)}
            if closes and all(id(o.obj) in found for o in closes):
                done.add(id(pool))
                message = (
                    f"{take.context.name} takes a client out of the pool and neither puts it back nor closes it: the "
                    "pool shrinks with each, and its end closes only those that are in it"
                )
                yield facts.finding(HAZARD, message, [facts.step(take), facts.step(closes[0])], objects=[pool])
                break


def _not_let_go(facts: SourceFacts) -> Iterable[Finding]:
    """Locks and semaphores that are taken by acquire(), and whose release() an exception in between would skip."""
    done: set[int] = set()
    for take in facts.having("acquire", kinds=("lock", "semaphore")):
        called = getattr(take.call, "func", None)
        lock = take.obj
        if getattr(called, "attr", "") != "acquire" or take.has("tried") or id(lock.root) in done:
            continue
        if any(lock.root is guess for guess in facts.world.pseudo_locks.values()):
            continue  # a file's, say, which goes with its object
        backs = [o for o in facts.of(lock, "release") if facts.in_order(take, o)]
        first = min((o.moment for o in backs), default=0)
        risks = [
            o
            for o in facts.having("waits")
            if o.context is take.context and take.moment < o.moment < first and o.episode == take.episode
            if (take.guarded or not o.guarded) and not facts.never_fails(o)
        ]
        others = any(_meets_again(facts, take, o) for o in facts.of(lock, "acquire"))
        if not risks or not others or any(o.in_finally or o.in_handler for o in backs):
            continue
        done.add(id(lock.root))
        name = "slot of the semaphore" if lock.kind == "semaphore" else "lock"
        message = f"An exception in {facts.called(risks[0])} keeps the {name} taken: all others wait for it for ever"
        steps = [facts.step(take), facts.step(risks[0]), facts.step(backs[0])]
        yield facts.finding(HAZARD, message, steps, objects=[lock])


def _meets_again(facts: SourceFacts, take: Operation, other: Operation) -> bool:
    """Whether another taking of a lock may find it taken: by another thread, or when one has gone on after the error.

    Functions that anybody may call are called by threads: who makes locks has some.
    """
    roots = take.context.parent is None and take.episode != other.episode
    return take.guarded or facts.concurrent(other, take, take.obj) or (other.site != take.site and roots)


def _replaced(facts: SourceFacts, take: Operation, client: Obj) -> list[Operation]:
    """Puts of another client of the same kind: what takes the place of a broken one."""
    puts = [o for o in facts.of(take.obj, "put") if o.context.strand is take.context.strand and o.moment > take.moment]
    others = [(o, v) for o in puts for argument in o.args for v in _objects(argument)]
    return [o for o, v in others if v.kind == client.kind and v.root is not client.root]


def _same_place(take: Operation, use: Operation, client: Obj) -> bool:
    """A list from which one function takes and to which it gives back may be its own, unless others filled it."""
    if take.obj.kind != "shelf" or (use.site.file, use.site.function) != (take.site.file, take.site.function):
        return False
    return take.context.parent is None or client.root.maker is take.context


def _gives(put: Operation, client: Obj) -> bool:
    return any(v.root is client.root for argument in put.args for v in _objects(argument))


def _objects(value: Value | None) -> list[Obj]:
    """What a queue gives or gets; of an instance of a subclass, its native side."""
    return [obj for one in values_in(value) for obj in native_objects(one)]
