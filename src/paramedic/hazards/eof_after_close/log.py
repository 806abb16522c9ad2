"""In a log: our EOF may have crossed the CLOSE, and then the connection answers no more."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.eof_after_close import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

OFTEN = 3
"""So many channels of one connection ended from a second thread make the pattern, where the log shows no end."""


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for race in facts.eof_races:
        suggested = race.ended is not None or race.before >= OFTEN
        steps = [race.ours.step("sent EOF" + (", though another thread opened the channel" if race.foreign else ""))]
        if race.theirs is not None:
            steps.append(race.theirs.step("the peer ended its side at the same time"))
        if race.after.last is not None:
            steps.append(race.after.last.step(f"channel {race.after.number} was never answered"))
        if race.ended is not None:
            steps.append(race.ended.step("the connection ended without a word of the server's"))
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE if suggested else Confidence.ADVICE,
            message=f"after channel {race.channel.number} was ended from both sides at once, {race.channel.transport} "
            + ("was gone" if race.ended is not None else "answered no more"),
            steps=tuple(steps),
            objects=(race.channel.transport,),
            why="The log proves the order of these lines. That EOF was sent after CLOSE it only "
            "suggests: Paramiko does "
            'not log CLOSE; the server\'s log says it ("ieof packet referred to nonexistent channel"). ' + HAZARD.why,
        )
