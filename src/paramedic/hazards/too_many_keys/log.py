"""In a log: the server disconnects a login that has offered many keys."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.too_many_keys import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

PROTOCOL_ERROR = 2
"""The code with which OpenSSH ends such a login (RFC 4253, 11.1)."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for transport in facts.transports:
        ending = transport.ending
        if ending.how != "disconnect" or ending.authenticated or ending.line is None:
            continue
        if ending.code != PROTOCOL_ERROR or "authentication failures" not in ending.text.lower():
            continue
        refused = transport.logins_failed
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED,
            message=f"the server ended {transport.name} after {len(refused)} refused attempts to log in",
            steps=(
                *(line.step("an attempt was refused") for line in refused[:3]),
                ending.line.step("the server had enough"),
            ),
            objects=(transport.name,),
            why="The log proves it, in the server's own words. " + HAZARD.why,
            count=max(len(refused), 1),
        )
