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
    for activity in facts.others:
        if (
            activity.thread.holds_gil
            and activity.users
            and facts.same_call(activity)
            and facts.held_gil_before(activity)
        ):
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.ADVICE,
                message=(
                    f"{activity.name} computes and held the GIL in both dumps; "
                    f"{len(hungry) or len(facts.transports)} transport threads get little time to serve their windows"
                ),
                steps=(activity.step("computes, holding the GIL"),),
            )
