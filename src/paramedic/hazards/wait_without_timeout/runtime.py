"""A wait that nothing limits, for a peer that says nothing."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.forsaken import too_late
from paramedic.analysis.hangs import hung
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.wait_without_timeout import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Calls that waited in vain until the program was ended, and reads that might have.

    Threads: pure.
    """
    story = Story(facts)
    for found in hung(facts):
        if not found.needed or found.root.transport in facts.states.keepalive:
            continue
        thread, call = facts.world.thread_name(found.call.thread), found.call
        limit = (
            f"its timeout of {call.argument / 1000:g} s does not cover this wait"
            if call.argument > 0
            else "no timeout is set"
        )
        message = (
            f"{thread} waited {story.duration(found.lasted_ns)} in {call.method}(), and nothing came from the peer for "
            f"{story.duration(found.silent_ns)}: {limit}"
        )
        confidence = Confidence.OBSERVED if facts.ended_itself else Confidence.ADVICE
        yield story.finding(HAZARD, confidence, message, [story.call(call)], [call.obj])
    yield from _not_notified(facts, story)
    guarded = facts.states.keepalive.keys() | facts.states.watched | facts.states.safe
    unlimited = [h for h in facts.practice.unlimited.values() if h.transport not in guarded]
    habits = sorted(unlimited, key=lambda h: -h.count)
    if habits:
        threads = set().union(*(h.threads for h in habits))
        count = sum(h.count for h in habits)
        message = (
            f"{story.threads(threads)} waited for the peer {count} time{'s' if count > 1 else ''} with no timeout set: "
            "one that goes silent would keep them for ever"
        )
        steps = [story.call(h.call) for h in habits[:3]]
        fix = _SFTP if all("SFTP" in h.call.name for h in habits) else ""
        yield story.finding(HAZARD, Confidence.ADVICE, message, steps, [habits[0].call.obj], count, fix=fix)


def _not_notified(facts: RunFacts, story: Story) -> Iterator[Finding]:
    """Threads that wait for a condition of which everybody else has taken leave before."""
    for late in too_late(facts):
        wait, name = late.wait, facts.world.name(late.wait.obj)
        others = story.threads({hold.thread for hold in late.before})
        message = (
            f"{facts.world.thread_name(wait.thread)} waits in {wait.method}() of {name}, and nobody is left to notify "
            f"it: {others} had its lock before the wait began and {'has' if len(late.before) == 1 else 'have'} ended"
        )
        steps = [*(story.hold(hold) for hold in late.before[:3]), story.call(wait)]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [wait.obj], why=_WHY_LATE, fix=_FIX_LATE)


_WHY_LATE = "notify() wakes those who wait at that moment; a condition does not remember it for who comes later"
_FIX_LATE = (
    "Set a flag under the lock before notify(), and wait by condition.wait_for(lambda: flag, timeout=…): who comes "
    "late sees the flag. A threading.Event does both."
)
_SFTP = (
    "Give the channel of each SFTP client a limit, sftp.get_channel().settimeout(60), and let a timer close the client "
    "at an outer deadline: the limit is for each answer, not for a whole file."
)
