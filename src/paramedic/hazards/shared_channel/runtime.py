"""Two uses of one stream of a channel."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.shared_channel import HAZARD
from paramedic.model.finding import Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """The channels of which two threads used one stream.

    Threads: pure.
    """
    story = Story(facts)
    for group in story.conflicts(HAZARD):
        stream = _STREAMS[group[0].rule.resource]
        name = facts.world.name(group[0].resource)
        yield story.sharing(HAZARD, group, f"{story.everyone(group)} used {stream} of {name}")


_STREAMS = {
    "channel.out": "stdout",
    "channel.err": "stderr",
    "channel.in": "stdin",
    "channel.request": "the one reply slot for requests",
}
