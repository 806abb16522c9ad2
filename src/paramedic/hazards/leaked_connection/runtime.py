"""Connections outlive the threads that made them."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.leaked_connection import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Connections that were never closed, of threads that are gone.

    Threads: pure.
    """
    story = Story(facts)
    groups: dict[int, list[int]] = {}
    for ident in facts.open_transports():
        thing = facts.world.thing(ident)
        maker = facts.world.thread(thing.thread)
        if maker.ended_ns and facts.end_ns > maker.ended_ns:
            groups.setdefault(thing.born, []).append(ident)
    for stack, transports in groups.items():
        if len(transports) < 2:
            continue
        makers = {facts.world.thing(t).thread for t in transports}
        message = (
            f"{len(transports)} connections were never closed and outlive the threads that made them "
            f"({story.threads(makers)})"
        )
        steps = [story.step(next(iter(makers)), stack, facts.first_ns, "connected, and ended without close()")]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, transports[:4], len(transports))
