"""A wait for a dead peer, with keepalives on."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.hangs import hung
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.keepalive_is_not_a_timeout import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Calls that waited in vain although keepalives were sent, and reads that might have.

    Threads: pure.
    """
    story = Story(facts)
    for found in hung(facts):
        keepalive = facts.states.keepalive.get(found.root.transport)
        if keepalive is None or not found.needed:
            continue
        message = (
            f"{facts.world.thread_name(found.call.thread)} waited {story.duration(found.lasted_ns)} in "
            f"{found.call.method}() for a "
            "peer that says nothing: set_keepalive() sends, but never looks for an answer"
        )
        confidence = Confidence.OBSERVED if facts.ended_itself else Confidence.ADVICE
        yield story.finding(
            HAZARD, confidence, message, [story.call(keepalive), story.call(found.call)], [found.call.obj]
        )
    relying = facts.states.keepalive.keys() - facts.states.watched
    habits = [h for h in facts.practice.unlimited.values() if h.transport in relying]
    for habit in sorted(habits, key=lambda h: -h.count)[:1]:
        message = (
            f"{story.threads(set().union(*(h.threads for h in habits)))} waited for the peer with no timeout set on a "
            "connection that relies on set_keepalive(), which never looks for an answer"
        )
        steps = [story.call(facts.states.keepalive[habit.transport]), story.call(habit.call)]
        count = sum(h.count for h in habits)
        yield story.finding(HAZARD, Confidence.ADVICE, message, steps, [habit.call.obj], count)
