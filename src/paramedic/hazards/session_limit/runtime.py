"""The server refuses sessions beyond its limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from paramedic.analysis.calls import Call
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.session_limit import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Connections on which the server refused another session, or OpenSSH's would have.

    Threads: pure.
    """
    story = Story(facts)
    for refusal in facts.lives.refusals.values():
        if not refusal.open:
            continue  # with no other session open it is not the number that the server objects to
        name = facts.world.name(refusal.transport)
        # one after the other: only the last one was asked for, by who had opened several
        kept = refusal.open >= refusal.peak - 1 and refusal.openers * 2 <= refusal.open
        count = refusal.count + sum(any(map(_beside(call), refusal.calls)) for call in refusal.nameless)
        others = (
            f"{refusal.open} others were open on it, which had been opened before and not closed" if kept else
            f"others were open on it (up to {refusal.peak} were open or asked for at once)"
        )  # fmt: skip
        message = (
            f"The server refused {count} session{'s' if count > 1 else ''} on {name} while "
            f"{others}: its MaxSessions is reached"
        )
        places = {(call.thread, call.stack): call for call in reversed(refusal.calls)}
        steps = [story.call(call) for call in reversed([*places.values()][-3:])]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [refusal.transport], count)
    for transport, peak in facts.lives.peaks.items():
        if peak <= SESSIONS or transport in facts.lives.refusals:
            continue
        name, made = facts.world.name(transport), facts.world.thing(transport)
        message = (
            f"{peak} sessions were open on {name} at once. This server allows it; OpenSSH's refuses the "
            f"{SESSIONS + 1}th unless its MaxSessions is raised"
        )
        steps = [story.step(made.thread, made.born, facts.first_ns, "connected")]
        yield story.finding(HAZARD, Confidence.ADVICE, message, steps, [transport])


def _beside(one: Call) -> Callable[[Call], bool]:
    return lambda other: one.began_ns < other.ended_ns and other.began_ns < one.ended_ns


SESSIONS = 10
"""MaxSessions, unless somebody has set it."""
