"""Many connects at once, and the server drops some of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
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
    for connects in of_process(facts):
        yield from connects.told


@dataclass(slots=True)
class Connects:
    """What one process connected to one server.

    Attributes:
        server: its name.
        calls: the connects.
        dropped: those of them that the server dropped.
        told: what is to be said of them, without those of other processes.
        draft: a finding with the first steps of `dropped`; None where there are none.
    """

    server: str
    calls: list[Call] = field(default_factory=list)
    dropped: list[Call] = field(default_factory=list)
    told: list[Finding] = field(default_factory=list)
    draft: Finding | None = None


def of_process(facts: RunFacts, since_ns: int = 0) -> list[Connects]:
    """The connects of one process, by server.

    Args:
        facts: of the process.
        since_ns: what was dropped before is told by another report.

    Threads: pure.
    """
    story = Story(facts)
    met = met_by_others(facts.states.connects)
    by_server: dict[str, Connects] = {}
    for call in facts.states.connects:
        server = facts.world.text(call.words)
        known = by_server.setdefault(server, Connects(server))
        known.calls.append(call)
        if _dropped(call.error) and not _by_others(facts, call, met):
            known.dropped.append(call)
    for known in by_server.values():
        known.told += _bursts(known, story) if known.dropped else _crowds(known, story)
        known.dropped = [call for call in known.dropped if call.ended_ns >= since_ns]
        if known.dropped:
            steps = [story.call(call).of_process(facts.process) for call in known.dropped[:2]]
            known.draft = story.finding(HAZARD, Confidence.OBSERVED, "", steps, [])
    return list(by_server.values())


def of_several(processes: Iterable[Sequence[Connects]]) -> Iterator[tuple[Finding, list[Finding]]]:
    """Bursts of connects that several processes made together, of which some were dropped.

    Yields:
        The finding, and those of single processes that it takes the place of.

    Threads: pure.
    """
    by_server: dict[str, list[Connects]] = {}
    for connects in chain.from_iterable(processes):
        by_server.setdefault(connects.server, []).append(connects)
    for server, ours in by_server.items():
        lost = [call for connects in ours for call in connects.dropped]
        meanwhile = Times(lost)
        beside = [[call for call in connects.calls if meanwhile.meet(call)] for connects in ours]
        among = sum(map(bool, beside))
        burst = list(chain.from_iterable(beside))
        if among < 2 or len(burst) <= LEAST or not any(_has_answered(connects.calls) for connects in ours):
            continue
        message = _words(server, burst, len(lost), f" by {among} processes")
        drafts = [connects.draft for connects in ours if connects.draft is not None]
        steps = [step for draft in drafts for step in draft.steps][:3]
        steps.sort(key=lambda step: step.at_s or 0.0)
        storm = replace(
            drafts[0], message=message, steps=tuple(steps), count=len(lost), fix=_FIX_OF_SEVERAL, process=None
        )
        yield storm, [finding for connects in ours for finding in connects.told]


_FIX_OF_SEVERAL = (
    "One gate for all processes, such as a multiprocessing.Semaphore around connect(): a gate that each process has "
    "for itself lets all of them through at once. Or begin fewer processes at a time."
)


def _bursts(connects: Connects, story: Story) -> Iterator[Finding]:
    """Those in which some were dropped, by the place of these."""
    if not _has_answered(connects.calls):
        return  # nobody has heard a word of this server: it is no matter of how many they were
    groups: dict[int, list[Call]] = {}
    for call in connects.dropped:
        groups.setdefault(call.stack, []).append(call)
    for calls in groups.values():
        meanwhile = Times(calls)
        beside = [c for c in connects.calls if c.thread != calls[0].thread and meanwhile.meet(c)]
        if len(beside) < LEAST:
            continue
        burst = list({id(c): c for c in (*beside, *calls)}.values())
        message = _words(connects.server, burst, len(calls))
        yield story.finding(HAZARD, Confidence.OBSERVED, message, [story.call(c) for c in calls[:3]], [], len(calls))


def _words(server: str, burst: Sequence[Call], lost: int, who: str = "") -> str:
    begun = [call.began_ns for call in burst]
    return (
        f"{len(burst)} connects{who} to {server} began within {Story.duration(max(begun) - min(begun))} and "
        f"{lost} of them {'was' if lost == 1 else 'were'} dropped before the banner: the server's MaxStartups"
    )


def _by_others(facts: RunFacts, call: Call, met: set[int]) -> bool:
    """Whether other threads connected or closed the same client meanwhile: then the server had no part in it."""
    if id(call) in met:
        return True
    close = facts.lives.close_of(call.obj, facts.roots.transport_of.get(call.obj, 0))
    return close is not None and close.thread != call.thread and call.began_ns <= close.began_ns <= call.ended_ns


def _crowds(connects: Connects, story: Story) -> Iterator[Finding]:
    """One in which nobody was dropped."""
    calls = connects.calls
    edges = sorted([(c.began_ns, 1) for c in calls] + [(c.ended_ns, -1) for c in calls])
    most = max(accumulate(step for _, step in edges))
    if most > STARTUPS:
        logins = f"{most} logins to {connects.server} were under way at once"
        message = f"{logins}: beyond {STARTUPS}, sshd drops some (MaxStartups)"
        yield story.finding(HAZARD, Confidence.ADVICE, message, [story.call(c) for c in calls[:3]], [], len(calls))


STARTUPS = 10
"""MaxStartups is 10:30:100 unless somebody has set it."""
LEAST = 5
"""So many connects at once, at least, make it a storm; sshd drops none up to 10 (MaxStartups 10:30:100)."""


def _dropped(error: str) -> bool:
    return "banner" in error or error.startswith(("EOFError", "ConnectionResetError"))


def _has_answered(calls: Iterable[Call]) -> bool:
    """Whether the server has let somebody in, or said no after its banner."""
    return any(not call.error or (call.error.startswith(_LATER) and not _dropped(call.error)) for call in calls)


_LATER = ("AuthenticationException", "Bad", "SSHException")
"""How Paramiko's own errors begin; before there is a connection they are the system's."""
