"""Two readers of a channel that has a fileno()."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.channels import STUCK_NS
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.select_pipe_race import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Channels with a file number whose two streams were read by two threads.

    Threads: pure.
    """
    story = Story(facts)
    for channel, fileno in facts.states.filenos.items():
        readers = facts.states.readers.get(channel, {})
        if len({call.thread for call in readers.values()}) < 2:
            continue
        stuck = [c for c in readers.values() if not c.ended_ns and facts.end_ns - c.began_ns >= STUCK_NS]
        hung = len(stuck) == len(readers) and not facts.states.orderly_end
        confidence = Confidence.OBSERVED if hung else Confidence.POSSIBLE
        what = "and no data has come through since" if hung else "one of them can block in its wake-up pipe for ever"
        users = story.threads({call.thread for call in readers.values()})
        message = f"{users} read both streams of {facts.world.name(channel)}, which has a fileno(): {what}"
        yield story.finding(
            HAZARD, confidence, message, [story.call(fileno), *map(story.call, readers.values())], [channel]
        )
