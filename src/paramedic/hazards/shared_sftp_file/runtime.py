"""Two uses of one file's position."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.shared_sftp_file import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """The SFTP files that several threads read, wrote or positioned.

    Threads: pure.
    """
    story = Story(facts)
    for torn in facts.sftp.torn.values():
        message = (
            f"{facts.world.thread_name(torn.intruder.thread)} moved the position of "
            f"{facts.world.name(torn.file)} between "
            f"{facts.world.thread_name(torn.seek.thread)}'s seek() and its {torn.use.method}()"
        )
        steps = [story.call(torn.seek), story.call(torn.intruder), story.call(torn.use)]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [torn.file])
    if facts.sftp.torn:
        return
    for group in story.conflicts(HAZARD):
        name = facts.world.name(group[0].resource)
        yield story.sharing(HAZARD, group, f"{story.everyone(group)} used {name}")
