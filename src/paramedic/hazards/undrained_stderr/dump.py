"""A thread reads one stream of a channel to its end while the other, which nobody reads, fills the common window."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.place import Order
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import Wait
from paramedic.dump.window import MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA
from paramedic.hazards.undrained_stderr import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields one finding for each place where threads wait for one stream and the other is not read.

    Threads: as `DumpFacts`.
    """
    waiting = [a for a in facts.others if a.wait in (Wait.OUTPUT, Wait.STDERR) and not facts.moved(a)]
    for group, (confidence, why) in facts.judged(
        (a for a in waiting if not facts.has_reader(a, other_stream=True)), lambda a: _judge(facts, a)
    ):
        stream, other = ("stdout", "stderr") if group[0].wait is Wait.OUTPUT else ("stderr", "stdout")
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=(
                f"{names(group)} {verb(group, 'waits', 'wait')} for {stream} while nobody reads {other} "
                f"of the same channel: {why}"
            ),
            steps=(step(group, f"waits for {stream}; {other} is not read by any thread"),),
            count=len(group),
        )


def _judge(facts: DumpFacts, waiter: Activity) -> tuple[Confidence, str] | None:
    for_stderr = waiter.wait is Wait.STDERR
    channel = facts.channel_of(waiter)
    fill = facts.unread(channel, stderr=not for_stderr)
    if fill is not None:
        return (Confidence.OBSERVED, f"{fill} are unread and have used up the window") if fill.full else None
    places = [p for p in (facts.sources.place(c.site) for c in waiter.users) if p is not None]
    if any(p.mentions("set_combine_stderr") for p in places):
        return None
    if facts.reading(waiter, stderr=not for_stderr) is not Order.AFTER:
        return None
    kind = MSG_CHANNEL_DATA if for_stderr else MSG_CHANNEL_EXTENDED_DATA
    if facts.last_packet_was_for(channel, kind) and facts.in_one_call(waiter):
        return Confidence.POSSIBLE, "the last packet that came was for the unread stream, and nothing came since"
    return (
        Confidence.ADVICE,
        "it is read only afterwards; a dump without the channel's counters cannot say how full it is, "
        "`paramedic dump PID` on the living process can, with py-spy or pystack",
    )
