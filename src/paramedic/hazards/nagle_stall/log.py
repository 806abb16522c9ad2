"""In a log: opening a channel takes the 40 ms of a delayed acknowledgement, other answers do not."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.nagle_stall import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

ENOUGH = 3
STALL_MS = (36.0, 60.0)
"""Linux delays an acknowledgement by 40 ms; a request right after it shows what the wire can do."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for transport in facts.transports:
        opening, requests = (sorted(x) for x in transport.round_trips_ms)
        if len(opening) < ENOUGH or len(requests) < ENOUGH:
            continue
        typical, fast = opening[len(opening) // 2], requests[len(requests) // 2]
        if STALL_MS[0] <= typical <= STALL_MS[1] and fast * 4 < typical and transport.started is not None:
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.ADVICE,
                message=f"opening a channel on {transport.name} takes {typical:.0f} ms where a "
                f"request takes {fast:.0f} ms",
                steps=(transport.started.step("the connection"),),
                objects=(transport.name,),
                why="The log proves the times; that Nagle's algorithm and a delayed acknowledgement "
                "meet is suggested by "
                "the 40 ms. " + HAZARD.why,
                count=len(opening),
            )
