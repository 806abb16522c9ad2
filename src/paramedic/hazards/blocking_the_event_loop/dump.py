"""A Paramiko call blocks the thread of an event loop."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.waits import REMOTE, Wait
from paramedic.hazards.blocking_the_event_loop import HAZARD
from paramedic.model.finding import Confidence, Finding

_WAITS = REMOTE | {Wait.CONNECT, Wait.BANNER, Wait.SOCKET_WRITE, Wait.TRANSPORT_END, Wait.PARAMIKO_LOCK}


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each event loop whose thread waits in Paramiko.

    Threads: as `DumpFacts`.
    """
    for activity in facts.others:
        if activity.wait not in _WAITS or not facts.on_event_loop(activity):
            continue
        asking = activity.asking
        call = f"{asking.owner_class}.{asking.function}".lstrip(".") if asking else "a Paramiko call"
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.OBSERVED if facts.stood_still(activity) else Confidence.POSSIBLE,
            message=(
                f"{call} blocks the event loop on {activity.name}: nothing else runs there while it waits for "
                f"{activity.wait}"
            ),
            steps=(activity.step(f"waits for {activity.wait} inside a callback or coroutine of the event loop"),),
        )
