"""A finalizer run by the garbage collector waits for a lock that its own thread holds."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity, Callback, holds_inside
from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import Wait
from paramedic.hazards.finalizer_deadlock import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each thread that a ``__del__`` made wait for itself.

    Threads: as `DumpFacts`.
    """
    for activity in facts.activities:
        finalizer = next((c for c in activity.calls if c.function == "__del__"), None)
        if finalizer is None or facts.moved(activity):
            continue
        holds = _waits_for_itself(facts, activity)
        if holds is None:
            continue
        lock = activity.lock or str(activity.wait)
        behind = [*facts.waiters_of(activity)]
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED,
            message=(
                f"{activity.name} waits for {lock}, which it holds itself: a {finalizer.owner_class or 'file'} was "
                f"finalized in the middle of {holds}; close exec_command's stdin explicitly"
            ),
            steps=(
                activity.step(f"is in {holds}; the garbage collector runs a finalizer there, which waits for {lock}"),
                *(a.step(f"waits for {a.wait}, which never comes") for a in behind[:5]),
            ),
        )


def _waits_for_itself(facts: DumpFacts, activity: Activity) -> str | None:
    if activity.wait is Wait.PARAMIKO_LOCK:
        holder = holds_inside(activity, activity.lock)
        if holder is not None:
            return f"{holder.owner_class}.{holder.function}".lstrip(".")
    if activity.callback is Callback.FINALIZER and activity.wait in facts.REPLIES:
        assert activity.transport is not None
        return activity.calls[max(activity.transport - 1, 0)].function
    return None
