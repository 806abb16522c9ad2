"""In a log: a key exchange that timed out, or that never ended."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.rekey_deadlock import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

STUCK_S = 20.0
"""Key exchanges take well under a second; Paramiko gives up after 30 s (Transport.clear_to_send_timeout)."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for transport in facts.transports:
        ending = transport.ending
        if "Key-exchange timed out" in ending.text and transport.keys_agreed is not None and ending.line is not None:
            first = (transport.rekeying.step("a new key exchange begins"),) if transport.rekeying else ()
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.OBSERVED,
                message=f"{transport.name} waited for new keys until it gave up, and was lost",
                steps=(*first, ending.line.step("gave up")),
                objects=(transport.name,),
                why="The log proves the time-out in the transport's own thread. " + HAZARD.why,
            )
        elif (
            transport.rekeying is not None and not ending.how and transport.last is not None and facts.last is not None
        ):
            if transport.last.number == transport.rekeying.number or transport.last.at_s is None:
                continue  # it stopped inside its own log lines: that is another hazard's
            for_s = (facts.last.at_s or transport.last.at_s) - transport.last.at_s
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.POSSIBLE if for_s >= STUCK_S else Confidence.ADVICE,
                message=f"{transport.name} began a key exchange that had not ended when the log "
                f"stops, {for_s:.0f} s later",
                steps=(transport.rekeying.step("a new key exchange begins"), transport.last.step("its last line")),
                objects=(transport.name,),
                why="The log proves that the exchange did not end; why, it does not say. " + HAZARD.why,
            )
