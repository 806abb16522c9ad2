"""Two uses of one file's position."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import IN_ONE_TASK, Story
from paramedic.hazards.shared_sftp_file import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """The SFTP files that several threads read, wrote or positioned.

    Threads: pure.
    """
    story = Story(facts)
    happened = any(torn.happened for torn in facts.sftp.torn.values())
    groups = [] if happened else list(story.conflicts(HAZARD))
    shared = {conflict.resource for group in groups for conflict in group}
    for torn in facts.sftp.torn.values():
        if not torn.happened and (happened or torn.file in shared):
            continue  # what did happen is the better story than what could have
        what = "moved" if torn.happened else "can move, as the lock is let go in between,"
        intruder, user, each = story.two(torn.intruder, torn.seek)
        message = (
            f"{intruder} {what} the position of {facts.world.name(torn.file)} between "
            f"{user}'s seek() and its {torn.use.method}()"
        )
        steps = [story.call(torn.seek), story.intrusion(torn.intruder), story.call(torn.use)]
        steps.sort(key=lambda step: step.at_s or 0.0)
        confidence = Confidence.OBSERVED if torn.happened else Confidence.POSSIBLE
        fix = IN_ONE_TASK if each == "task" else ""
        yield story.finding(HAZARD, confidence, message, steps, [torn.file], fix=fix)
    for group in groups:
        name = facts.world.name(group[0].resource)
        yield story.sharing(HAZARD, group, f"{story.everyone(group)} used {name}")
