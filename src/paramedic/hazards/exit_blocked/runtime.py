"""The main thread has ended and waits for a thread that reads for ever."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.exit_blocked import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Threads that keep an otherwise finished program from ending.

    Threads: pure.
    """
    story = Story(facts)
    shutdown = next((c for c in facts.open.all() if c.name == "Thread.shutdown"), None)
    if shutdown is None or facts.end_ns - shutdown.began_ns < LONG_NS:
        return
    for call in facts.open.all():
        if not facts.is_remote(call.name) or call.thread == shutdown.thread or facts.world.thread(call.thread).daemon:
            continue
        if 0 < call.argument <= SOON_MS and facts.end_ns - shutdown.began_ns <= (call.argument + 1000) * 1_000_000:
            continue  # its own timeout ends it in time
        thread = facts.world.thread_name(call.thread)
        message = (
            f"The main thread has ended and waits for {thread}, which waits in {call.method}() on "
            f"{facts.world.name(call.obj)}"
        )
        steps = [
            story.call(call),
            story.step(shutdown.thread, 0, shutdown.began_ns, "ended, and waited for the other threads"),
        ]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [call.obj])


LONG_NS = 1_000_000_000
SOON_MS = 60_000
"""Who waits for the end of a program will wait a minute."""
