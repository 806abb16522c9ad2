"""In a log: one transport's channel number is used twice at once, as two copies of one process do."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.forked_connection import HAZARD
from paramedic.logs.facts import LogFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: LogFacts) -> Iterable[Finding]:
    """The findings of one process's part of a log.

    Threads: pure.
    """
    if not facts.twin_opens or not facts.unrequested:
        return
    first, second = facts.twin_opens[0]
    yield Finding(
        hazard=HAZARD.name,
        code=HAZARD.code,
        confidence=Confidence.OBSERVED,
        message="two copies of one process opened channels on the same connection",
        steps=(
            first.step("opened a channel"),
            second.step("opened it again under the same number, as only another copy of the counter can"),
            facts.unrequested[0].step("the answer came to the copy that had not asked"),
        ),
        why="The log proves that a number was given twice and that an answer came to where nobody had asked. "
        + HAZARD.why,
        count=len(facts.twin_opens),
    )
