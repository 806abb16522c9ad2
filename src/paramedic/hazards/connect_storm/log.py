"""In a log: connections that die before the banner, while many others are logging in."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.connect_storm import HAZARD
from paramedic.logs.facts import LogFacts, TransportFacts
from paramedic.model.finding import Confidence, Finding

TOGETHER = 3
"""From so many logins at the same time on, they can be what the server throttles (OpenSSH: MaxStartups 10:30:100)."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    if facts.most_logging_in < TOGETHER:
        return
    lost = [t for t in facts.transports if _lost_before_banner(t) and _beside(t, facts) >= TOGETHER]
    said = [t for t in lost if "MaxStartups" in t.greeting or "Not allowed at this time" in t.greeting]
    hosts = {t.host for t in facts.transports if t.host and any(_overlap(t, other) for other in lost)}
    if not lost or (len(lost) < 2 and not said):
        return
    if len(hosts) > 1 and not said:
        return  # many hosts at once is what a fan-out does; some of them being down is no storm
    reset = sum("reset" in t.ending.text for t in lost)
    steps = [t.started.step("began to connect") for t in lost[:2] if t.started is not None]
    steps += [t.ending.line.step("lost before the banner") for t in lost[:3] if t.ending.line is not None]
    yield Finding(
        hazard=HAZARD.name,
        code=HAZARD.code,
        confidence=Confidence.OBSERVED if said or (len(hosts) == 1 and reset) else Confidence.POSSIBLE,
        message=f"{len(lost)} of {facts.transports_seen} connections were lost before the server's banner, while up to "
        f"{facts.most_logging_in} were logging in at the same time"
        + (f"; the server said {said[0].greeting!r}" if said else ""),
        steps=tuple(steps),
        objects=tuple(sorted(hosts)),
        why=(
            "The server's own words prove that it throttles."
            if said
            else "The log proves the losses and that they came together; that the server throttles is suggested by it."
        )
        + " "
        + HAZARD.why,
        count=len(lost),
    )


def _lost_before_banner(transport: TransportFacts) -> bool:
    ending = transport.ending
    early = transport.banner is None and transport.keys_agreed is None and transport.started is not None
    return early and not transport.server and (ending.how in ("exception", "eof", "socket"))


def _beside(transport: TransportFacts, facts: LogFacts) -> int:
    return sum(1 for t in facts.transports if _overlap(t, transport))


def _overlap(a: TransportFacts, b: TransportFacts) -> bool:
    if a.started is None or b.started is None or a.started.file != b.started.file:
        return False
    a_until, b_until = (t.authenticated or t.ending.line or t.last for t in (a, b))
    return (
        a_until is not None
        and b_until is not None
        and a.started.number <= b_until.number
        and b.started.number <= a_until.number
    )
