"""Two threads rewrite one known_hosts file."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.known_hosts_race import HAZARD
from paramedic.model.finding import Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """The files that several threads rewrote.

    Threads: pure.
    """
    story = Story(facts)
    for group in story.conflicts(HAZARD):
        yield story.sharing(HAZARD, group, f"{story.everyone(group)} rewrote the same known_hosts file")
