"""Every worker of an executor waits for a future that stands behind them in the same executor."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import step
from paramedic.dump.waits import Wait
from paramedic.hazards.pool_starvation import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each executor all of whose workers wait for futures.

    Threads: as `DumpFacts`.
    """
    pools: dict[str, list[Activity]] = {}
    for activity in facts.others:
        if activity.pool is not None:
            pools.setdefault(activity.pool, []).append(activity)
    for name, workers in pools.items():
        if not all(w.wait is Wait.FUTURE and not facts.moved(w) for w in workers):
            continue
        elsewhere = [a for a in facts.others if a not in workers and _may_finish_futures(a)]
        called = name or "the executor"
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.POSSIBLE if elsewhere or not facts.whole else Confidence.OBSERVED,
            message=(
                f"All {len(workers)} workers of {called} wait for futures; no worker is left to run what they wait for"
            ),
            steps=tuple(
                step(group, "waits for a future, as a worker of the same pool") for group in facts.groups(workers)
            ),
            objects=(called,),
            count=1,
        )


def _may_finish_futures(activity: Activity) -> bool:
    """Another pool's worker, an event loop or a thread of the user's could set the result."""
    if activity.pool is not None:
        return activity.wait is not Wait.POOL_WORK
    return activity.wait in (Wait.LOOP, Wait.NOTHING, Wait.SELECT) or (
        bool(activity.users) and activity.wait not in (Wait.FUTURE, Wait.JOIN, Wait.SHUTDOWN, Wait.TIMER)
    )
