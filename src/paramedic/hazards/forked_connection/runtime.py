"""A process uses a connection that it inherited by fork."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.forked_connection import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Connections of the parent's that a forked child used.

    Threads: pure.
    """
    story = Story(facts)
    for obj, call in facts.inherited.items():
        message = (
            f"Process {facts.process} was forked with a live connection and called {call.method}() on it: "
            f"only the process that "
            "connected may use it"
        )
        yield story.finding(HAZARD, Confidence.OBSERVED, message, [story.call(call)], [obj])
        return
