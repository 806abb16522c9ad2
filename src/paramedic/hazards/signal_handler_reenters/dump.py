"""A signal handler called Paramiko while what it interrupted holds the lock that it needs, or it raised there."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity, holds_inside, logs_inside, may_hold
from paramedic.dump.calls import Call, Layer
from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import Wait
from paramedic.hazards.signal_handler_reenters import HAZARD
from paramedic.model.finding import Confidence, Finding

_WHY = (
    "Paramiko takes its locks by `lock.acquire()` and `try:` (channel.py, buffered_pipe.py). Python runs signals' "
    "handlers between any two steps of the main thread; what one raises between those two leaves the lock taken"
)
_FIX = (
    "Let no handler raise while the main thread is in Paramiko: give recv, exec_command and open_session a timeout "
    "instead of signal.alarm(), have the work done by another thread, or use paramedic.safe, whose channels have locks "
    "that this cannot happen to."
)
_STRUCK = (
    "an exception (Ctrl-C, or one that a signal's handler raised) has struck between lock.acquire() and its try. "
    "Nothing that uses this connection can go on"
)
# A thread that has just taken it may have had to let another one run.
_PERHAPS = "if a second dump shows the same, an exception of a signal's handler has left it taken"
_SFTP = "sftp_client"
_OF_CHANNELS = ("the lock of a channel's buffer", "Channel.lock")


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each thread that waits for a lock which its own interrupted frames hold, or that a
    handler which raised has left taken.

    Threads: as `DumpFacts`.
    """
    for activity in facts.others:
        if _went_on(facts, activity) or any(c.function == "__del__" for c in activity.calls):
            continue
        found = _reentered(facts, activity)
        if found is None:
            continue
        handler, interrupted, lock, confidence = found
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=(
                f"A signal handler ({handler.function}) waits for {lock} on {activity.name}, which the frame that it "
                f"interrupted ({interrupted.function}) holds: it can never be let go"
            ),
            steps=(
                activity.step(f"was interrupted by a signal in {interrupted.function}, which holds {lock}"),
                activity.step(f"in the handler {handler.function}: waits for {lock}", site=handler.site),
            ),
        )
    yield from _in_two_requests(facts)
    yield from _left_taken(facts)


def _in_two_requests(facts: DumpFacts) -> Iterable[Finding]:
    """A handler that waits for an SFTP reply, in the middle of another SFTP call: no lock is in the way of that."""
    for activity in facts.others:
        handler = facts.signal_handler(activity) if activity.wait is Wait.SFTP_REPLY else None
        if handler is None:
            continue
        place = activity.calls.index(handler)
        outside = activity.calls[place + 1 :]
        user = next((i for i, c in enumerate(outside) if c.layer is Layer.USER), 0)
        inner, outer = activity.calls[:place], outside[:user]
        requests = [[c for c in calls if c.at(_SFTP)] for calls in (inner, outer)]
        clients = {address for c in (*requests[0], *requests[1]) if (address := c.address()) is not None}
        if not all(requests) or len(clients) > 1:
            continue
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if clients and facts.repeated else Confidence.POSSIBLE,
            message=(
                f"A signal handler ({handler.function}) waits for an SFTP reply on {activity.name}, in the middle of "
                f"{outer[-1].function}(): each may take the other's reply, or cut the other's packet in two"
            ),
            steps=(
                activity.step("was interrupted by a signal in the middle of an SFTP call", site=outside[user].site),
                activity.step(f"in the handler {handler.function}: waits for an SFTP reply", site=handler.site),
            ),
        )


def _left_taken(facts: DumpFacts) -> Iterable[Finding]:
    """A transport thread at a lock of a channel, and no thread is in the code that could let go of it."""
    for activity in facts.activities:
        if activity.wait is not Wait.PARAMIKO_LOCK or activity.transport is None or activity.lock not in _OF_CHANNELS:
            continue
        if activity.callback is not None or facts.moved(activity):
            continue
        others = [a for a in facts.activities if a is not activity]
        if not facts.shows_all or any(may_hold(other, activity.lock) for other in others):
            continue
        main = next((a for a in others if a.is_main), None)
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if facts.repeated else Confidence.ADVICE,
            message=(
                f"{activity.as_transport} {'waits for' if facts.repeated else 'is at'} {activity.lock}, and no thread "
                f"is in the code that lets go of it: {_STRUCK if facts.repeated else _PERHAPS}"
            ),
            steps=(
                activity.step(f"is at {activity.lock}"),
                *([main.step("runs the handlers of signals, and is elsewhere by now")] if main is not None else []),
            ),
            why=_WHY,
            fix=_FIX,
        )


def _went_on(facts: DumpFacts, activity: Activity) -> bool:
    """Whether the thread got on between the dumps. A timer that strikes again piles up handlers at the same lock."""
    return facts.moved(activity) and facts.site_before(activity) != activity.site


def _reentered(facts: DumpFacts, activity: Activity) -> tuple[Call, Call, str, Confidence] | None:
    if activity.wait is Wait.PARAMIKO_LOCK:
        holder = holds_inside(activity, activity.lock)
        handler = next((c for c in activity.calls if c.layer in (Layer.USER, Layer.LIBRARY)), None)
        if holder is not None and handler is not None and not logs_inside(activity):
            return handler, holder, activity.lock, Confidence.OBSERVED
        return None
    handler = facts.signal_handler(activity)
    if handler is not None:
        for pair in facts.holders(activity):
            if pair.holds.activity is activity:
                interrupted = next((c for c in activity.users if c.site == pair.holds.site), handler)
                sure = Confidence.OBSERVED if pair.certain else Confidence.POSSIBLE
                return handler, interrupted, pair.wants.lock.text, sure
    return None
