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
    raced = {race.channel.transport for race in facts.eof_races}
    told = {use.transport for use in facts.dead_uses}
    for transport in () if facts.unrequested else facts.transports:  # a forked copy's answer is another hazard's
        ending = transport.ending
        opening = [c for c in ending.waiting if c.confirmed is None and c.opening is not None]
        if ending.how != "eof" or not opening or transport.name in raced | told or ending.line is None:
            continue
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE,
            message=f"{transport.name} ended while {len(opening)} channels were being opened on it",
            steps=(
                *(c.opening.step("asked for a channel") for c in opening[:3] if c.opening is not None),
                ending.line.step("the connection ended, and the server had not said why"),
            ),
            objects=(transport.name,),
            why="The log proves that the openings failed with the connection. That our side closed it is suggested by "
            "a server that says nothing; a server that is gone says nothing either. " + HAZARD.why,
        )
