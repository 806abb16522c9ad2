"""What was taken from a pool is not put back."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.pool_drained import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Queues used as pools on which threads wait for what nobody returns.

    Threads: pure.
    """
    story = Story(facts)
    for queue, pool in facts.pools.queues.items():
        waiting = [c for c in facts.open.all() if c.obj == queue and c.name == "Queue.get" and c.argument < 0]
        waited = [c for c in waiting if facts.end_ns - c.began_ns >= LONG_NS]
        if not waited or facts.states.orderly_end or not pool.taken:
            continue
        busy = {c.thread for c in facts.open.all() if c.obj != queue and c.name != "Transport.run"}
        lost = [(thread, call) for thread, call in pool.taken.values() if thread not in busy]
        if len(lost) < len(pool.taken):
            continue
        message = (
            f"{story.threads({c.thread for c in waited})} wait on {facts.world.name(queue)} for what was taken "
            "and not put back"
        )
        steps = [story.call(call, "took one and did not put it back") for _, call in lost[:3] if call is not None]
        steps += [story.call(call) for call in waited[:2]]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [queue], len(lost))


LONG_NS = 2_000_000_000
