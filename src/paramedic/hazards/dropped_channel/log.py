"""In a log: the peer still sends on a channel that no object stands for any more."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.dropped_channel import HAZARD
from paramedic.logs.facts import Dropped, LogFacts
from paramedic.model.finding import Confidence, Finding

AT_ONCE_MS = 50.0
"""So soon the opener went on to its next channel: nobody kept this one to watch over it."""
REBOUND_MS = 50.0
"""Transport.run's variable lets go of the old channel when the next one gets its first message."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    drops: dict[tuple[str, Confidence], list[Dropped]] = {}
    for drop in facts.dropped:
        confidence = _judge(drop)
        if confidence is not None:
            drops.setdefault((drop.channel.transport, confidence), []).append(drop)
    for (transport, confidence), alike in drops.items():
        first = alike[0]
        channel = first.channel
        steps = [
            line.step(what)
            for line, what in (
                (channel.requested, "a command was started on it"),
                (channel.eof_sent, "our side ended it"),
                (first.moved_on.opening if first.moved_on else None, "its opener went on to the next channel"),
                (first.line, "the peer still had something to say, and nobody was there"),
            )
            if line is not None
        ]
        more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
        proof = (
            "That its finalizer closed it is proved by the thread: the transport's own ended it, when it let go of it."
            if first.ended_by == "transport"
            else "That its finalizer closed it is suggested by the moment: when the transport's thread let go of it."
            if confidence is Confidence.POSSIBLE
            else "Whether a finalizer or a call of close() ended it, the log does not say."
        )
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=f"channel {channel.number} of {transport}{more} was closed before its command ended",
            steps=tuple(steps),
            objects=(f"channel {channel.number} of {transport}",),
            why=f"The log proves that the channel was gone before its end of stream. {proof} {HAZARD.why}",
            count=len(alike),
        )


def _judge(drop: Dropped) -> Confidence | None:
    """How sure it is that a finalizer ended the channel; a channel may be closed before its end on purpose.

    Channel.close logs our end of stream (channel.py, _send_eof), unless stdin's finalizer or the user has ended it
    before. So an end that another thread logged is a close() there. The transport's own thread closes only what it
    holds last, or what the peer has closed; and then the peer says no more. An SFTP session has no command to cut off.
    """
    if drop.channel.sftp or drop.ended_by == "other":
        return None
    if drop.ended_by == "transport":
        return Confidence.POSSIBLE
    moved, after = drop.moved_on_ms, drop.after_answer_ms
    if moved is None or after is None or not (0 <= moved <= AT_ONCE_MS and 0 <= after <= REBOUND_MS):
        return None
    # With more channels at work, the transport's thread lets go of one at any moment.
    return Confidence.POSSIBLE if drop.beside <= 1 else Confidence.ADVICE
