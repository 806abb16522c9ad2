"""A Paramiko call blocks the thread of an event loop."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import REMOTE, Wait
from paramedic.hazards.blocking_the_event_loop import HAZARD
from paramedic.model.finding import Confidence, Finding

_RESULT = "a coroutine of this loop, if it is one, can never bring that"
_WAITS = REMOTE | {Wait.CONNECT, Wait.BANNER, Wait.SOCKET_WRITE, Wait.TRANSPORT_END, Wait.PARAMIKO_LOCK, Wait.FUTURE}


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each event loop whose thread waits in Paramiko, or for a future beside Paramiko's threads.

    Threads: as `DumpFacts`.
    """
    for activity in facts.others:
        if activity.wait not in _WAITS or not facts.on_event_loop(activity):
            continue
        asking = activity.asking
        if activity.wait is Wait.FUTURE and not (facts.transports and activity.users):
            continue
        call = f"{asking.owner_class}.{asking.function}".lstrip(".") if asking else "a Paramiko call"
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if facts.stood_still(activity) else Confidence.POSSIBLE,
            message=(
                f"{call} blocks the event loop on {activity.name}: nothing else runs there while it waits for "
                f"{activity.wait}" + (f"; {_RESULT}" if activity.wait is Wait.FUTURE else "")
            ),
            steps=(activity.step(f"waits for {activity.wait} inside a callback or coroutine of the event loop"),),
        )
