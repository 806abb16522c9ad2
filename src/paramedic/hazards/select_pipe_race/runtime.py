"""Two readers of a channel that has a fileno()."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import STUCK_NS
from paramedic.analysis.run import RunFacts
from paramedic.analysis.states import SELECT_FOR_EVER
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
        threads = {call.thread for call in readers.values()}
        streams = {stream for _, stream in readers}
        deaf = _deaf(facts, channel, fileno)
        if len(threads) < 2 and not deaf and not (len(streams) > 1 and fileno.argument == SELECT_FOR_EVER):
            continue
        stuck = [c for c in readers.values() if not c.ended_ns and facts.end_ns - c.began_ns >= STUCK_NS]
        hung = deaf or (len(stuck) == len(readers) > 1 and not facts.states.orderly_end)
        name = facts.world.name(channel)
        if len(threads) > 1:
            what = (
                "and no data has come through since" if hung else "one of them can block in its wake-up pipe for ever"
            )
            message = f"{story.threads(threads)} read both streams of {name}, which has a fileno(): {what}"
        else:
            what = "it has not come back although data is there" if hung else "it can miss one and never come back"
            thread = facts.world.thread_name(fileno.thread)
            message = f"{thread} waits with select(), and no timeout, for both streams of {name}: {what}"
        confidence = Confidence.OBSERVED if hung else Confidence.POSSIBLE
        yield story.finding(
            HAZARD, confidence, message, [story.call(fileno), *map(story.call, readers.values())], [channel]
        )


def _deaf(facts: RunFacts, channel: int, fileno: Call) -> bool:
    """Whether data lay there while the thread that had asked for the fileno did nothing until the program was ended."""
    known = facts.channels.known(channel)
    if facts.states.orderly_end or known is None or not sum(known.unread) or len(facts.open.of(fileno.thread)) > 0:
        return False
    last = facts.states.last_fileno.get(channel, fileno)
    return facts.end_ns - max(last.began_ns, known.used_ns) >= DEAF_NS


DEAF_NS = 3_000_000_000
