"""Seen in source: a wait for the exit status before the output of the same channel is read."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from paramedic.hazards.exit_status_before_output import HAZARD
from paramedic.lint.contexts import one_after_another
from paramedic.lint.edits import read_first
from paramedic.lint.facts import SourceFacts
from paramedic.lint.guards import hands_out_streams
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
    for status in (*facts.having("status"), *facts.having("poll-status")):
        channel = facts.channel(status.obj)
        place = (status.site.file, status.site.line)
        if channel is None or place in done or not _may_be_full(facts, channel):
            continue
        reads = facts.below(channel, "read:stdout", "read:stderr")
        polled = status.has("poll-status")
        if not (_polled_to_the_end(facts, status, reads) if polled else _unread(facts, status, channel, reads)):
            continue
        later = [o for o in reads if facts.comes_after(status, o)]
        done.add(place)
        handed_out = not later and not polled and hands_out_streams(facts, status)
        confidence = Confidence.POSSIBLE if later or handed_out else Confidence.ADVICE
        how = f"A loop over {status.method}()" if polled else f"{status.method}()"
        message = f"{how} waits while nobody reads the output: more than the window holds (2 MiB) hangs it"
        steps = [facts.step(status), *(facts.step(o) for o in later[:1])]
        edits = read_first(facts, status, later) if not polled else ()
        yield facts.finding(HAZARD, message, steps, confidence=confidence, objects=[channel], edits=edits)


def _unread(facts: SourceFacts, status: Operation, channel: Obj, reads: list[Operation]) -> bool:
    if any(facts.in_order(o, status) or _beside(facts, status, o) for o in reads):
        return False
    return not any(o.moment < status.moment for o in facts.below(channel, "poll-status"))


def _beside(facts: SourceFacts, status: Operation, read: Operation) -> bool:
    """Whether another thread may read while the status is awaited."""
    return not one_after_another(read.context, status.context) and not facts.comes_after(status, read)


def _polled_to_the_end(facts: SourceFacts, poll: Operation, reads: list[Operation]) -> bool:
    """Whether a loop turns until the status is there, and the reads only come then."""
    turns = [loop for loop in poll.loops if loop not in poll.context.loops]
    if not turns or poll.test is None or not reads:
        return False
    if any(facts.in_order(o, poll) or _beside(facts, poll, o) for o in reads):
        return False
    if isinstance(poll.test, ast.While):
        return not any(turns[-1] in o.loops for o in reads)
    if not any(turns[-1] in o.loops for o in reads) and _leaves(poll.test):
        return True
    # `if channel.exit_status_ready():` in a loop over channels: each is read once it has ended.
    negated = isinstance(poll.test.test, ast.UnaryOp)
    return not negated and all(_inside(poll.test, poll, o) for o in reads)


def _leaves(test: ast.If) -> bool:
    """Whether the loop ends as soon as the status is there."""
    negated = isinstance(test.test, ast.UnaryOp)
    return any(isinstance(s, (ast.Break, ast.Return)) for s in (test.orelse if negated else test.body))


def _inside(test: ast.If, poll: Operation, read: Operation) -> bool:
    first, last = test.body[0].lineno, test.body[-1].end_lineno or test.body[-1].lineno
    here = (read.site, *read.trail)
    return any(s.file == poll.site.file and first <= s.line <= last for s in here)


def _may_be_full(facts: SourceFacts, channel: Obj) -> bool:
    started = "__exec_command" in channel.root.parts
    command = facts.command(channel)
    return started and not is_quiet(command, facts.command_is_known(channel)) and not writes_to_file(command)
