"""A transport's thread waits for the key exchange that only it can finish."""

from __future__ import annotations

from collections.abc import Iterator

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
        yield story.finding(HAZARD, Confidence.OBSERVED, message, [story.call(call, "had to send a reply")], [call.obj])
        return


LONG_NS = 1_000_000_000
