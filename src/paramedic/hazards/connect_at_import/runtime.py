"""A connection, or a wait for threads, while a module is being imported."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.connect_at_import import HAZARD
from paramedic.model.finding import Confidence, Finding, Site


def find(facts: RunFacts) -> Iterator[Finding]:
    """Waits at import time that never ended, and connections that were made at import time.

    Threads: pure.
    """
    story = Story(facts)
    for call in facts.open.all():
        module = _imported(facts.world.stack(call.stack), call.thread)
        if module is None or facts.end_ns - call.began_ns < LONG_NS or call.name not in _WAITS:
            continue
        message = (
            f"{facts.world.thread_name(call.thread)} waits in {call.method}() while {module.file} is being "
            f"imported: threads that "
            "import it, too, wait for its import lock"
        )
        yield story.finding(HAZARD, Confidence.OBSERVED, message, [story.call(call)], [])
        return
    for call in facts.states.connects:
        module = _imported(facts.world.stack(call.stack), call.thread)
        if module is not None:
            message = f"A connection is made while {module.file} is being imported, with its import lock held"
            yield story.finding(HAZARD, Confidence.ADVICE, message, [story.call(call)], [call.obj])
            return


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


def _imported(stack: tuple[Site, ...], thread: int) -> Site | None:
    """The module-level frame of a module that is being imported: not the main program's own."""
    levels = [site for site in stack if site.function == "<module>"]
    if not levels or (thread == 1 and levels[0].file == levels[-1].file):
        return None
    return levels[0]
