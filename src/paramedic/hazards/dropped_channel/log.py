"""In a log: the peer still sends on a channel that no object stands for any more."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.dropped_channel import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

AT_ONCE_MS = 50.0
"""So soon the opener went on to its next channel: nobody kept this one to watch over it."""
REBOUND_MS = 50.0
"""Transport.run's variable lets go of the old channel when the next one gets its first message."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for drop in facts.dropped:
        moved, after = drop.moved_on_ms, drop.after_answer_ms
        if moved is None or after is None or not (0 <= moved <= AT_ONCE_MS and 0 <= after <= REBOUND_MS):
            continue  # a channel may be closed before its end on purpose
        channel = drop.channel
        steps = [
            line.step(what)
            for line, what in (
                (channel.requested, "a command was started on it"),
                (drop.moved_on.opening if drop.moved_on else None, "the same thread went on to the next channel"),
                (drop.line, "the peer still had something to say, and nobody was there"),
            )
            if line is not None
        ]
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE,
            message=f"channel {channel.number} of {channel.transport} was closed before its command "
            f"ended, as soon as the "
            "next channel was in use",
            steps=tuple(steps),
            objects=(f"channel {channel.number} of {channel.transport}",),
            why="The log proves that the channel was gone before its end of stream. That its finalizer closed it is "
            "suggested by the moment: when the transport's thread let go of it. " + HAZARD.why,
        )
