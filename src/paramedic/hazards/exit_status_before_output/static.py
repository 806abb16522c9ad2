"""Seen in source: recv_exit_status() before the output of the same channel is read."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.exit_status_before_output import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.shell import is_quiet, writes_to_file
from paramedic.lint.values import Obj
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Waits for the status of commands whose output is only read afterwards.

    Where the output is never read, its size decides, which the source does not tell: advice.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for status in facts.having("status"):
        channel = facts.channel(status.obj)
        place = (status.site.file, status.site.line)
        if channel is None or place in done or not _may_be_full(facts, status, channel):
            continue
        later = [o for o in facts.below(channel, "read:stdout", "read:stderr") if facts.in_order(status, o)]
        done.add(place)
        confidence = Confidence.POSSIBLE if later else Confidence.ADVICE
        message = "recv_exit_status() waits while nobody reads the output: more than the window holds (2 MiB) hangs it"
        steps = [facts.step(status), *(facts.step(o) for o in later[:1])]
        yield facts.finding(HAZARD, message, steps, confidence=confidence, objects=[channel])


def _may_be_full(facts: SourceFacts, status: Operation, channel: Obj) -> bool:
    reads = facts.below(channel, "read:stdout", "read:stderr")
    if any(facts.in_order(o, status) for o in reads):
        return False
    if any(o.context is not status.context for o in reads):
        return False
    if any(o.has("poll-status") and o.moment < status.moment for o in facts.below(channel, "poll-status")):
        return False
    started = "__exec_command" in channel.root.parts
    command = facts.command(channel)
    return started and not is_quiet(command, facts.command_is_known(channel)) and not writes_to_file(command)
