"""A lock is held while the peer is waited for, and others wait for the lock."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
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
        message = (
            f"{facts.world.thread_name(hold.thread)} held {lock} for {story.duration(hold.remote_ns)} across "
            f"{hold.longest.method}(); {story.threads(waiters)} waited for it up to {story.duration(longest)}"
        )
        worst = sorted(contention.waits, key=lambda pair: -pair[1])[:3]
        steps = [story.hold(hold), story.call(hold.longest), *(story.wait(wait, ns) for wait, ns in worst)]
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [hold.lock], contention.count)


LONG_NS = 1_000_000_000
"""Shorter waits are what a lock around a shared client costs; from here on others stand still."""
