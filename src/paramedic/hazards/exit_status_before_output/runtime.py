"""A thread waits for the exit status while nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.channels import LARGE_BYTES, Early, Stall
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.exit_status_before_output import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Waits for an exit status that unread output made impossible, or would have if there had been more of it.

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
            f"of output were unread: its window of {stuck.window_bytes:,} bytes is used up, so the command cannot end"
        )
        # A finding is pinned to its first step: to the wait, which is to be moved, not to where the command began.
        steps = [story.call(stuck.call)]
        opener = facts.channels.of(stuck.channel).opener
        if opener is not None:
            steps.append(story.call(opener))
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [stuck.channel], stuck.count)
    for large in (True, False):
        early = [
            e
            for e in facts.channels.early(Stall.STATUS)
            if (e.unread >= LARGE_BYTES) is large and e.transport not in facts.states.safe
        ]
        if early:
            yield _early(story, early, Confidence.POSSIBLE if large else Confidence.ADVICE)


def _early(story: Story, early: list[Early], confidence: Confidence) -> Finding:
    early.sort(key=lambda e: -e.count)
    count = sum(e.count for e in early)
    message = (
        f"The exit status of {count} command{'s' if count > 1 else ''} was waited for before anything of the output "
        f"was read. Up to {max(e.unread for e in early):,} bytes lay unread; with more of them than the window of "
        f"{early[0].window_bytes:,} bytes holds, the command could never have ended"
    )
    steps = [story.call(e.call) for e in early[:3]]
    return story.finding(HAZARD, confidence, message, steps, [early[0].channel], count)
