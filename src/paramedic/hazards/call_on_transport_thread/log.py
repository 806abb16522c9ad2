"""In a log: a transport's own thread asks for what only that thread can answer."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.call_on_transport_thread import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    running = [t for t in facts.transports if not t.ending.how]
    for transport in facts.transports:
        silent = transport.last
        for channel in transport.own_opens:
            if channel.opening is None or silent is None or silent.number != channel.opening.number:
                continue  # it went on, so somebody answered: the channel was of another transport
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.OBSERVED if len(running) == 1 else Confidence.POSSIBLE,
                message=f"the thread of {transport.name} opened channel {channel.number} and was not heard of again",
                steps=(channel.opening.step("asked for a channel on the thread that reads the answers"),),
                objects=(transport.name,),
                why="The log proves which thread asked and that no answer came"
                + (
                    " on the only connection there is. "
                    if len(running) == 1
                    else "; of which connection, it does not say. "
                )
                + HAZARD.why,
            )
        if transport.rekeying is not None and silent is not None and silent.number == transport.rekeying.number:
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.POSSIBLE,
                message=f"the thread of {transport.name} stopped while it was logging a key exchange",
                steps=(transport.rekeying.step("the first of some twenty lines that it logs in one go, and its last"),),
                objects=(transport.name,),
                why="The log proves that the thread stopped between two log lines. That suggests a "
                "logging handler that "
                "uses this very connection, which sends nothing during a key exchange. " + HAZARD.why,
            )
