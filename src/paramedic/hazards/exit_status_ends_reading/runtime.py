"""Reading stops when the exit status is there, with output still to come."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.exit_status_ends_reading import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Channels whose output was left unread, or not read to its end, after exit_status_ready() had said yes.

    Threads: pure.
    """
    story = Story(facts)
    # where output is read after such a question in one turn of a loop, it is wanted in the other turns, too
    cut = [c for c in facts.states.cut_short if c[2] is not None or c[3].stack in facts.states.reads_where_polled]
    lost = [c for c in cut if c[1]]
    for channel, left, last_read, ready in (lost or cut[:1])[:3]:
        reader = facts.world.thread_name(ready.thread)
        message = f"{reader} stopped reading {facts.world.name(channel)} when exit_status_ready() said yes: " + (
            f"{left:,} bytes of output were never read"
            if left
            else "not to the end, so output that comes after the status is lost"
        )
        steps = [story.call(ready)] if last_read is None else [story.call(last_read), story.call(ready)]
        confidence = Confidence.OBSERVED if left else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, steps, [channel], len(lost or cut))
