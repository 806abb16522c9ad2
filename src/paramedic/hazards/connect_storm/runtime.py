"""Many connects at once, and the server drops some of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

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
            f"{len(calls)} of them were dropped before the banner: the server's MaxStartups"
        )
        yield story.finding(HAZARD, Confidence.OBSERVED, message, [story.call(c) for c in calls[:3]], [], len(calls))

    if not dropped:
        yield from _crowds(facts, story)


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
