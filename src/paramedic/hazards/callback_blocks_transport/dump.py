"""A handler of the user's blocks the transport thread on which Paramiko called it."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity, Callback
from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import Wait
from paramedic.hazards.callback_blocks_transport import HAZARD
from paramedic.model.finding import Confidence, Finding

_DATA = (Wait.OUTPUT, Wait.STDERR, Wait.SEND_WINDOW)
_RUNS = (Wait.PACKET, Wait.NOTHING, Wait.PROXY, Wait.BANNER)


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each transport thread that stands in a handler which waits.

    Threads: as `DumpFacts`.
    """
    for transport in facts.transports:
        if transport.callback is not Callback.HANDLER or facts.moved(transport) or transport.wait in _RUNS:
            continue
        if transport.wait in facts.REPLIES and facts.is_own(transport, transport) is not False:
            continue  # call-on-transport-thread says more
        victims = [*facts.waiters_of(transport)]
        if facts.on_cycle(transport) and not any(a.wait is Wait.AUTHENTICATION for a in victims):
            continue  # lock-order-inversion says more
        confidence, why = _judge(facts, transport)
        wanted = facts.wants_lock(transport)
        what = wanted[0].lock.text if wanted else transport.wait
        steps = (
            transport.step(f"runs a handler of yours, which waits for {what}"),
            *(a.step(f"waits for {a.wait}, which only the transport thread can bring") for a in victims[:3]),
        )
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=f"A handler blocks the {transport.as_transport}: it waits for {what}. {why}",
            steps=steps,
            count=1,
        )


def _judge(facts: DumpFacts, transport: Activity) -> tuple[Confidence, str]:
    own = facts.is_own(transport, transport)
    if transport.wait in _DATA and own is not False:
        certain = own or len(facts.transports) == 1
        never = "Only this very thread could bring it"
        return (Confidence.OBSERVED if certain else Confidence.POSSIBLE), f"{never}: hand the channel to another thread"
    served = bool(facts.waiters_of(transport))
    if facts.on_cycle(transport):
        return Confidence.OBSERVED, "What it waits for is held by a thread that waits for this one"
    if facts.repeated:
        harm = Confidence.OBSERVED if served and len(facts.transports) == 1 else Confidence.POSSIBLE
        return harm, "Meanwhile nothing on the connection goes on"
    return Confidence.ADVICE, (
        "While it does, nothing on the connection goes on; one dump cannot say for how long: take another one"
    )
