"""Seen in source: a blocking Paramiko call on the thread of an event loop."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.blocking_the_event_loop import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Waits for a server inside an ``async def``, or inside what one calls; one for each coroutine.

    Threads: pure.
    """
    done: set[str] = set()
    for operation in [*facts.having("waits"), *_results(facts)]:
        if not operation.on_loop or operation.coroutine in done or _comes_back_at_once(facts, operation):
            continue
        done.add(operation.coroutine)
        message = f"{facts.called(operation)} blocks the event loop's thread: every other task stands still meanwhile"
        steps = [facts.step(operation)]
        entry = next((s for s in operation.trail if operation.coroutine == f"{s.function} of {s.file}"), None)
        if entry is not None:
            steps.append(facts.step_at(entry, "calls it on the event loop's thread"))
        yield facts.finding(HAZARD, message, steps, objects=[operation.obj])


def _results(facts: SourceFacts) -> Iterable[Operation]:
    """Calls of ``result()`` that wait for a thread's work on a connection."""
    for asked in facts.having("result"):
        mine = [context for future, context in facts.submitted() if future.root is asked.obj.root]
        future_of_a_thread = asked.on_loop and "__loop" not in asked.obj.root.parts
        if future_of_a_thread and any(o.context in mine for o in facts.having("waits")):
            yield asked


def _comes_back_at_once(facts: SourceFacts, operation: Operation) -> bool:
    """Whether a read or write cannot wait: the channel is set not to, or has been asked whether there is something."""
    channel = facts.channel(operation.obj)
    if channel is None or not operation.effects & {"read:stdout", "read:stderr", "write"}:
        return False
    return facts.timeout_s(channel) == 0 or facts.is_there(operation)
