"""Every worker of an executor waits for a future that stands behind them in the same executor."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import step
from paramedic.dump.waits import REMOTE, Wait
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
        others = [a for a in facts.others if a not in workers]
        if any(a.pool is not None and a.wait is not Wait.POOL_WORK for a in others):
            continue  # another pool is at work, perhaps on these very futures
        called = name or "the executor"
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=_how_sure(facts, others),
            message=(
                f"All {len(workers)} workers of {called} wait for futures; no worker is left to run what they wait for"
            ),
            steps=tuple(
                step(group, "waits for a future, as a worker of the same pool") for group in facts.groups(workers)
            ),
            objects=(called,),
            count=1,
        )


def _how_sure(facts: DumpFacts, others: list[Activity]) -> Confidence:
    """A loop or a thread of the user's that is at work could set the results; one that only waits could not.

    Nor is anything sure where workers may be missing from the dump.
    """
    at_work = REMOTE | {Wait.NOTHING, Wait.LOOP, Wait.SOCKET, Wait.PROCESS}
    if not facts.shows_all:
        return Confidence.ADVICE
    if any(a.wait in at_work and a.users and not a.is_main for a in others):
        return Confidence.ADVICE
    return Confidence.OBSERVED if facts.whole else Confidence.POSSIBLE
