"""Small requests in a row over a socket on which Nagle's algorithm is on."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.nagle_stall import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Connections that carried many sessions without TCP_NODELAY.

    Threads: pure.
    """
    story = Story(facts)
    for transport, no_delay in facts.states.no_delay.items():
        sessions = facts.lives.opened.get(transport, 0)
        if no_delay or sessions < MANY or facts.lives.peaks.get(transport, 0) > ONE_BY_ONE:
            continue
        name = facts.world.name(transport)
        message = (
            f"{sessions} sessions went over {name} without TCP_NODELAY: each small request may wait 40 ms for an ACK"
        )
        made = facts.world.thing(transport)
        steps = [story.step(made.thread, made.born, facts.first_ns, "connected")]
        yield story.finding(HAZARD, Confidence.ADVICE, message, steps, [transport])


MANY = 20
ONE_BY_ONE = 3
"""With more sessions than these at once, one's packet carries the other's acknowledgement."""
