"""A second tunnel's handler takes the place of the first's."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.forward_handler_replaced import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Connections whose one slot for a forward handler was filled twice, or emptied for all.

    Threads: pure.
    """
    story = Story(facts)
    replaced = sorted(
        facts.states.replaced, key=lambda pair: facts.transport_of(pair[1].obj) not in facts.states.misled
    )
    for first, second in replaced[:1]:
        transport = facts.transport_of(second.obj)
        came = transport in facts.states.misled
        message = (
            f"A second request_port_forward() on {facts.world.name(transport)} replaced the first one's handler: it "
            f"now serves both tunnels{', and connections came' if came else ''}"
        )
        steps = [story.call(first), story.call(second)]
        confidence = Confidence.OBSERVED if came else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, steps, [second.obj], len(replaced))
    for transport, (cancel, other) in facts.states.silenced.items():
        if facts.ended_ns(transport) - cancel.ended_ns < LONG_NS:
            continue  # the others end, too
        message = (
            f"cancel_port_forward() on {facts.world.name(transport)} took away the handler of its other tunnels, too: "
            "connections to them are refused"
        )
        steps = [story.call(other), story.call(cancel)]
        yield story.finding(HAZARD, Confidence.POSSIBLE, message, steps, [transport])
        return


LONG_NS = 1_000_000_000
"""A tunnel that is left for this long after another was cancelled was to go on."""
