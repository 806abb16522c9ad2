"""Two connects of one client, or a connect beside its use."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.shared_client_connect import HAZARD
from paramedic.model.finding import Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """The clients that were connected by one thread while another connected or used them.

    Threads: pure.
    """
    story = Story(facts)
    for group in story.conflicts(HAZARD):
        everyone, name = story.everyone(group), facts.world.name(group[0].resource)
        yield story.sharing(HAZARD, group, f"{everyone} used connect() of {name}")
