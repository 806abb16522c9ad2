"""In a log: a transport's channel number is used twice at once, or asked for by a process that has no transport."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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


def of_several(runs: Sequence[LogFacts]) -> Iterator[Finding]:
    """The findings of a log whose lines say which process wrote them.

    A process that opens a channel, and of whose connections not a line was logged, has the connection of another one;
    that one gets the answer.

    Threads: pure.
    """
    for parent in runs:
        for child in runs:
            asked, answered = child.first, parent.unrequested
            if None in (parent.process, child.process) or parent.process == child.process or not answered:
                continue
            if child.transports_seen or asked is None or _OPENS not in asked.text or parent.first is None:
                continue
            if not parent.first.number < asked.number < answered[-1].number:
                continue
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.OBSERVED,
                message=f"process {child.process} opened a channel on a connection of process {parent.process}",
                steps=(
                    asked.step("opened a channel, with no connection of its own"),
                    answered[-1].step("the answer came to the process that had not asked"),
                ),
                why="The log proves that a process asked that had connected to nothing, and an answer came to where "
                "nobody had asked. " + HAZARD.why,
                process=child.process,
            )
            break


_OPENS = "Max packet in: "
"""Logged as a channel is made, before the request goes out (channel.py Channel._set_window, 5.1.0)."""
