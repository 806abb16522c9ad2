"""In a log: several logins on one transport, while transports that were made for them stay without."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_client_connect import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    idle = [
        t
        for t in facts.transports
        if t.keys_agreed is not None and t.authenticated is None and not t.logins_failed and not t.server
    ]
    for transport in facts.transports:
        twice = transport.double_logins
        if transport.server or not (twice or (len(transport.unimplemented) > 1 and idle)):
            continue
        cut = transport.started is None  # without its start, the lines may be of two processes
        steps = [t.started.step("another connection of the same moment, never used") for t in idle[:2] if t.started]
        steps += [line.step("a login begins on this transport") for line in (twice[0] if twice else ())]
        steps += [line.step("the server does not know what to do with it") for line in transport.unimplemented[:2]]
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.ADVICE if cut else Confidence.OBSERVED if twice else Confidence.POSSIBLE,
            message=f"{len({b.number for _, b in twice}) + 1 if twice else 'several'} logins ran at the same time on "
            f"{transport.name}" + (f", while {len(idle)} other connections were left without a login" if idle else ""),
            steps=tuple(steps),
            objects=(transport.name, *(t.name for t in idle[:5])),
            why="The log proves that the logins overlapped on one transport. That one SSHClient was told to connect by "
            "several threads is the only way to that which SSHClient has. " + HAZARD.why,
            count=max(len(twice), 1),
        )
