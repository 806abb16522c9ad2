"""In a log: a second global request goes out before the reply to the first."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.global_request_race import HAZARD
from paramedic.logs.facts import LogFacts, Overlap
from paramedic.model.finding import Confidence, Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    by_transport: dict[str, list[Overlap]] = {}
    for overlap in facts.overlaps:
        by_transport.setdefault(overlap.transport, []).append(overlap)
    for transport, overlaps in by_transport.items():
        one = overlaps[0]
        sure = any(o.sure for o in overlaps)
        threads = dict.fromkeys(line.thread for o in overlaps for line in (o.first, o.second))
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if sure else Confidence.POSSIBLE,
            message=f"two global requests were in flight on {transport} at the same time "
            f"({', '.join(list(threads)[:4])}{' …' if len(threads) > 4 else ''})",
            steps=(
                one.first.step("sent a request and waits for the reply"),
                one.second.step("sent another before that reply came"),
                one.reply.step("one reply, and one slot for both"),
            ),
            objects=(transport,),
            why="The log proves that the requests overlapped; whether a reply went to the wrong "
            "thread it does not say. " + HAZARD.why,
            count=len(overlaps),
        )
