"""A thread waits for the exit status while nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.channels import Stall
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.exit_status_before_output import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Waits for an exit status that unread output made impossible.

    Threads: pure.
    """
    story = Story(facts)
    for stuck in facts.channels.stuck():
        if stuck.stall is not Stall.STATUS:
            continue
        thread = facts.world.thread_name(stuck.call.thread)
        unread = stuck.unread_out + stuck.unread_err
        message = (
            f"{thread} waited for the exit status of {facts.world.name(stuck.channel)} while {unread:,} bytes "
            f"of output were "
            f"unread: its window of {stuck.window_bytes:,} bytes is used up, so the command cannot end"
        )
        steps = [story.call(stuck.call)]
        opener = facts.channels.of(stuck.channel).opener
        if opener is not None:
            steps.insert(0, story.call(opener))
        steps.sort(key=lambda step: step.what.startswith("called exec"))
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [stuck.channel], stuck.count)
