"""Seen in a log: a connection that is lost after a long silence, and that sent no keepalives."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.idle_without_keepalive import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

IDLE_S = 60.0
"""Routers and servers forget connections from about this on."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for transport in facts.transports:
        ending = transport.ending
        idle = ending.idle_s >= IDLE_S and not transport.keepalives
        if idle and ending.how in ("socket", "disconnect") and ending.line is not None:
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.ADVICE,
                message=f"{transport.name} was lost after {ending.idle_s:.0f} s without a line of its thread "
                "or of its open channels, and it sent no keepalives",
                steps=(ending.line.step("lost"),),
                objects=(transport.name,),
                why="The log proves the silence and the loss; that something on the way "
                "forgot the idle connection is suggested. Data alone is not logged, so it need not have been idle. "
                + HAZARD.why,
            )
