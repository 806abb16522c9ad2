"""All threads wait for a connection from a pool to which nobody will give one back."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.pooling import borrows
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
    """Yields a finding where threads wait to borrow a connection from a pool and no thread is using one.

    Threads: as `DumpFacts`.
    """
    waiting = [a for a in facts.others if borrows(a, facts.sources) and not facts.moved(a)]
    if not waiting or not facts.shows_all or any(a.wait not in _IDLE for a in facts.others):
        return
    for group in facts.groups(waiting):
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if facts.repeated else Confidence.POSSIBLE,
            message=(
                f"{names(group)} {verb(group, 'waits', 'wait')} for a connection from a pool, and no thread is using "
                "one that it could give back"
            ),
            steps=(step(group, "waits for a connection of the pool"),),
            count=len(group),
        )
