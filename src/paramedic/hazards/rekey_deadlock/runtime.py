"""A transport's thread waits for the key exchange that only it can finish."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.calls import Call
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.rekey_deadlock import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Replies that a transport's thread had to send in the middle of a key exchange.

    Threads: pure.
    """
    story = Story(facts)
    waits = [*facts.states.kex_waits, *(c for c in facts.open.all() if c.name == "Transport.send_in_kex")]
    ours = {found.transport for found in facts.callbacks.found() if found.own}
    for call in waits:
        if call.obj in ours:
            continue  # a callback sends there: that is the story
        lasted = (call.ended_ns or facts.end_ns) - call.began_ns
        if facts.world.thread(call.thread).transport != call.obj or lasted < LONG_NS:
            continue
        message = (
            f"The thread of {facts.world.name(call.obj)} waited {story.duration(lasted)} to send a reply in "
            f"the middle of a key "
            "exchange, which only this thread can finish"
        )
        steps = [story.call(call, "had to send a reply"), *map(story.call, _stopped(facts, call))]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [call.obj])
        return


def _stopped(facts: RunFacts, wait: Call) -> list[Call]:
    """Calls of others on the connection that stood still meanwhile."""
    still = [c for c in facts.open.all() if facts.is_remote(c.name) and facts.transport_of(c.obj) == wait.obj]
    long = [c for c, root in facts.long_calls if root.transport == wait.obj and c.ended_ns > wait.began_ns]
    return [c for c in (*long, *still) if c.thread != wait.thread and c.began_ns < (wait.ended_ns or facts.end_ns)][:3]


LONG_NS = 1_000_000_000
