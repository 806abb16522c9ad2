"""Many connects at once, and the server drops some of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain

from paramedic.analysis.calls import Call
from paramedic.analysis.overlaps import Times, met_by_others
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.connect_storm import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Bursts of connects of which some were dropped before the banner, or would be by another server.

    Threads: pure.
    """
    story = Story(facts)
    met = met_by_others(facts.states.connects)
    dropped = [c for c in facts.states.connects if _dropped(c.error) and not _by_others(facts, c, met)]
    groups: dict[int, list[Call]] = {}
    for call in dropped:
        groups.setdefault(call.stack, []).append(call)
    for calls in groups.values():
        meanwhile = Times(calls)
        beside = [c for c in facts.states.connects if c.thread != calls[0].thread and meanwhile.meet(c)]
        if len(beside) < LEAST:
            continue
        span = max(c.began_ns for c in (*beside, *calls)) - min(c.began_ns for c in (*beside, *calls))
        message = (
            f"{len({id(c) for c in (*beside, *calls)})} connects began within {story.duration(span)} and "
            f"{_dropped_words(len(calls))}"
        )
        yield story.finding(HAZARD, Confidence.OBSERVED, message, [story.call(c) for c in calls[:3]], [], len(calls))

    if not dropped:
        yield from _crowds(facts, story)


@dataclass(frozen=True, slots=True)
class Connects:
    """What one process of several connected to one server.

    Attributes:
        server: its name.
        calls: the connects.
        dropped: those of them that the server dropped.
        told: a finding with the steps of these; None where none was.
    """

    server: str
    calls: list[Call]
    dropped: list[Call]
    told: Finding | None = None


def of_process(facts: RunFacts) -> list[Connects]:
    """The connects of one process, by server.

    Threads: pure.
    """
    met = met_by_others(facts.states.connects)
    by_server: dict[str, Connects] = {}
    for call in facts.states.connects:
        server = facts.world.text(call.words)
        known = by_server.setdefault(server, Connects(server, [], []))
        known.calls.append(call)
        if _dropped(call.error) and not _by_others(facts, call, met):
            known.dropped.append(call)
    story = Story(facts)
    for server, known in by_server.items():
        if known.dropped:
            steps = [story.call(call) for call in known.dropped[:2]]
            told = story.finding(HAZARD, Confidence.OBSERVED, "", steps, [], len(known.dropped))
            by_server[server] = replace(known, told=told)
    return list(by_server.values())


def of_several(processes: Iterable[Sequence[Connects]]) -> list[Finding]:
    """Bursts of connects that several processes made together, of which some were dropped.

    Threads: pure.
    """
    by_server: dict[str, list[Connects]] = {}
    for connects in chain.from_iterable(processes):
        by_server.setdefault(connects.server, []).append(connects)
    found: list[Finding] = []
    for ours in by_server.values():
        lost = [call for connects in ours for call in connects.dropped]
        meanwhile = Times(lost)
        beside = [[call for call in connects.calls if meanwhile.meet(call)] for connects in ours]
        count, among = sum(map(len, beside)), sum(map(bool, beside))
        if among < 2 or count <= LEAST:
            continue
        begun = [call.began_ns for calls in beside for call in calls]
        message = (
            f"{count} connects by {among} processes began within {Story.duration(max(begun) - min(begun))} and "
            f"{_dropped_words(len(lost))}"
        )
        drafts = [connects.told for connects in ours if connects.told is not None]
        steps = tuple(step for told in drafts for step in told.steps)[:3]
        found.append(replace(drafts[0], message=message, steps=steps, count=len(lost), fix=_FIX_OF_SEVERAL))
    return found


_FIX_OF_SEVERAL = (
    "One gate for all processes, such as a multiprocessing.Semaphore around connect(): a gate that each process has "
    "for itself lets all of them through at once. Or begin fewer processes at a time."
)


def _dropped_words(count: int) -> str:
    return f"{count} of them {'was' if count == 1 else 'were'} dropped before the banner: the server's MaxStartups"


def _by_others(facts: RunFacts, call: Call, met: set[int]) -> bool:
    """Whether other threads connected or closed the same client meanwhile: then the server had no part in it."""
    if id(call) in met:
        return True
    close = facts.lives.close_of(call.obj, facts.roots.transport_of.get(call.obj, 0))
    return close is not None and close.thread != call.thread and call.began_ns <= close.began_ns <= call.ended_ns


def _crowds(facts: RunFacts, story: Story) -> Iterator[Finding]:
    by_server: dict[str, list[Call]] = {}
    for call in facts.states.connects:
        by_server.setdefault(facts.world.text(call.words), []).append(call)
    for server, calls in by_server.items():
        edges = sorted([(c.began_ns, 1) for c in calls] + [(c.ended_ns, -1) for c in calls])
        most = max(accumulate(step for _, step in edges))
        if most > STARTUPS:
            message = (
                f"{most} logins to {server} were under way at once: beyond {STARTUPS}, sshd drops some (MaxStartups)"
            )
            steps = [story.call(c) for c in calls[:3]]
            yield story.finding(HAZARD, Confidence.ADVICE, message, steps, [], len(calls))


STARTUPS = 10
"""MaxStartups is 10:30:100 unless somebody has set it."""
LEAST = 5
"""So many connects at once, at least, make it a storm; sshd drops none up to 10 (MaxStartups 10:30:100)."""


def _dropped(error: str) -> bool:
    return "banner" in error or error.startswith(("EOFError", "ConnectionResetError"))
