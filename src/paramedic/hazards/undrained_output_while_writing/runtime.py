"""A thread writes while nobody reads what comes back."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.channels import Stall
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.undrained_output_while_writing import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Writes that unread output made impossible to end, or would have if there had been more of it.

    Threads: pure.
    """
    story = Story(facts)
    for stuck in facts.channels.stuck():
        if stuck.stall is not Stall.WRITE:
            continue
        thread = facts.world.thread_name(stuck.call.thread)
        message = (
            f"{thread} waited to write to {facts.world.name(stuck.channel)} while "
            f"{stuck.unread_out + stuck.unread_err:,} bytes of its output were unread: the command stops "
            f"reading when nobody reads"
        )
        yield story.finding(
            HAZARD, Confidence.OBSERVED, message, [story.call(stuck.call)], [stuck.channel], stuck.count
        )
    early = sorted(facts.channels.early(Stall.WRITE), key=lambda e: -e.count)
    if early:
        unread, window = max(e.unread for e in early), early[0].window_bytes
        message = (
            f"Input was written while up to {unread:,} bytes of output lay unread, and nobody had begun to read: with "
            f"more than the window of {window:,} bytes the command stops reading, and the write waits for ever"
        )
        steps = [story.call(e.call) for e in early[:3]]
        yield story.finding(
            HAZARD, Confidence.POSSIBLE, message, steps, [early[0].channel], sum(e.count for e in early)
        )
