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
        if name == _LOOPS_OWN and len(workers) < _LEAST_OF_LOOP:
            continue  # it starts another one for what is submitted next
        others = [a for a in facts.others if a not in workers]
        if any(a.pool is not None and a.wait is not Wait.POOL_WORK for a in others):
            continue  # another pool is at work, perhaps on these very futures
        called = name or "the executor"
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=Confidence.ADVICE if _ask_a_loop(facts, workers) else _how_sure(facts, others),
            message=(
                f"All {len(workers)} workers of {called} wait for futures; no worker is left to run what they wait for"
            ),
            steps=tuple(
                step(group, "waits for a future, as a worker of the same pool") for group in facts.groups(workers)
            ),
            objects=(called,),
            count=1,
        )


_LOOPS_OWN = "asyncio"
_LEAST_OF_LOOP = 5
"""The executor that an event loop makes for itself (base_events.py) has no limit of its own, so min(32, CPUs + 4)."""


def _ask_a_loop(facts: DumpFacts, workers: list[Activity]) -> bool:
    """Whether a worker's future may be a coroutine's: an event loop runs, and the code hands it coroutines, or cannot
    be read."""
    if not any(a.wait is Wait.LOOP for a in facts.others):
        return False
    places = [facts.sources.place(call.site) for worker in workers for call in worker.users]
    return any(p is None or p.mentions("run_coroutine_threadsafe", "call_soon_threadsafe") for p in places)


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
