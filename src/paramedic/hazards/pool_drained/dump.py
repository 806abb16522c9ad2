"""All threads wait for a connection from a pool to which nobody will give one back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paramedic.dump.activity import Activity
from paramedic.dump.calls import Layer
from paramedic.dump.facts import DumpFacts
from paramedic.dump.pooling import borrows, users_of
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import Wait
from paramedic.hazards.pool_drained import HAZARD
from paramedic.model.finding import Confidence, Finding

_IDLE = frozenset(
    {
        *(Wait.JOIN, Wait.FUTURE, Wait.SHUTDOWN, Wait.TIMER, Wait.POOL_WORK, Wait.QUEUE, Wait.EVENT, Wait.CONDITION),
        *(Wait.LOOP, Wait.SELECT, Wait.SEMAPHORE),
    }
)


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding where threads wait to borrow a connection from a pool and no thread will give one back.

    A thread that uses one and waits for something else than the waiting threads may give it back: `advice`.

    Threads: as `DumpFacts`.
    """
    waiting = [a for a in facts.others if borrows(a, facts.sources) and not facts.moved(a)]
    if not waiting or not facts.shows_all or any(a.wait not in _IDLE for a in facts.others):
        return
    using = users_of(waiting, facts.others, facts.sources)
    free = [a for a in using if not _needs(facts, a, waiting)]
    if free:
        why = f"; {names(free)} {verb(free, 'uses', 'use')} one and {verb(free, 'waits', 'wait')} for {free[0].wait}"
        confidence = Confidence.ADVICE
    else:
        why = f", and {names(using)} {verb(using, 'has', 'have')} one and {verb(using, 'waits', 'wait')} for them"
        confidence = Confidence.OBSERVED if facts.repeated else Confidence.POSSIBLE
    for group in facts.groups(waiting):
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=(
                f"{names(group)} {verb(group, 'waits', 'wait')} for a connection from a pool"
                + (why if using else ", and no thread is using one that it could give back")
            ),
            steps=(step(group, "waits for a connection of the pool"),),
            count=len(group),
        )


def _needs(facts: DumpFacts, user: Activity, waiting: Sequence[Activity]) -> bool:
    """Whether a thread that uses a connection waits for the end or the result of one of the waiting threads."""
    if user.wait is Wait.JOIN:
        join = user.find("threading", "join", layer=Layer.STDLIB)
        known = join is not None and join.address() is not None
        return not known or any(user is a for w in waiting for a in facts.joiners(w))
    # A result that a process brings comes whatever the threads do.
    processes = any(c.at("concurrent.futures.process", layer=Layer.STDLIB) for a in facts.others for c in a.calls)
    return user.wait is Wait.FUTURE and not processes and any(w.pool is not None for w in waiting)
