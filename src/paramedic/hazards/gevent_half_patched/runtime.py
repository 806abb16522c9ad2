"""Sockets are gevent's, threads are not."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.gevent_half_patched import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Connects with gevent's sockets on real threads.

    Threads: pure.
    """
    story = Story(facts)
    for client in sorted(facts.states.gevent)[:1]:
        failed = [c for c in facts.states.connects if c.obj in facts.states.gevent and c.error]
        message = (
            "gevent has patched sockets but not threads: the transport's real thread uses sockets that belong to "
            "another hub"
        )
        own = [c for c in facts.states.connects if c.obj == client]
        steps = [story.call(c) for c in (failed or own)[:2]]
        confidence = Confidence.OBSERVED if failed else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, steps, [client], len(facts.states.gevent))
