"""A call on a connection's own thread needs a reply that only this thread can read."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.call_on_transport_thread import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Calls on a connection that were made on its own thread.

    Threads: pure.
    """
    story = Story(facts)
    for found in facts.callbacks.found():
        if not found.own or found.reads:
            continue
        name = facts.world.name(found.transport)
        sends = found.call.method.startswith(("send", "write"))
        why = (
            "at the next key exchange, or with a full window, it waits for itself"
            if sends
            else "it can never be answered"
        )
        message = f"{found.call.method}() was called on the thread of {name} itself, from a callback: {why}"
        confidence = Confidence.OBSERVED if found.stuck else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, [story.call(found.call)], [found.transport], found.count)
