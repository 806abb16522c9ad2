"""Far more connections than threads that could use them."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import Wait
from paramedic.hazards.leaked_connection import HAZARD
from paramedic.model.finding import Confidence, Finding

_FEW = 3


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields an advice where idle transport threads outnumber the threads that could use them.

    Whether somebody still means to use them a dump cannot say, so it is never more than that.

    Threads: as `DumpFacts`.
    """
    idle = [t for t in facts.transports if t.wait in (Wait.PACKET, Wait.PROXY)]
    passive = (Wait.TIMER, Wait.JOIN, Wait.FUTURE, Wait.SHUTDOWN)
    users = [a for a in facts.others if a.users and (a.pool is not None or a.wait not in passive)]
    if len(idle) < _FEW or len(idle) <= 2 * max(len(users), 1):
        return
    yield Finding(
        hazard=HAZARD.name,
        code=HAZARD.code,
        confidence=Confidence.ADVICE,
        message=(
            f"{len(idle)} connections are open and {len(users)} threads could use them: clients that were dropped, or "
            "kept in thread-locals of threads that have ended, stay open until close()"
        ),
        steps=tuple(t.step("waits for packets of a connection that no thread is using") for t in idle[:3]),
        count=1,
    )
