"""A thread waits for the peer with no limit."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import Wait
from paramedic.hazards.wait_without_timeout import HAZARD
from paramedic.model.finding import Confidence, Finding

_UNLIMITED = (
    Wait.OUTPUT,
    Wait.STDERR,
    Wait.EXIT_STATUS,
    Wait.REQUEST_REPLY,
    Wait.SFTP_REPLY,
    Wait.SEND_WINDOW,
    Wait.GLOBAL_REQUEST,
)
_PROMPT = (Wait.REQUEST_REPLY, Wait.SFTP_REPLY, Wait.GLOBAL_REQUEST, Wait.CHANNEL_OPEN)
"""What a healthy server answers at once: a wait of seconds for it is no idling."""
_NEVER_LIMITED = (Wait.EXIT_STATUS, Wait.REQUEST_REPLY, Wait.GLOBAL_REQUEST)
_LONG = (Wait.CLEAR_TO_SEND, Wait.SOCKET_WRITE)
"""Waits that end with the connection alone, or with a key exchange: told only where the peer is known to be gone."""
_MINUTES_S = 120
_SLOW_S = 30.0
"""A request that reads or changes files may take a server seconds: a slow disk, a checksum of a large file."""


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields one finding for each place where threads wait for the peer with no timeout.

    A thread that waits for output is idle, not hung: `advice`. One that has waited for a reply through the whole
    interval between two dumps is more than that.

    Threads: as `DumpFacts`.
    """
    waiting = [a for a in facts.others if a.site and (_unlimited(facts, a) or _outlasts(facts, a))]
    for group, (confidence, why) in facts.judged(
        (a for a in waiting if not facts.moved(a)), lambda a: _judge(facts, a)
    ):
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=f"{names(group)} {verb(group, 'waits', 'wait')} for {group[0].wait}{why}",
            steps=(step(group),),
            count=len(group),
        )


def _judge(facts: DumpFacts, waiter: Activity) -> tuple[Confidence, str]:
    if facts.repeated and facts.connection_ended(waiter):
        why = " with no timeout; the connection has ended, and what would wake it came before it began to wait"
        return Confidence.OBSERVED, why
    limit = _limit(facts, waiter)
    if gone := facts.unanswered(waiter):
        return Confidence.OBSERVED, f"{limit}; {gone}"
    why = f"{limit}; the timeout= of exec_command does not cover this" if waiter.wait is Wait.REQUEST_REPLY else limit
    stuck = (
        facts.in_one_call(waiter)
        and waiter.wait in _PROMPT
        and (waiter.wait is not Wait.SFTP_REPLY or (waiter.thread.in_call_s or 0) >= _SLOW_S)
        and not facts.limited(waiter)
        and facts.transports_listen(waiter)
    )
    return (
        (Confidence.POSSIBLE, why)
        if stuck
        else (Confidence.ADVICE, f"{why}; if the peer is gone, for ever{_how_to_know(facts, waiter)}")
    )


def _how_to_know(facts: DumpFacts, waiter: Activity) -> str:
    acknowledged = facts.is_acknowledged(waiter)
    if acknowledged is None:
        return "" if facts.whole else " (`paramedic dump PID` on the living process asks the kernel)"
    if not acknowledged:
        return ""
    return " (all that was sent is acknowledged: only something that is sent, such as a keepalive, would show it)"


def _outlasts(facts: DumpFacts, waiter: Activity) -> bool:
    """Whether it waits much longer than anybody wants to, for a peer that is known to be gone."""
    return waiter.wait in _LONG and bool(facts.unanswered(waiter))


def _unlimited(facts: DumpFacts, waiter: Activity) -> bool:
    if waiter.wait is Wait.CHANNEL_OPEN:
        return _opens_for_an_hour(waiter)
    if waiter.wait not in _UNLIMITED:
        return False
    if waiter.wait in (Wait.EXIT_STATUS, Wait.REQUEST_REPLY):
        return True  # channel.py: event.wait() with no argument, in every version up to 5.1
    if waiter.wait is Wait.GLOBAL_REQUEST:
        return True  # transport.py: until the connection ends
    state = facts.state(facts.channel_of(waiter))
    if state is not None and any(name == "timeout_s" for name, _ in state.values):
        return state.get("timeout_s") is None
    return waiter.timeout in (None, "None")


def _limit(facts: DumpFacts, waiter: Activity) -> str:
    if waiter.wait in _LONG:
        return ""
    if waiter.wait is Wait.CHANNEL_OPEN:
        return " with a limit of an hour"
    state = facts.state(facts.channel_of(waiter))
    told = waiter.timeout is not None or (state is not None and any(name == "timeout_s" for name, _ in state.values))
    return " with no timeout" if told or waiter.wait in _NEVER_LIMITED else " with no timeout that the dump shows"


def _opens_for_an_hour(waiter: Activity) -> bool:
    """Whether it opens a session, which a server answers at once, with the limit that nobody has set.

    A tunnel's channel is another thing: the server first connects to the other end, which may take it minutes.
    """
    limit = waiter.asking.variable("timeout") if waiter.asking is not None else None
    short = limit is not None and limit.replace(".", "", 1).isdigit() and float(limit) < _MINUTES_S
    return waiter.find("transport", "open_session") is not None and not short
