"""In a log: the transport's thread stops where it would end a channel, and others wait."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.finalizer_deadlock import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

HABIT = 3
"""So many channels the transport's thread has ended itself, right after the peer: then it does so with the next one."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for transport in facts.transports:
        channel = transport.stopped_after_eof
        waiting = [c for c in transport.ending.waiting if c.opening is not None]
        if channel is None or channel.eof_received is None or transport.ending.how or not waiting:
            continue
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE if transport.ended_by_itself >= HABIT else Confidence.ADVICE,
            message=f"the thread of {transport.name} stopped while it ended channel {channel.number}, and "
            f"{len(waiting)} channel{'s wait' if len(waiting) > 1 else ' waits'} for it",
            steps=(
                channel.eof_received.step("its last line; our own EOF should follow at once"),
                *(c.opening.step(f"channel {c.number} is waited for") for c in waiting[:3] if c.opening is not None),
            ),
            objects=(transport.name,),
            why="The log proves where the thread stopped and who waits. That the garbage collector ran a finalizer "
            "there, under the channel's lock, it suggests; a thread dump proves it. " + HAZARD.why,
        )
