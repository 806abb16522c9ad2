"""A process waits on a connection whose transport thread stayed in the process that forked it."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.calls import Layer
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step, verb
from paramedic.dump.waits import REMOTE, Wait
from paramedic.hazards.forked_connection import HAZARD
from paramedic.model.finding import Confidence, Finding

_ALL_THREADS = ("py-spy", "py-spy-json", "pystack", "faulthandler")
"""Forms that leave no thread out unless they say so."""
_NOT = (Wait.ACCEPT, Wait.HANDSHAKE)


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding where threads wait for a transport thread that this process does not have.

    Threads: as `DumpFacts`.
    """
    waiting = [a for a in facts.others if (a.wait in REMOTE and a.wait not in _NOT) or _stays_locked_out(facts, a)]
    lonely = [a for a in waiting if _has_no_server(facts, a) and not facts.connection_ended(a)]
    for group, (confidence, wait) in facts.judged(
        (a for a in lonely if not facts.moved(a)), lambda a: _judge(facts, a)
    ):
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=confidence,
            message=(
                f"{names(group)} {verb(group, 'waits', 'wait')} for {wait}, but this process has no thread "
                "that reads the connection: it was forked with a live Transport, and only the process that connected "
                "may use it"
            ),
            steps=(step(group),),
            process=facts.snapshot.process,
            count=len(group),
        )


def _judge(facts: DumpFacts, waiter: Activity) -> tuple[Confidence, str]:
    sure = Confidence.OBSERVED if facts.whole or _was_forked(waiter) else Confidence.POSSIBLE
    return sure, waiter.lock or str(waiter.wait)


def _has_no_server(facts: DumpFacts, activity: Activity) -> bool:
    if any(c.layer is Layer.LIBRARY and c.module in ("gevent", "eventlet", "greenlet") for c in activity.calls):
        return False
    if facts.transports and not (facts.whole and facts.transport_is_missing(activity)):
        return False
    # A dump of one thread may be a part of a greater one, unless the program is known to fork.
    alone = len(facts.activities) == 1 and activity.is_main and facts.forks(activity)
    complete = facts.snapshot.form in _ALL_THREADS and (facts.shows_all or alone) and not facts.snapshot.gaps
    return facts.whole or _was_forked(activity) or complete


def _stays_locked_out(facts: DumpFacts, activity: Activity) -> bool:
    """Whether it stands at a lock of Paramiko's that a thread of the parent held when the process was forked."""
    return activity.wait is Wait.PARAMIKO_LOCK and (_was_forked(activity) or bool(facts.stood_still(activity)))


def _was_forked(activity: Activity) -> bool:
    return any(
        c.at("multiprocessing.popen_fork", "_launch", layer=Layer.STDLIB)
        or c.at("multiprocessing.process", "_bootstrap", layer=Layer.STDLIB)
        for c in activity.calls
    )
