"""A connection, or a wait for threads, while a module is being imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from paramedic.analysis.calls import Call
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.connect_at_import import HAZARD
from paramedic.model.finding import Confidence, Finding, Site, Step


def find(facts: RunFacts) -> Iterator[Finding]:
    """Waits at import time that never ended, and connections that were made at import time.

    Threads: pure.
    """
    story = Story(facts)
    for call in facts.open.all():
        imported = facts.world.importing(call.stack)
        if imported is None or facts.end_ns - call.began_ns < LONG_NS or call.name not in _WAITS:
            continue
        message = (
            f"{facts.world.thread_name(call.thread)} waits in {call.method}() while {imported[0].file} is being "
            f"imported: threads that import it, too, wait for its import lock"
        )
        confidence = Confidence.OBSERVED if _stands_unseen(facts, call) else Confidence.ADVICE
        yield story.finding(HAZARD, confidence, message, _steps(story, call, imported), [])
        return
    for call in facts.states.connects:
        imported = facts.world.importing(call.stack)
        if imported is not None:
            message = f"A connection is made while {imported[0].file} is being imported, with its import lock held"
            yield story.finding(HAZARD, Confidence.ADVICE, message, _steps(story, call, imported), [call.obj])
            return


def _stands_unseen(facts: RunFacts, wait: Call) -> bool:
    """Whether a thread that may be waited for is in no call that we see: import locks are not watched."""
    threads = [
        t for t in facts.world.threads.values() if t.number != wait.thread and not t.transport and not t.ended_ns
    ]
    if wait.name == "Thread.join":
        threads = [t for t in threads if t.number == wait.words]
    return any(
        t.begun_ns and t.kind != "Timer" and not facts.open.of(t.number) and t.number not in facts.locks.waiting
        for t in threads
    )


LONG_NS = 2_000_000_000
_WAITS = (
    "Future.result",
    "Thread.join",
    "Queue.get",
    "Queue.join",
    "Event.wait",
    "Condition.wait",
    "SSHClient.connect",
)


def _steps(story: Story, call: Call, imported: tuple[Site, Site | None]) -> list[Step]:
    module, importer = imported
    steps = [story.call(call)]
    if importer is not None:
        began = story.step(call.thread, 0, call.began_ns, f"imports {os.path.basename(module.file)}")
        steps.insert(0, replace(began, site=importer, stack=(importer,)))
    return steps
