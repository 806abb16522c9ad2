"""Two global requests of one connection under way."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.global_request_race import HAZARD
from paramedic.model.finding import Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """The connections with two global requests under way.

    Threads: pure.
    """
    story = Story(facts)
    for group in story.conflicts(HAZARD):
        everyone, name = story.everyone(group), facts.world.name(group[0].resource)
        yield story.sharing(HAZARD, group, f"{everyone} made global requests on {name}")
