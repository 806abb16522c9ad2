"""A call waits behind the replies of an unlimited prefetch."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.sftp import STILL_NS
from paramedic.analysis.story import Story
from paramedic.hazards.prefetch_stall import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Calls that waited behind a prefetch.

    Threads: pure.
    """
    story = Story(facts)
    for behind in facts.sftp.behind.values():
        message = (
            f"{facts.world.thread_name(behind.call.thread)} waited {story.duration(behind.lasted_ns)} in "
            f"{behind.call.method}() on "
            f"{facts.world.name(behind.client)} behind the replies to a prefetch() without a limit"
        )
        steps = [story.call(behind.prefetch), story.call(behind.call)]
        confidence = Confidence.OBSERVED if behind.lasted_ns >= STILL_NS else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, steps, [behind.client])
