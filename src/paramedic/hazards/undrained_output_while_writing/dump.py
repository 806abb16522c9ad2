"""A thread waits for room to write while nobody reads what comes back."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.place import Order
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import Wait
from paramedic.hazards.undrained_output_while_writing import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields one finding for each place where threads wait for the peer's window on a channel that nobody reads.

    Threads: as `DumpFacts`.
    """
    waiting = [a for a in facts.others if a.wait is Wait.SEND_WINDOW and a.find("sftp", "_write_all") is None]
    for group, (confidence, why) in facts.judged(
        (a for a in waiting if not facts.moved(a) and not facts.has_reader(a)), lambda a: _judge(facts, a)
    ):
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=(
                f"{names(group)} {verb(group, 'waits', 'wait')} for room in the peer's window and no thread reads "
                f"the output of the same channel: {why}"
            ),
            steps=(
                step(group, "writes, and waits for the peer to take it; nobody reads what comes back"),
                *(a.step(f"waits for {group[0].name} to end") for a in facts.joiners(group[0])[:1]),
            ),
            count=len(group),
        )


def _judge(facts: DumpFacts, writer: Activity) -> tuple[Confidence, str] | None:
    fill = facts.unread(facts.channel_of(writer))
    if fill is not None:
        if fill.full:
            return Confidence.OBSERVED, f"{fill} are unread, so the remote command is blocked as well"
        return None
    order = facts.reading(writer)
    if order is Order.AFTER and facts.in_one_call(writer):
        return Confidence.POSSIBLE, "the code reads it only afterwards; both directions fill up and stop"
    if order is Order.BEFORE:
        return None
    return Confidence.ADVICE, (
        "a peer that writes back stops reading once our window is used up; `paramedic dump PID` on the living process "
        "says whether it is"
    )
