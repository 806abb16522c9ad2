"""Two uses of one file's position."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.shared_sftp_file import HAZARD
from paramedic.model.finding import Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """The SFTP files that several threads read, wrote or positioned.

    Threads: pure.
    """
    story = Story(facts)
    for group in story.conflicts(HAZARD):
        everyone, name = story.everyone(group), facts.world.name(group[0].resource)
        yield story.sharing(HAZARD, group, f"{everyone} used {name}")
