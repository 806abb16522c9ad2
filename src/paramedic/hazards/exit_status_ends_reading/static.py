"""Seen in source: a loop that reads until the exit status is there, with no read to the end after it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from paramedic.hazards.exit_status_ends_reading import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Loops that stop reading when the process has ended, though output may still be on its way.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for poll in facts.having("poll-status"):
        channel = facts.channel(poll.obj)
        if channel is None or not poll.loops or (poll.site.file, poll.site.line) in done or _only_looks(poll):
            continue
        loop = poll.loops[-1]
        reads = [o for o in facts.below(channel, "read:stdout", "read:stderr") if o.context is poll.context]
        inside = [o for o in reads if loop in o.loops]
        after = [o for o in reads if loop not in o.loops and o.moment > poll.moment]
        deeper = [o for o in inside if o.loops[-1] != loop and o.moment > poll.moment]
        if inside and not after and not deeper and not any(o.has("whole") for o in inside):
            done.add((poll.site.file, poll.site.line))
            message = "The loop stops reading once the exit status is there: output that is still coming is lost"
            yield facts.finding(HAZARD, message, [facts.step(poll), facts.step(inside[0])], objects=[channel])


def _only_looks(poll: Operation) -> bool:
    """Whether the loop's end asks for the streams too: ``exit_status_ready() and not recv_ready()``."""
    if poll.test is None:
        return False
    looked_at = poll.test.test if isinstance(poll.test, ast.While) else poll.test
    return "_ready" in ast.unparse(looked_at).replace("exit_status_ready", "")
