"""In a log: keepalives into the void."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.keepalive_is_not_a_timeout import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding

MANY = 3


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    for transport in facts.transports:
        ending = transport.ending
        if transport.keepalives_unanswered_by >= MANY and not ending.how and transport.last is not None:
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.ADVICE,
                message=f"{transport.keepalives_unanswered_by} keepalives in a row were all that {transport.name} "
                "logged; they do not say whether the peer lives",
                steps=(transport.last.step("the last of them"),),
                objects=(transport.name,),
                why="Keepalives are sent without asking for a reply, so a log with nothing else looks the same with a "
                "quiet peer and with a dead one. " + HAZARD.why,
            )
