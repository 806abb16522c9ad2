"""A call waits behind the replies of an unlimited prefetch."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.sftp import SLOW_NS, STILL_NS, BehindPrefetch, left_bytes
from paramedic.analysis.story import Story
from paramedic.hazards.prefetch_stall import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Calls that waited behind a prefetch, one finding for each place that asks for one.

    Threads: pure.
    """
    story = Story(facts)
    by_place: dict[int, list[BehindPrefetch]] = {}
    for one in facts.sftp.behind.values():
        by_place.setdefault(one.prefetch.stack, []).append(one)
    for together in by_place.values():
        together.sort(key=lambda one: -one.lasted_ns)
        behind = together[0]
        others = [one.call for one in together[1:] if one.client == behind.client]
        thread, client = facts.world.thread_name(behind.call.thread), facts.world.name(behind.client)
        message = (
            f"{thread} waited {story.duration(behind.lasted_ns)} in {behind.call.method}() on {client} behind the "
            "replies to a prefetch() without a limit"
        )
        if behind.lasted_ns < SLOW_NS:
            message = (
                f"{thread} called {behind.call.method}() on {client} with {left_bytes(behind.prefetch):,} bytes of a "
                "prefetch() without a limit still to come: it could have had to wait for all of them"
            )
        steps = [story.call(call) for call in (behind.prefetch, behind.call, *others[:2])]
        confidence = Confidence.OBSERVED if behind.lasted_ns >= STILL_NS else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, steps, [behind.client], len(together))
