"""In a log: something was asked for and never answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from paramedic.hazards.wait_without_timeout import HAZARD
from paramedic.logs.facts import ChannelFacts, Line, LogFacts
from paramedic.model.finding import Confidence, Finding

TOLD = 20
"""Connections of which each has a finding of its own; the others are summed up."""
LONG_S = 30.0
"""For so long a channel was not opened, while the log went on: nobody bounds that wait, or it would have ended."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    told: dict[Confidence, list[Finding]] = {}
    for finding in _by_transport(facts):
        told.setdefault(finding.confidence, []).append(finding)
    for same in told.values():
        yield from same[:TOLD]
        if len(same) > TOLD:
            more = len(same) - TOLD
            yield replace(
                same[-1], message=f"the same on {more} more connections, the last is {same[-1].objects[0]}", count=more
            )


def _by_transport(facts: LogFacts) -> Iterable[Finding]:
    if facts.last is None:
        return
    for transport in facts.transports:
        if transport.ending.how or transport.server:
            continue
        opening = [c for c in transport.ending.waiting if c.opening is not None and c.confirmed is None]
        running = [c for c in transport.unfinished if c.eof_received is None and not (c.sftp and _idle(c, facts.last))]
        numbers = {c.number for c in opening}
        asked = opening + [c for c in running if c.number not in numbers]
        line = asked[0].last or asked[0].opening if asked else None
        if line is None:
            continue
        waited = (facts.last.at_s - line.at_s) if facts.last.at_s is not None and line.at_s is not None else 0.0
        long = bool(opening) and waited >= LONG_S
        names = ", ".join(str(c.number) for c in asked[:5]) + (" …" if len(asked) > 5 else "")
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE if long else Confidence.ADVICE,
            message=f"nothing more is heard on channel {names} of {transport.name} before the log stops"
            + (f", {waited:.0f} s later" if waited >= 1 else ""),
            steps=tuple(x.step(_state(c)) for c in asked[:4] if (x := c.last or c.opening) is not None),
            objects=(transport.name,),
            why="The log proves that the peer's end of stream was not seen. Whether a thread still "
            "waits it does not say, "
            "and Paramiko logs no timeouts. " + HAZARD.why,
            count=len(asked),
        )


def _idle(session: ChannelFacts, last: Line) -> bool:
    """Whether an SFTP session may be at rest: its last call need not be the one that nobody heard of again."""
    return session.last is None or session.last.number != last.number


def _state(channel: ChannelFacts) -> str:
    if channel.confirmed is None:
        return "opening was never answered"
    if channel.requested is None:
        return "opened; no request on it was granted"
    if channel.sftp:
        return "the last that was asked of the SFTP session"
    return "a command was started; its end was not seen"
