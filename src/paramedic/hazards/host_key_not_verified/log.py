"""In a log: host keys that were added without a check."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.host_key_not_verified import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    if facts.hosts:
        names = ", ".join(host for host, _ in facts.hosts[:5]) + (" …" if len(facts.hosts) > 5 else "")
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.ADVICE,
            message=f"host keys were accepted unseen for {names}",
            steps=tuple(line.step("AutoAddPolicy accepted a key") for _, line in facts.hosts[:3]),
            objects=tuple(host for host, _ in facts.hosts[:20]),
            why="The log proves it: only AutoAddPolicy writes this line (client.py). " + HAZARD.why,
            count=len(facts.hosts),
        )
