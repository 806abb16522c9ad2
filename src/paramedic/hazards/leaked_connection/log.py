"""In a log: connections that are left alone while new ones are made."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from paramedic.hazards.leaked_connection import HAZARD
from paramedic.logs.facts import LogFacts, TransportFacts
from paramedic.model.finding import Confidence, Finding

LEFT = 3


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    open_ones = [t for t in facts.transports if not t.ending.how and t.started is not None and not t.server]
    starts = sorted(t.started.number for t in facts.transports if t.started is not None)
    left = [
        t
        for t in open_ones
        if t.authenticated is not None
        and t.last is not None
        and len(starts) - bisect_right(starts, t.last.number) >= LEFT
    ]
    if len(left) >= LEFT:
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.ADVICE,
            message=f"{len(left)} connections were not heard of again while new ones were opened, "
            f"and no line says that "
            "they were closed",
            steps=tuple(t.last.step("its last line") for t in left[:3] if t.last is not None),
            objects=tuple(t.name for t in left[:5]),
            why="Paramiko does not always log a close, so the log suggests a leak and cannot prove it. " + HAZARD.why,
            count=len(left),
        )
    logged_in = max((t.started.number for t in facts.transports if t.started and t.authenticated), default=0)
    failed = [t for t in open_ones if t.logins_failed and t.authenticated is None and _outlived(t, logged_in, facts)]
    if failed:
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.ADVICE,
            message=f"{len(failed)} connections whose login failed were not closed, as far as the log tells",
            steps=tuple(t.logins_failed[-1].step("failed") for t in failed[:3]),
            objects=tuple(t.name for t in failed[:5]),
            why="SSHClient.connect leaves the transport running when the login fails (client.py); a close need not be "
            "logged. " + HAZARD.why,
            count=len(failed),
        )


def _outlived(transport: TransportFacts, logged_in: int, facts: LogFacts) -> bool:
    """Whether a close would have been seen: the transport's thread says so at once, unless the program ends with it."""
    failed = transport.logins_failed[-1]
    if facts.last is not None and (facts.last.at_s or 0.0) - (failed.at_s or facts.last.at_s or 0.0) > 5:
        return True
    return logged_in > failed.number
