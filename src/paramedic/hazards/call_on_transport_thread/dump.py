"""A call that needs the transport thread was made on the transport thread."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity, Callback, holds_inside, logs_inside
from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import Wait
from paramedic.hazards.call_on_transport_thread import HAZARD
from paramedic.model.finding import Confidence, Finding

_LOGGED = (Wait.OUTPUT, Wait.STDERR, Wait.SEND_WINDOW, Wait.PARAMIKO_LOCK)


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each transport thread on which user code waits for an answer of the same connection.

    Threads: as `DumpFacts`.
    """
    for transport in facts.transports:
        if transport.callback in (None, Callback.FINALIZER) or facts.moved(transport):
            continue
        logged = transport.callback is Callback.LOGGING
        own = facts.is_own(transport, transport)
        if own is False or not (transport.wait in facts.REPLIES or (logged and transport.wait in _LOGGED)):
            continue
        call = _called(transport)
        how = "a logging handler" if logged else "a handler"
        behind = [*(a for a in facts.others if a.wait is Wait.LOGGING_LOCK), *facts.waiters_of(transport)]
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if own or len(facts.transports) == 1 else Confidence.POSSIBLE,
            message=(
                f"{call} was called on the {transport.as_transport} (from {how}) and waits for "
                f"{transport.wait}: only this thread could bring it"
            ),
            steps=(
                transport.step(f"calls {call} in {how} and waits for {transport.wait}"),
                *(a.step(f"waits for {a.wait}, behind it") for a in behind[:3]),
            ),
        )
    yield from _logged_under_lock(facts)


def _logged_under_lock(facts: DumpFacts) -> Iterable[Finding]:
    """Threads of the user's that log over the connection in the middle of a call on it, with its lock held."""
    for activity in facts.others:
        holder = holds_inside(activity, activity.lock) if activity.wait is Wait.PARAMIKO_LOCK else None
        if holder is None or logs_inside(activity) is None or facts.moved(activity):
            continue
        behind = [a for a in facts.activities if a.wait is Wait.LOGGING_LOCK]
        call = f"{holder.owner_class}.{holder.function}".lstrip(".")
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED,
            message=(
                f"A logging handler on {activity.name} uses the connection of which Paramiko logs, in the middle of "
                f"{call}: it waits for {activity.lock}, which that call holds, so that it can never be let go"
            ),
            steps=(
                activity.step(f"logs in {call}; the handler waits for {activity.lock}"),
                *(a.step(f"waits for {a.wait}, behind it") for a in behind[:3]),
            ),
        )


def _called(transport: Activity) -> str:
    """The outermost call of Paramiko's that the handler made."""
    assert transport.entered is not None
    users = [i for i, c in enumerate(transport.calls) if c in transport.users and i <= transport.entered]
    innermost = min(users, default=transport.entered)
    made = transport.calls[innermost - 1] if innermost else transport.calls[0]
    return f"{made.owner_class}.{made.function}()" if made.owner_class else f"{made.function}()"
