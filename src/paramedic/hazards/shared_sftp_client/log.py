"""In a log: calls of several threads in one SFTP session."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_sftp_client import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

_SAYS = {
    "inside": (
        Confidence.OBSERVED,
        "were in calls of one SFTP session at the same time",
        "The log proves the overlap: one call began and went on inside another's open().",
    ),
    "lost-reply": (
        Confidence.OBSERVED,
        "use one SFTP session, and a reply came that nobody waited for",
        "The log proves the lost reply; that these calls overlapped is its only known cause.",
    ),
    "faster-than-the-wire": (
        Confidence.POSSIBLE,
        "began calls on one SFTP session faster than answers can come",
        "SFTP calls are logged when they begin. Under one lock the second begins after the first's "
        "answer; these began sooner than any answer of this connection came.",
    ),
    "all-silent": (
        Confidence.ADVICE,
        "began calls on one SFTP session and were not heard of again",
        "The log proves who called last. It cannot say whether these calls ended: if the program hangs, they "
        "took each other's replies; if each call was under one lock, all is well.",
    ),
    "turns": (
        Confidence.ADVICE,
        "took turns in one SFTP session",
        "The log proves that both called it. It cannot say whether a lock or a queue keeps each call of one apart from "
        "those of the other; without one they take each other's replies.",
    ),
}


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for overlap in facts.sftp_overlaps:
        confidence, what, proof = _SAYS[overlap.how]
        if not overlap.sure:
            confidence = Confidence.POSSIBLE if confidence is Confidence.OBSERVED else Confidence.ADVICE
            proof += (
                " Several connections have a channel of that number; that this one is meant is suggested by where its "
                "thread was seen."
            )
        who = ", ".join(overlap.threads[:4]) + (" …" if len(overlap.threads) > 4 else "")
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=f"{who} {what} (channel {overlap.channel})",
            steps=tuple(line.step("logged") for line in overlap.lines),
            objects=(f"SFTP session on channel {overlap.channel} of {overlap.transport or 'a connection'}",),
            why=f"{proof} {HAZARD.why}",
            count=overlap.count,
        )
