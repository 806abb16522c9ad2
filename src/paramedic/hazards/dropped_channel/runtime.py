"""A channel is closed by its finalizer while its command runs."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.dropped_channel import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Channels that nobody held although their command had not ended.

    Threads: pure.
    """
    story = Story(facts)
    commands = [d for d in facts.dropped if d.opener is None or "sftp" not in d.opener.name]
    with_terminal = [d for d in commands if d.pty]
    for dropped in (with_terminal or commands)[:1]:
        harm = "SIGHUP ended it" if dropped.pty else "it has no terminal, so it goes on until it writes"
        message = (
            f"{facts.world.name(dropped.channel)} was closed by its finalizer while its command still ran "
            f"({harm}): nobody held "
            "the channel or its streams"
        )
        steps = [story.call(dropped.opener)] if dropped.opener is not None else []
        steps.append(story.step(dropped.thread, 0, dropped.t_ns, "finalized the channel, which sent CLOSE"))
        confidence = Confidence.OBSERVED if dropped.pty else Confidence.ADVICE
        yield story.finding(HAZARD, confidence, message, steps, [dropped.channel], len(with_terminal or commands))
