"""A signal handler uses the connection that it interrupted."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.signal_handler_reenters import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Calls on a connection from inside another call on it, in the main thread.

    Threads: pure.
    """
    story = Story(facts)
    handlers = {tuple(facts.world.text(t).split("\t")) for t in facts.states.signal_handlers}
    for outer, inner, count in facts.nested.values():
        if not any((site.file, site.function) in handlers for site in facts.world.stack(inner.stack)):
            continue  # a logging handler, say
        # the handler waits for the lock, the next signal interrupts that, and so on
        buried = any(call.error.startswith("RecursionError") for call in (outer, inner))
        stuck = not inner.ended_ns and not facts.states.orderly_end and facts.end_ns - inner.began_ns >= LONG_NS
        message = (
            f"{inner.method}() was called on {facts.world.name(inner.obj)} by a signal handler that had interrupted "
            f"{outer.method}() on the same connection: Paramiko's locks are not re-entrant"
        )
        confidence = Confidence.OBSERVED if stuck or buried else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, [story.call(outer), story.call(inner)], [inner.obj], count)


LONG_NS = 1_000_000_000
