"""The relay of a ProxyCommand is blocked: nobody reads what it writes to stderr."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import Wait
from paramedic.hazards.proxy_stderr_full import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each ProxyCommand whose stderr pipe is full, or may be and everybody waits.

    Threads: as `DumpFacts`.
    """
    proxies = [t for t in facts.transports if t.wait is Wait.PROXY]
    pipes = [s for s in facts.snapshot.objects if s.kind == "ProxyCommand"]
    full = [s for s in pipes if s.get("stderr_full") is True]
    if not proxies or (pipes and not full):
        return
    for transport in proxies:
        behind = [a for a in facts.waiters_of(transport) if not facts.moved(a)]
        if not behind:
            continue
        known = f"holds {full[0].get('stderr_bytes')} unread bytes and is full" if full else "may be full"
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if full else Confidence.ADVICE,
            message=(
                f"The ProxyCommand's stderr pipe {known}: the relay is blocked, and {behind[0].name} waits for "
                f"{behind[0].wait} through it"
                + ("" if full else "; a dump alone cannot say: look at the relay with `ls -l /proc/PID/fd` and strace")
            ),
            steps=(
                *(a.step() for a in behind[:3]),
                transport.step("waits for the relay; nobody reads its stderr"),
            ),
        )
