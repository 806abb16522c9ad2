"""A thread that computes keeps the transport threads from running."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import Wait
from paramedic.hazards.gil_starved_transport import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields an advice where the same thread holds the GIL in the user's code in both dumps.

    Threads: as `DumpFacts`.
    """
    if not facts.transports or not facts.repeated:
        return
    hungry = [t for t in facts.transports if t.thread.state == "active" and t.wait is not Wait.PACKET]
    victims = hungry or facts.transports
    ticks = {id(a): facts.computed(a) or 0 for a in facts.activities}
    most = sum(ticks.values()) / 3
    for activity in facts.others:
        held = activity.thread.holds_gil and facts.held_gil_before(activity)
        busy = activity.wait in (Wait.OWN_CODE, Wait.NOTHING) and ticks[id(activity)] > max(most, 30)
        if activity.users and facts.same_functions(activity) and (held or busy):
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.ADVICE,
                message=(
                    f"{activity.name} computes and held the GIL in both dumps, or most of the time between them: "
                    f"{len(victims)} transport thread{'s get' if len(victims) > 1 else ' gets'} little time to read"
                ),
                steps=(activity.step("computes, holding the GIL"),),
            )
