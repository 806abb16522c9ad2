"""A second tunnel's handler takes the place of the first's."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.forward_handler_replaced import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Connections whose one slot for a forward handler was filled twice.

    Threads: pure.
    """
    story = Story(facts)
    for first, second in facts.states.replaced[:1]:
        name = facts.world.name(facts.transport_of(second.obj))
        message = (
            f"A second request_port_forward() on {name} replaced the first one's handler: it now serves both tunnels"
        )
        steps = [story.call(first), story.call(second)]
        count = len(facts.states.replaced)
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [second.obj], count)
