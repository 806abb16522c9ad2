"""A thread reads one stream to its end while the other fills the window."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.channels import Stall
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.undrained_stderr import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Reads of one stream that the other stream, unread, made impossible to end, or would have if it were longer.

    Threads: pure.
    """
    story = Story(facts)
    for stuck in facts.channels.stuck():
        if stuck.stall is not Stall.OTHER_STREAM:
            continue
        thread = facts.world.thread_name(stuck.call.thread)
        read, unread, size = ("stdout", "stderr", stuck.unread_err) if stuck.unread_err > stuck.unread_out else (
            "stderr", "stdout", stuck.unread_out,
        )  # fmt: skip
        message = (
            f"{thread} waited for {read} of {facts.world.name(stuck.channel)} while {size:,} bytes of its "
            f"{unread} were unread: "
            f"the window of {stuck.window_bytes:,} bytes, which both share, is used up"
        )
        yield story.finding(
            HAZARD, Confidence.OBSERVED, message, [story.call(stuck.call)], [stuck.channel], stuck.count
        )
    habits = sorted(facts.practice.unread_errors(), key=lambda h: -h.count)
    if habits:
        count = sum(h.count for h in habits)
        message = (
            f"The stdout of {count} command{'s' if count > 1 else ''} was read to its end, and stderr never: more of "
            "it than the window holds would stop the command"
        )
        steps = [story.call(h.call) for h in habits[:3]]
        yield story.finding(HAZARD, Confidence.ADVICE, message, steps, [habits[0].call.obj], count)
