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
        everyone, client = story.everyone(group), group[0].resource
        hosts = {call.words for call in facts.states.connects if call.obj == client and call.words}
        name = facts.world.name(client, labelled=len(hosts) < 2)
        where = f", to {len(hosts)} different hosts," if len(hosts) > 1 else ""
        yield story.sharing(HAZARD, group, f"{everyone} used connect() of {name}{where}")
