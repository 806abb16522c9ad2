"""In a log: a thread begins something on a connection that our own side has ended."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.closed_in_use import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

_DOING = {"opening": "opening a channel", "global": "sending a global request", "sftp": "in an SFTP call"}


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for use in facts.dead_uses:
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if use.by_us else Confidence.POSSIBLE,
            message=f"{use.thread or 'a thread'} was {_DOING[use.what]} on {use.transport or 'a connection'} "
            + ("that another thread closed" if use.by_us else "that had ended"),
            steps=(use.call.step("began"), use.line.step("its packet was dropped")),
            objects=(use.transport,) if use.transport else (),
            why=(
                "The packet was dropped before the transport's own thread had noticed any end, so it was our side that "
                "closed the connection; who called close() is not logged. "
                if use.by_us
                else "The log proves the use after the end; that our side ended it is only suggested. "
            )
            + HAZARD.why,
        )
