"""Seen in source: a channel that was given to select() and has two readers."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.select_pipe_race import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Channels with a fileno() whose stdout and stderr are read by two threads.

    Threads: pure.
    """
    done: set[int] = set()
    watched = {id(o.obj.root): o for o in facts.having("fileno")}
    outs, errs = facts.having("read:stdout"), facts.having("read:stderr")
    pairs = facts.conflicts(outs, errs, key=facts.channel_of, locked=True)
    # A lock around the reads does not help: each thread has been told by select() what the other one then takes.
    same_stream = (
        p for p in facts.conflicts(outs, key=facts.channel_of, locked=True) if _both_select(facts, p[0], p[1])
    )
    for a, b, channel in (*pairs, *same_stream):
        select = watched.get(id(channel.root))
        if select is None or id(channel.root) in done:
            continue
        if not facts.common_locks(a, b) or _both_select(facts, a, b):
            done.add(id(channel.root))
            message = f"{facts.name(channel)} was given to select() and is read by two threads"
            yield facts.finding(HAZARD, message, [facts.step(a), facts.step(b), facts.step(select)], objects=[channel])
    for select in facts.having("select"):
        reads = [facts.below(select.obj, "read:stdout"), facts.below(select.obj, "read:stderr")]
        if select.method == "add_reader":
            endless = all(o.context.kind == "loop" for side in reads for o in side)  # else somebody looks now and then
        else:
            endless = len(select.args) < 4 or (isinstance(select.args[3], Const) and select.args[3].value is None)
        if endless and all(reads) and id(select.obj.root) not in done and not facts.combined(select.obj, reads[0][0]):
            done.add(id(select.obj.root))
            waits = "select()" if select.method != "add_reader" else "The event loop"
            message = f"{waits} waits without a limit for {facts.name(select.obj)}, of which both streams are read"
            steps = [
                facts.step(select, "waits in select()" if select.method == "fileno" else "has the loop wait for it"),
                facts.step(reads[0][0]),
                facts.step(reads[1][0]),
            ]
            yield facts.finding(HAZARD, message, steps, objects=[select.obj])


def _both_select(facts: SourceFacts, a: Operation, b: Operation) -> bool:
    """Whether both threads wait for the channel outside of the lock that is around the reads."""
    waits = [o for o in facts.of(facts.channel(a.obj) or a.obj, "fileno") if not facts.common_locks(o, a)]
    return all(any(o.context is one.context for o in waits) for one in (a, b))
