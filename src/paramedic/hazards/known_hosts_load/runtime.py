"""A known_hosts file is loaded again and again."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.known_hosts_load import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Loads of known_hosts that took long, together.

    Threads: pure.
    """
    story = Story(facts)
    loads = list(facts.states.loads)
    # A load of one file costs what the fastest of them took: the others waited for a processor, or for the GIL.
    took: dict[int, list[int]] = {}
    for load in loads:
        took.setdefault(load.words, []).append(load.ended_ns - load.began_ns)
    spent = sum(len(times) * min(times) for times in took.values())
    if len(loads) < 2 or spent < LONG_NS:
        return
    message = (
        f"known_hosts was loaded {len(loads)} times, which took {story.duration(spent)} with the GIL held: load it once"
    )
    yield story.finding(HAZARD, Confidence.ADVICE, message, [story.call(c) for c in loads[:2]], [], len(loads))


LONG_NS = 200_000_000
