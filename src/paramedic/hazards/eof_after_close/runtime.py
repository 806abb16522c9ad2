"""EOF is sent after CLOSE, or could have been."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.eof_after_close import HAZARD
from paramedic.model.finding import Confidence, Finding, Step


def find(facts: RunFacts) -> Iterator[Finding]:
    """Channels whose input was closed by one thread and which were closed by another.

    Threads: pure.
    """
    story = Story(facts)
    late = {eof.channel: eof for eof in facts.channels.late_eofs}
    for eof in list(late.values())[:1]:
        steps = [
            story.step(eof.closer, eof.closer_stack, eof.closed_ns, "sent CLOSE"),
            story.step(eof.sender, eof.sender_stack, eof.sent_ns, "sent EOF for the same channel, after its CLOSE"),
        ]
        name = facts.world.name(eof.channel)
        message = f"EOF for {name} was sent after its CLOSE: an OpenSSH server drops the whole connection for that"
        yield story.finding(HAZARD, Confidence.OBSERVED, message, _in_order(steps), [eof.channel], len(late))
    for group in story.conflicts(HAZARD):
        best = group[0]
        name = facts.world.name(best.resource)
        message = (
            f"{story.everyone(group)} end the input of {name} and close it, and nothing makes the one wait for the other: "
            "EOF can go out after CLOSE"
        )
        steps = [story.call(best.first), story.call(best.second)]
        yield story.finding(HAZARD, Confidence.POSSIBLE, message, steps, [best.resource], sum(c.count for c in group))


def _in_order(steps: list[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: step.at_s or 0.0)
