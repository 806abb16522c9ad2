"""In a log: the peer refuses to open sessions on a connection that has some open."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.session_limit import HAZARD
from paramedic.logs.facts import LogFacts, Refusal
from paramedic.model.finding import Confidence, Finding

_OTHER_CODES = ("Administratively prohibited", "Resource shortage")
"""What servers other than OpenSSH say, and OpenSSH when it forbids a tunnel: proof of a limit only beside sessions."""

KEPT_OPEN = 5
"""Half of what OpenSSH allows."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    by_transport: dict[str, list[Refusal]] = {}
    for refusal in facts.refusals:
        # A tunnel that cannot be made is refused in the words of the network ("Connection refused: Connect failed");
        # a session too many in OpenSSH's own: "open failed" with code 2 (session.c, channels.c).
        openssh = refusal.text == "open failed" and refusal.reason == "Connect failed" and refusal.live >= 1
        other = refusal.reason in _OTHER_CODES and refusal.sessions >= 3
        if openssh or other:
            by_transport.setdefault(refusal.transport, []).append(refusal)
    for transport, refused in by_transport.items():
        sure = any(r.text == "open failed" for r in refused)
        most = max(r.live for r in refused)
        openers = tuple(dict.fromkeys(r.opener for r in refused if r.opener))
        steps = [r.opening.step("asked for a session") for r in refused[:1] if r.opening is not None]
        steps += [r.line.step(f"the peer refused channel {r.channel} while {r.live} were open") for r in refused[:4]]
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if sure else Confidence.POSSIBLE,
            message=f"{transport} had up to {most} channels open when the peer refused {len(refused)} more"
            + (f", asked for by {len(openers)} threads" if len(openers) > 1 else ""),
            steps=tuple(steps),
            objects=(transport,),
            why="The log proves the refusals. How many sessions the server allows (OpenSSH: MaxSessions, 10 unless set)"
            " is suggested by how many were open; Paramiko does not log every close, so fewer may have been. "
            + HAZARD.why,
            count=len(refused),
        )
    yield from _kept_open(facts, set(by_transport))


def _kept_open(facts: LogFacts, told: set[str]) -> Iterable[Finding]:
    """Channels that nobody has ended, while others were opened after the last that was heard of them."""
    for transport in facts.transports:
        newest = max((c.opening.number for c in transport.unfinished if c.opening is not None), default=0)
        kept = [
            c
            for c in transport.unfinished
            if c.requested is not None and c.eof_sent is None and c.eof_received is None
            and c.last is not None and c.last.number < newest
        ]  # fmt: skip
        if len(kept) < KEPT_OPEN or transport.server or transport.name in told:
            continue
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.ADVICE,
            message=f"{len(kept)} channels of {transport.name} have no end in the log, while others were opened",
            steps=tuple(c.last.step(f"last heard of channel {c.number}") for c in kept[:4] if c.last is not None),
            objects=(transport.name,),
            why="A channel that is closed before its end is not logged, so the log only suggests that they are open. "
            "Each counts against the server's limit of sessions. " + HAZARD.why,
            count=len(kept),
        )
