"""A signal handler called Paramiko while the frame that it interrupted holds the lock that it needs."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity, holds_inside, logs_inside
from paramedic.dump.calls import Call, Layer
from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import Wait
from paramedic.hazards.signal_handler_reenters import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each thread that waits for a lock which its own interrupted frames hold.

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
