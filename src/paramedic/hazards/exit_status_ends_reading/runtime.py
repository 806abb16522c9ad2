"""Reading stops when the exit status is there, with output still to come."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.exit_status_ends_reading import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Channels whose output was left unread after exit_status_ready() had said yes.

    Threads: pure.
    """
    story = Story(facts)
    for channel, left, last_read, ready in facts.states.cut_short[:3]:
        reader = facts.world.thread_name(ready.thread)
        message = (
            f"{reader} stopped reading {facts.world.name(channel)} when exit_status_ready() said yes: "
            f"{left:,} bytes of output "
            "were never read"
        )
        steps = [story.call(last_read), story.call(ready)]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [channel])
