"""A blocking call on an event loop's thread."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.blocking_the_event_loop import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Remote calls that were made on the thread of a running event loop.

    Threads: pure.
    """
    story = Story(facts)
    for call, lasted, count in facts.states.on_loop.values():
        if lasted < LONG_NS:
            continue
        message = (
            f"{call.method}() blocked the event loop on {facts.world.thread_name(call.thread)} for "
            f"{story.duration(lasted)}: "
            "no other coroutine ran meanwhile"
        )
        yield story.finding(HAZARD, Confidence.OBSERVED, message, [story.call(call)], [call.obj], count)


LONG_NS = 100_000_000
"""What asyncio's debug mode calls slow (``loop.slow_callback_duration``)."""
