"""A callback waits on the thread that would have to bring what it waits for."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.callback_blocks_transport import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Callbacks that wait for data, or for other threads, on a transport's thread.

    Threads: pure.
    """
    story = Story(facts)
    for found in facts.callbacks.found():
        if found.own and not found.reads:
            continue
        name = facts.world.name(found.transport)
        what = f"{found.call.method}() on {facts.world.name(found.call.obj)}" if found.own else f"{found.call.name}()"
        message = (
            f"A callback waited {story.duration(found.lasted_ns)} in {what} on the thread of {name}: nothing of that "
            "connection moves meanwhile"
        )
        confidence = Confidence.OBSERVED if found.stuck else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, [story.call(found.call)], [found.transport], found.count)
