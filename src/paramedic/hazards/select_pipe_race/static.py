"""Seen in source: a channel that was given to select() and has two readers."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.select_pipe_race import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const, Obj
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Channels with a fileno() whose stdout and stderr are read by two threads.

    Threads: pure.
    """
    done: set[int] = set()
    watched = {id(o.obj.root): o for o in facts.having("fileno")}
    outs, errs = facts.having("read:stdout"), facts.having("read:stderr")
    for a, b, channel in facts.conflicts(outs, errs, key=_channel):
        select = watched.get(id(channel.root))
        if select is not None:
            done.add(id(channel.root))
            message = f"{facts.name(channel)} was given to select() and is read by two threads"
            yield facts.finding(
                HAZARD, message, [facts.step(a), facts.step(b), facts.step(select)], objects=[channel]
            )  # fmt: skip
    for select in facts.having("select"):
        reads = [facts.below(select.obj, "read:stdout"), facts.below(select.obj, "read:stderr")]
        endless = len(select.args) < 4 or (isinstance(select.args[3], Const) and select.args[3].value is None)
        if endless and all(reads) and id(select.obj.root) not in done and not facts.combined(select.obj, reads[0][0]):
            done.add(id(select.obj.root))
            message = f"select() waits without a limit for {facts.name(select.obj)}, of which both streams are read"
            steps = [facts.step(select, "waits in select()"), facts.step(reads[0][0]), facts.step(reads[1][0])]
            yield facts.finding(HAZARD, message, steps, objects=[select.obj])


def _channel(operation: Operation) -> Obj | None:
    return SourceFacts.channel(operation.obj)
