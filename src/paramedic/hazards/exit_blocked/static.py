"""Seen in source: a thread that reads without end and keeps the process from ending."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.exit_blocked import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.shell import never_ends
from paramedic.model.finding import Finding

PATIENCE_S = 60.0
"""A reader that gives up within this many seconds keeps nobody waiting."""


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Non-daemon threads that read a command that never ends, from a connection that nobody closes.

    Threads: pure.
    """
    done: set[int] = set()
    for read in facts.having("read:stdout", "read:stderr"):
        channel = facts.channel(read.obj)
        worker = read.context
        if channel is None or worker.kind not in {"thread", "pool"} or id(worker) in done or worker.daemon:
            continue
        if not never_ends(facts.command(channel)) or facts.timeout_s(channel) <= PATIENCE_S:
            continue
        if any(facts.closed_anywhere(one, outside=worker) for one in channel.lineage()):
            continue
        done.add(id(worker))
        message = f"{worker.name} is not a daemon and reads a command that never ends: the process cannot end either"
        yield facts.finding(HAZARD, message, [facts.step(read)], objects=[channel])
