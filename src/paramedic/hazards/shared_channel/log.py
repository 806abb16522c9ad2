"""In a log with ultra_debug: several threads read, or write, one channel's stream."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_channel import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for shared in facts.shared_streams:
        # Two readers may be one of stdout and one of stderr, which is safe; of three, two share a stream. Two writers
        # may take turns under a lock.
        sure = shared.direction == "reading" and len(shared.threads) > 2
        channel = f"channel {shared.channel.number} of {shared.channel.transport or 'a connection'}"
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE if sure else Confidence.ADVICE,
            message=f"{len(shared.threads)} threads were {shared.direction} on {channel}, in {shared.turns} turns",
            steps=tuple(line.step(shared.direction) for line in shared.lines[:4]),
            objects=(channel,),
            why="The log proves which threads took part; whether a lock made whole dialogues of it, it does not say. "
            + HAZARD.why,
        )
