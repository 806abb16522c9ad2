"""Workers wait for work that is queued behind them."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.futures import Starved
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.waits import starved_crews
from paramedic.hazards.pool_starvation import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Pools all of whose workers wait for tasks of the same pool.

    Threads: pure.
    """
    story = Story(facts)
    starved = facts.futures.starved(facts.open.all())
    starved += [Starved(call, call.began_ns) for call in starved_crews(facts)]
    starved = [s for s in starved if (s.call.ended_ns or facts.end_ns) - s.since_ns >= LONG_NS]
    if not starved:
        yield from _by_luck(facts, story)
        return
    threads = {s.call.thread for s in starved}
    message = (
        f"{story.threads(threads)} wait{'s' if len(threads) == 1 else ''} for tasks that no worker has begun: the "
        "pool's workers wait for work that is queued behind them"
    )
    starved.sort(key=lambda s: s.since_ns)
    steps = [story.call(s.call) for s in starved[:4]]
    yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [s.call.obj for s in starved[:4]], len(starved))


def _by_luck(facts: RunFacts, story: Story) -> Iterator[Finding]:
    for own in facts.futures.own_pools():
        name, count = facts.world.thread_name(own.thread), len(own.futures)
        how = "waited for" if own.call is not None else "asked for the result of"
        message = (
            f"{name} {how} a task of its own pool, which has {own.workers} workers; enough such tasks can be there at "
            "once to take all of them, and then none could end"
        )
        if own.call is not None:
            step = story.call(own.call)
        else:
            step = story.step(
                own.thread, own.site, own.t_ns, "had the result at once, of a task that was submitted here"
            )
        yield story.finding(HAZARD, Confidence.POSSIBLE, message, [step], [own.pool], count)


LONG_NS = 1_000_000_000
