"""Seen in source: a channel that was given to select() and has two readers."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.select_pipe_race import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Obj
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Channels with a fileno() whose stdout and stderr are read by two threads.

    Threads: pure.
    """
    watched = {id(o.obj.root): o for o in facts.having("fileno")}
    outs, errs = facts.having("read:stdout"), facts.having("read:stderr")
    for a, b, channel in facts.conflicts(outs, errs, key=_channel):
        select = watched.get(id(channel.root))
        if select is not None:
            message = f"{facts.name(channel)} was given to select() and is read by two threads"
            yield facts.finding(
                HAZARD, message, [facts.step(a), facts.step(b), facts.step(select)], objects=[channel]
            )  # fmt: skip


def _channel(operation: Operation) -> Obj | None:
    return SourceFacts.channel(operation.obj)
