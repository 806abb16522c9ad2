"""The garbage collector finalizes a stdin on a transport's thread."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.finalizer_deadlock import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Finalizers of open stdins that ran on a transport's thread.

    Threads: pure.
    """
    story = Story(facts)
    for obj, thread, t_ns in facts.states.collected_on_transport[:1]:
        stuck = facts.finalizing.get(thread) == obj
        name = facts.world.name(obj)
        what = (
            "and has not come back: it waits for a lock that this thread holds"
            if stuck
            else "which can wait for a lock of its own"
        )
        message = f"The garbage collector finalized {name} on {facts.world.thread_name(thread)}, {what}"
        opener = facts.channels.of(facts.channel_of(obj)).opener
        steps = [story.step(thread, 0, t_ns, f"began to finalize {name}"), *([story.call(opener)] if opener else [])]
        confidence = Confidence.OBSERVED if stuck else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, steps, [obj], len(facts.states.collected_on_transport))
