"""The transport thread waits for the end of a key exchange that only it can finish."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import Wait
from paramedic.hazards.rekey_deadlock import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each transport thread that waits in ``_send_user_message`` for its own key exchange.

    Threads: as `DumpFacts`.
    """
    for transport in facts.transports:
        if transport.wait is not Wait.CLEAR_TO_SEND or transport.callback is not None or facts.moved(transport):
            continue
        assert transport.transport is not None
        doing = transport.calls[max(transport.transport - 1, 0)]
        behind = [*facts.waiters_of(transport)]
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED,
            message=(
                f"The {transport.as_transport} answers a message of the peer ({doing.function}) in the middle "
                "of a key exchange and waits for its end, which only this thread can bring about"
            ),
            steps=(
                transport.step("waits for clear_to_send, which it would have to set itself"),
                *(a.step(f"waits for {a.wait}, behind it") for a in behind[:5]),
            ),
        )
