"""A relative path meets another thread's working directory."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.shared_sftp_cwd import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Calls with a relative path after another thread's chdir().

    Threads: pure.
    """
    story = Story(facts)
    for moved in facts.sftp.moved.values():
        message = (
            f"{facts.world.thread_name(moved.use.thread)} used a relative path on "
            f"{facts.world.name(moved.client)} after "
            f"{facts.world.thread_name(moved.other.thread)} had changed the client's working directory"
        )
        steps = [story.call(moved.own), story.call(moved.other), story.call(moved.use)]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [moved.client])
