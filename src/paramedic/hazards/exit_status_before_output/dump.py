"""A thread waits for the exit status while nobody reads what the command writes."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.place import Order
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import Wait
from paramedic.dump.window import MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA
from paramedic.hazards.exit_status_before_output import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields one finding for each place where threads wait in ``recv_exit_status`` with output unread.

    Threads: as `DumpFacts`.
    """
    yield from _polling(facts)
    waiting = [a for a in facts.others if a.wait is Wait.EXIT_STATUS and not facts.moved(a)]
    for group, (confidence, why) in facts.judged(
        (a for a in waiting if not facts.has_reader(a)), lambda a: _judge(facts, a)
    ):
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=(
                f"{names(group)} {verb(group, 'waits', 'wait')} in recv_exit_status and no thread reads the output: "
                f"{why}"
            ),
            steps=(step(group, "waits for the exit status before anybody has read the output"),),
            count=len(group),
        )


_BETWEEN_LOOKS = (Wait.OWN_CODE, Wait.SLEEP, Wait.NOTHING, Wait.EVENT, Wait.CONDITION)


def _polling(facts: DumpFacts) -> Iterable[Finding]:
    """Loops that ask for ``exit_status_ready()`` now and then; that they move does not mean that they get on."""
    loops = [a for a in facts.others if a.wait in _BETWEEN_LOOKS and facts.polls(a, "exit_status_ready")]
    waiting = [a for a in facts.others if a.wait is Wait.EVENT and facts.line_mentions(a, "status_event")]
    for group in facts.groups([*loops, *waiting]):
        fills = [f for a in group for c in facts.channels_near(a) if (f := facts.unread(c)) and not facts.is_read(c)]
        full = next((f for f in fills if f.full), None)
        unread = facts.reading(group[0]) in (Order.AFTER, Order.NOT_AT_ALL) and not facts.is_read(None)
        if full is None and (fills or not unread):
            continue
        why = (
            f"{full} are unread, the window is used up and the command cannot go on"
            if full
            else "nobody reads meanwhile, so a command that writes more than a window (2 MiB) never ends"
        )
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if full else Confidence.ADVICE,
            message=f"{names(group)} {_how(facts, group)} for the exit status: {why}",
            steps=(step(group, "wants the exit status before anybody has read the output"),),
            count=len(group),
        )


def _how(facts: DumpFacts, group: tuple[Activity, ...]) -> str:
    if facts.line_mentions(group[0], "status_event"):
        return verb(group, "waits", "wait")
    return f"{verb(group, 'asks', 'ask')} again and again"


def _judge(facts: DumpFacts, waiter: Activity) -> tuple[Confidence, str] | None:
    order = facts.reading(waiter)
    fill = facts.unread(facts.channel_of(waiter))
    if fill is not None:
        if fill.full:
            return Confidence.OBSERVED, f"{fill} are unread, the window is used up and the command cannot go on"
        return None if order is not Order.AFTER else (Confidence.ADVICE, f"only {fill} are unread so far")
    if order is Order.BEFORE:
        return None
    data = (MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA)
    came = facts.last_packet_was_for(facts.channel_of(waiter), *data)
    if order is Order.AFTER and came is not False:
        return Confidence.POSSIBLE, "the code reads it only afterwards, so more than a window (2 MiB) stops the command"
    if came and facts.in_one_call(waiter):
        return Confidence.POSSIBLE, "the last packet was output for this channel, which nobody takes"
    return (
        Confidence.ADVICE,
        "if the command writes more than a window (2 MiB) it stops; a dump cannot say whether it did, "
        "`paramedic dump PID` on the living process can, with py-spy or pystack",
    )
