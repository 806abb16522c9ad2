"""A relative path meets another thread's working directory."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import IN_ONE_TASK, Story
from paramedic.hazards.shared_sftp_cwd import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Calls with a relative path after another thread's chdir().

    Threads: pure.
    """
    story = Story(facts)
    for moved in facts.sftp.moved.values():
        user, other, each = story.two(moved.use, moved.other)
        when = "changed" if moved.happened else "changes, with nothing that keeps it from coming in between,"
        message = (
            f"{user} used a relative path on {facts.world.name(moved.client)}, whose working directory {other} {when} "
            "after its own chdir()"
        )
        steps = [story.call(moved.own), story.intrusion(moved.other), story.call(moved.use)]
        parted = (moved.other, moved.own) if moved.other.began_ns < moved.own.began_ns else (moved.use, moved.other)
        doubt = "" if moved.happened else story.doubt(*parted)
        confidence = Confidence.OBSERVED if moved.happened else Confidence.ADVICE if doubt else Confidence.POSSIBLE
        fix = IN_ONE_TASK if each == "task" else ""
        yield story.finding(HAZARD, confidence, message + doubt, steps, [moved.client], fix=fix)
