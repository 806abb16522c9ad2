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
            message=f"{transport.name} ended while {len(opening)} channel{'s were' if len(opening) > 1 else ' was'} "
            "being opened on it",
            steps=(
                *(c.opening.step("asked for a channel") for c in opening[:3] if c.opening is not None),
                ending.line.step("the connection ended, and the server had not said why"),
            ),
            objects=(transport.name,),
            why="The log proves that the openings failed with the connection. That our side closed it is suggested by "
            "a server that says nothing; a server that is gone says nothing either. " + HAZARD.why,
        )
        told.add(transport.name)
    yield from _cut_short(facts, raced | told)


def _cut_short(facts: LogFacts, told: set[str]) -> Iterable[Finding]:
    """Connections that ended, without a word of the server's, under commands that had not ended."""
    for transport in facts.transports:
        running = [c for c in transport.unfinished if c.requested is not None and c.eof_received is None and not c.sftp]
        ending = transport.ending
        if ending.how != "eof" or ending.line is None or not running or transport.name in told or transport.server:
            continue
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.ADVICE,
            message=f"{transport.name} ended while {len(running)} command{'s' * (len(running) > 1)} had not: see "
            "whether another thread, a with block or a finally clause closes it too early",
            steps=(
                *(c.requested.step("a command was started") for c in running[:3] if c.requested is not None),
                ending.line.step("the connection ended, and the server had not said why"),
            ),
            objects=(transport.name,),
            why="The log proves that the connection ended first. A client that is closed on purpose while a command "
            "runs looks the same, and so does a server that is gone. " + HAZARD.why,
            count=len(running),
        )
