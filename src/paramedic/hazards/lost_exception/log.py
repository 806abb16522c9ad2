"""In a log: errors that only the transport's thread, or one slot, has seen."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.lost_exception import HAZARD
from paramedic.logs.facts import Line, LogFacts
from paramedic.model.finding import Confidence, Finding, Step


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for transport in facts.transports:
        ending = transport.ending
        if ending.how not in ("exception", "unknown-exception", "socket", "disconnect") or ending.line is None:
            continue
        if not ending.authenticated or not (ending.live or ending.how == "unknown-exception"):
            continue
        words = next((text for text in reversed(ending.traceback) if text.strip()), "") or ending.text
        # Without a frame of the program's own, it may be what an orderly close does to a ProxyCommand's pipes.
        ours = ending.how == "unknown-exception" and bool(_frames(ending.traceback))
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE if ours else Confidence.ADVICE,
            message=f"{transport.name} died of {words.strip()[:120]!r} with {ending.live} "
            f"channel{'' if ending.live == 1 else 's'} open",
            steps=(
                ending.line.step("its last words"),
                *(_where(ending.line, text) for text in _frames(ending.traceback)),
            ),
            objects=(transport.name,),
            why="The log proves the exception. Readers of the open channels get an end of stream and exit status -1, "
            "not the exception; whether anybody asked for it is not logged. " + HAZARD.why,
        )
    if facts.refusals:
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.ADVICE,
            message=f"{facts.refusals_seen} channel{'s were' if facts.refusals_seen > 1 else ' was'} refused; see that "
            "the exception of each is looked at",
            steps=tuple(r.line.step("refused") for r in facts.refusals[:2]),
            objects=tuple(dict.fromkeys(r.transport for r in facts.refusals[:5])),
            why="The log proves the refusals. Whether a future kept the ChannelException to itself is not logged. "
            + HAZARD.why,
            count=facts.refusals_seen,
        )


def _frames(traceback: tuple[str, ...]) -> list[str]:
    """The frames that are not Paramiko's or the standard library's."""
    own = [text for text in traceback if text.lstrip().startswith("File ") and "/paramiko/" not in text]
    return [text for text in own if "/lib/python" not in text or "site-packages" in text][-3:]


def _where(line: Line, frame: str) -> Step:
    return Step(thread=line.thread, what=f"in the program's own code: {frame.strip()[:200]}")
