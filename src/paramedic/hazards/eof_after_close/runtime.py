"""EOF is sent after CLOSE, or could have been."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.channels import LateEof
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.eof_after_close import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Channels whose input was closed by one thread and which were closed by another.

    Threads: pure.
    """
    story = Story(facts)
    dropped = [eof for eof in facts.channels.late_eofs if _dropped(facts, eof)]
    hurt = [eof for eof in dropped if facts.failed_ns.get(facts.transport_of(eof.channel), 0) >= eof.sent_ns]
    worst = hurt or dropped or facts.channels.late_eofs
    for eof in worst[:1]:
        facts_of_it = (
            "the server dropped the whole connection"
            if hurt
            else "the server dropped the whole connection, on which nothing else was under way"
            if dropped
            else "this server took no offence, OpenSSH's does"
        )
        steps = [
            story.step(eof.closer, eof.closer_stack, eof.closed_ns, "sent CLOSE"),
            story.step(eof.sender, eof.sender_stack, eof.sent_ns, "sent EOF for the same channel, after its CLOSE"),
        ]
        message = f"EOF for {facts.world.name(eof.channel)} was sent after its CLOSE: {facts_of_it}"
        confidence = Confidence.OBSERVED if hurt else Confidence.ADVICE
        yield story.finding(HAZARD, confidence, message, steps, [eof.channel], len(worst))
    for group in story.conflicts(HAZARD):
        best = group[0]
        name = facts.world.name(best.resource)
        message = (
            f"{story.everyone(group)} end the input of {name} and close it, and nothing makes the one wait "
            f"for the other: "
            "EOF can go out after CLOSE"
        )
        steps = [story.call(best.first), story.call(best.second)]
        yield story.finding(HAZARD, Confidence.POSSIBLE, message, steps, [best.resource], sum(c.count for c in group))


_SOON_NS = 2_000_000_000


def _dropped(facts: RunFacts, eof: LateEof) -> bool:
    """Whether the connection ended right after, by the server's will."""
    transport = facts.transport_of(eof.channel)
    ended = facts.transport_ended.get(transport, 0)
    ours = any(facts.lives.was_closed(owner, ended) for owner in (transport, facts.client_of(transport)))
    return eof.sent_ns <= ended < eof.sent_ns + _SOON_NS and not ours
