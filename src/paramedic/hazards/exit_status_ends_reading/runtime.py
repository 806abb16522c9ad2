"""Reading stops when the exit status is there, with output still to come."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.exit_status_ends_reading import HAZARD
from paramedic.lint.closed_loops import ClosedLoops
from paramedic.model.finding import Confidence, Finding

_WHY_CLOSED = (
    "Channel.closed and eof_received (channel.py, _handle_close and _handle_eof) are set by the transport's thread as "
    "the peer's message comes, with output still in the buffer; only recv() returning b'' says that it is empty"
)


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
    yield from _until_closed(facts, story)


def _until_closed(facts: RunFacts, story: Story) -> Iterator[Finding]:
    """Loops that ask whether the channel is closed, and leave what has come by then."""
    source, found = ClosedLoops(), []
    for each in facts.states.unheeded:
        try:
            end = source.ends(facts.world.stack(each.look.stack))
        except Exception:  # what the source is like is not known: nothing is said, and what else was found is not lost
            continue
        if end:
            found.append((each, end))
    lost = [(each, end) for each, end in found if each.left]
    for each, end in (lost or found[:1])[:3]:
        reader, channel = facts.world.thread_name(each.look.thread), facts.world.name(each.channel)
        message = f"{reader} stopped reading {channel} when {end} was true: " + (
            f"{each.left:,} bytes of output were never read"
            if each.left
            else "not to the end, so output that comes just before is lost"
        )
        confidence = Confidence.OBSERVED if each.left else Confidence.POSSIBLE
        steps = [story.call(each.look)]
        yield story.finding(HAZARD, confidence, message, steps, [each.channel], len(lost or found), why=_WHY_CLOSED)
