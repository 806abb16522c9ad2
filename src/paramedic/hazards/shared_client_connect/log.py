"""In a log: several logins on one transport, while transports that were made for them stay without."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_client_connect import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

_SECOND_LOGIN = "unexpected service"
"""What AsyncSSH's server says of it; OpenSSH's says that it does not know the message (``unimplemented``)."""


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
        others = [t for t in idle if t is not transport]
        refused = transport.ending.how == "disconnect" and _SECOND_LOGIN in transport.ending.text.lower()
        if transport.server or not (twice or ((len(transport.unimplemented) > 1 or refused) and others)):
            continue
        cut = transport.started is None  # without its start, the lines may be of two processes
        steps = [t.started.step("another connection of the same moment, never used") for t in others[:2] if t.started]
        steps += [line.step("a login begins on this transport") for line in (twice[0] if twice else ())]
        steps += [line.step("the server does not know what to do with it") for line in transport.unimplemented[:2]]
        if refused and transport.ending.line is not None:
            steps.append(transport.ending.line.step("the server ends the connection: a login was asked for twice"))
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.ADVICE if cut else Confidence.OBSERVED if twice else Confidence.POSSIBLE,
            message=f"{len({b.number for _, b in twice}) + 1 if twice else 'several'} logins ran at the same time on "
            f"{transport.name}"
            + (f", while {len(others)} other connections were left without a login" if others else ""),
            steps=tuple(steps),
            objects=(transport.name, *(t.name for t in others[:5])),
            why="The log proves that the logins overlapped on one transport. That one SSHClient was told to connect by "
            "several threads is the only way to that which SSHClient has. " + HAZARD.why,
            count=max(len(twice), 1),
        )
