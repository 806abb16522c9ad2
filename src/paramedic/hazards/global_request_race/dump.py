"""Two global requests are in flight on one transport."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step
from paramedic.dump.waits import Wait
from paramedic.hazards.global_request_race import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each Transport on which two threads wait for the reply to a global request.

    Threads: as `DumpFacts`.
    """
    asking = ("global_request", "renegotiate_keys")
    for threads in facts.in_calls_on("Transport", "transport", asking).values():
        if len(threads) > 1:
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.OBSERVED,
                message=f"{names(threads)} wait for replies to global requests of one Transport, which has one slot",
                steps=tuple(step(group) for group in facts.groups(threads)),
            )
    unnamed = [a for a in facts.others if a.wait is Wait.GLOBAL_REQUEST and a.address_of("Transport") is None]
    if len(unnamed) > 1 and facts.one_transport:
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE,
            message=(
                f"{names(unnamed)} wait for replies to global requests, and there is one Transport, which has one slot"
            ),
            steps=tuple(step(group) for group in facts.groups(unnamed)),
        )
