"""The garbage collector finalizes an open stdin, on whatever thread it runs."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.states import Collected
from paramedic.analysis.story import Story
from paramedic.hazards.finalizer_deadlock import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """A finalizer that waits for its own thread; else one that would, had the collector run on the transport's.

    Threads: pure.
    """
    story = Story(facts)
    stuck = next((c for c in facts.states.collected if facts.finalizing.get(c.thread) == c.stdin), None)
    collected = [c for c in facts.states.collected if not c.kept] or _in_circles(facts)
    for found in [stuck] if stuck is not None else sorted(collected, key=lambda c: not c.on_transport)[:1]:
        name, thread = facts.world.name(found.stdin), facts.world.thread_name(found.thread)
        if stuck is not None:
            message = f"The garbage collector finalized {name} on {thread}, which waits for a lock that it holds itself"
        else:
            message = (
                f"The garbage collector finalized {name} on {thread}: nobody had closed it, and on another occasion "
                "the collector runs on the transport thread, in the middle of what holds the channel's lock"
            )
        steps = [story.call(found.opener)] if found.opener is not None else []
        steps.append(story.step(found.thread, 0, found.t_ns, f"began to finalize {name}, which sends EOF"))
        confidence = Confidence.OBSERVED if stuck is not None else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, steps, [found.stdin], max(len(collected), 1))


def _in_circles(facts: RunFacts) -> list[Collected]:
    """Those that were read to the end before they were dropped, if they are too many to be in Paramiko's own circles.

    Of these, one for a login (see `paramedic.analysis.states.States.finalized`), a few frames hold a stdin each.
    """
    kept = facts.states.collected
    return kept if len(kept) > _OF_A_LOGIN * max(len(facts.connects_of), 1) else []


_OF_A_LOGIN = 8
