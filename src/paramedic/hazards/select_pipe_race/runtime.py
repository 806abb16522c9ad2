"""Two readers of a channel that has a fileno()."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from paramedic.analysis.calls import Call, apart
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
    places: dict[tuple[object, ...], list[_Race]] = {}
    for channel, fileno in facts.states.filenos.items():
        reading = list(facts.states.readers.get(channel, {}).values())
        readers = [call for call, _ in reading]
        # a lock around the read alone does not help: who was told that data is there may find it taken
        guards = set(fileno.locks)
        several = any(
            apart(one, other) and not guards & set(one[0].locks) & set(other[0].locks)
            for one, other in combinations(reading, 2)
        )
        streams = {stream for _, stream in facts.states.readers.get(channel, ())}
        deaf = _deaf(facts, channel, fileno)
        # an event loop that is asked to watch it looks again only when the pipe tells
        for_ever = fileno.argument == SELECT_FOR_EVER or channel in facts.states.looped
        if not several and not deaf and not (len(streams) > 1 and for_ever):
            continue
        stuck = [c for c in readers if not c.ended_ns and facts.end_ns - c.began_ns >= STUCK_NS]
        lost = channel in facts.states.wake_ups_lost
        hung = deaf or (several and len(stuck) == len(readers) and not facts.states.orderly_end)
        place = (several, fileno.stack, *sorted(c.stack for c in readers))
        places.setdefault(place, []).append(_Race(channel, fileno, tuple(readers), several, hung, lost))
    for races in places.values():
        worst = max(races, key=lambda race: (race.hung, race.lost))
        confidence = Confidence.OBSERVED if worst.hung or worst.lost else Confidence.POSSIBLE
        steps = [story.call(worst.fileno), *map(story.call, worst.readers)]
        yield story.finding(HAZARD, confidence, _message(facts, story, worst), steps, [worst.channel], len(races))


@dataclass(frozen=True, slots=True)
class _Race:
    """One channel: who asked for its fileno, who reads it, whether several threads do, whether it has gone deaf, and
    whether its pipe was empty though data was there."""

    channel: int
    fileno: Call
    readers: tuple[Call, ...]
    several: bool
    hung: bool
    lost: bool


def _message(facts: RunFacts, story: Story, race: _Race) -> str:
    name = facts.world.name(race.channel)
    lost = "its wake-up pipe was emptied though data was there, so select() does not tell of it"
    if race.several:
        harm = lost if race.lost else "one of them can block in its wake-up pipe for ever"
        what = "no data has come through since" if race.hung else harm
        return f"{story.threads({c.thread for c in race.readers})} read {name}, which has a fileno(): {what}"
    harm = lost if race.lost else "it can miss one and never come back"
    what = "it has not come back although data is there" if race.hung else harm
    thread = facts.world.thread_name(race.fileno.thread)
    how = "select(), and no timeout," if race.fileno.argument == SELECT_FOR_EVER else "an event loop"
    return f"{thread} waits with {how} for both streams of {name}: {what}"


def _deaf(facts: RunFacts, channel: int, fileno: Call) -> bool:
    """Whether data lay there while the thread that had asked for the fileno did nothing until the program was ended."""
    known = facts.channels.known(channel)
    if facts.states.orderly_end or known is None or not sum(known.unread) or len(facts.open.of(fileno.thread)) > 0:
        return False
    last = facts.states.last_fileno.get(channel, fileno)
    return facts.end_ns - max(last.began_ns, known.used_ns) >= DEAF_NS


DEAF_NS = 3_000_000_000
