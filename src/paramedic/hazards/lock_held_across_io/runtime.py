"""A lock is held while the peer is waited for, and others wait for the lock."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.turns import at_entrances
from paramedic.hazards.lock_held_across_io import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Locks that made other threads wait for a remote command.

    Threads: pure.
    """
    story = Story(facts)
    deadlocked = {link.wait.lock for circle in facts.deadlocks() for link in circle.links if link.wait is not None}
    for contention in facts.locks.contentions():
        hold, longest = contention.hold, contention.longest_wait_ns
        if hold.lock in deadlocked or hold.longest is None or hold.remote_ns < LONG_NS or longest < LONG_NS:
            continue
        lock = facts.world.name(hold.lock)
        waiters = {wait.thread for wait, _ in contention.waits}
        again = " again and again" if hold.longest.name.endswith("_ready") else ""
        message = (
            f"{facts.world.thread_name(hold.thread)} held {lock} for {story.duration(hold.remote_ns)} across "
            f"{hold.longest.method}(){again}; {story.threads(waiters)} waited for it up to {story.duration(longest)}"
        )
        worst = sorted(contention.waits, key=lambda pair: -pair[1])[:3]
        steps = [story.hold(hold), story.call(hold.longest), *(story.wait(wait, ns) for wait, ns in worst)]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [hold.lock], contention.count)
    for inside in at_entrances(facts):
        longest_ns = facts.end_ns - inside.wait.began_ns
        threads = {hold.thread for hold, _ in inside.insiders}
        remote_ns = facts.end_ns - max(call.began_ns for _, call in inside.insiders)
        if min(longest_ns, remote_ns) < LONG_NS:
            continue
        call = inside.insiders[0][1]
        message = (
            f"{facts.world.thread_name(inside.wait.thread)} has waited {story.duration(longest_ns)} in "
            f"{inside.entrance}() for {story.threads(threads)}, inside before it and in {call.method}() for "
            f"{story.duration(remote_ns)}: {facts.world.name(inside.wait.obj)} works as a lock of the program's own"
        )
        ways_in = (
            story.step(hold.thread, hold.stack, hold.began_ns, "went in, and has not come out")
            for hold, _ in inside.insiders[:2]
        )
        steps = [*ways_in, story.call(call), story.call(inside.wait)]
        yield story.finding(HAZARD, Confidence.POSSIBLE, message, steps, [inside.wait.obj])


LONG_NS = 1_000_000_000
"""Shorter waits are what a lock around a shared client costs; from here on others stand still."""
