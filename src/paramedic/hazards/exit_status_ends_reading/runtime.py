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
    for channel, polled in facts.states.polled.items():
        known = facts.channels.alive.get(channel)
        if known is None or polled.ready is None or not polled.reads or polled.last_read is None:
            continue
        left = sum(known.unread)
        if not left or known.last_feed_ns < polled.last_read_ns:
            continue
        reader = facts.world.thread_name(polled.ready.thread)
        message = (
            f"{reader} stopped reading {facts.world.name(channel)} when exit_status_ready() said yes: "
            f"{left:,} bytes of output "
            "were never read"
        )
        steps = [story.call(polled.last_read), story.call(polled.ready)]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [channel])
