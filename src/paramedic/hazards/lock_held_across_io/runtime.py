"""A lock is held while the peer is waited for, and others wait for the lock."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.calls import Call
from paramedic.analysis.locks import Contention, Hold
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
    told: set[int] = set()
    short: dict[int, Contention] = {}
    for contention in sorted(facts.locks.contentions(), key=lambda c: -c.longest_wait_ns):
        hold, longest = contention.hold, contention.longest_wait_ns
        if hold.lock in deadlocked or hold.longest is None:
            continue
        if hold.remote_ns < LONG_NS or longest < LONG_NS:
            short.setdefault(hold.stack, contention)
            continue
        told.add(hold.stack)
        lock = facts.world.name(hold.lock)
        waiters = {wait.thread for wait, _ in contention.waits}
        again = " again and again" if hold.longest.name.endswith("_ready") else ""
        message = (
            f"{facts.world.thread_name(hold.thread)} held {lock} for {story.duration(hold.remote_ns)} across "
            f"{hold.longest.method}(){again}; {story.threads(waiters)} waited for it up to {story.duration(longest)}"
        )
        worst = sorted(contention.waits, key=lambda pair: -pair[1])[:3]
        steps = [story.hold(hold), story.call(hold.longest), *(story.wait(wait, ns) for wait, ns in worst)]
        words = _words(facts, hold, hold.longest)
        yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [hold.lock], contention.count, *words)
    yield from _turns(facts, story, [c for stack, c in short.items() if stack not in told])
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


def _turns(facts: RunFacts, story: Story, contentions: list[Contention]) -> Iterator[Finding]:
    """Locks that are never held for long, and make others wait for all that, time and again."""
    for contention in contentions:
        hold, turns = contention.hold, facts.locks.turns[contention.hold.stack]
        if turns.holds < _MANY or turns.waited_ns < _ALL_TOLD_NS or hold.remote_ns * 2 < contention.longest_wait_ns:
            continue
        if hold.longest is None:
            continue
        lock, waiters = facts.world.name(hold.lock), {wait.thread for wait, _ in contention.waits}
        message = (
            f"{lock} was held {turns.holds} times across {hold.longest.method}() or the like while others waited, "
            f"{story.duration(turns.waited_ns)} all told ({story.threads(waiters)} at the worst of them): they take "
            "turns with the peer, and do the work of one"
        )
        steps = [story.hold(hold), story.call(hold.longest), *(story.wait(w, ns) for w, ns in contention.waits[:1])]
        words = _words(facts, hold, hold.longest)
        yield story.finding(HAZARD, Confidence.ADVICE, message, steps, [hold.lock], turns.holds, *words)


def _words(facts: RunFacts, hold: Hold, call: Call) -> tuple[str, str]:
    """Why, and what to do, where the lock may not just go, as what it guards is for one at a time; "" where it may."""
    if call.name.startswith("SFTP"):
        return _ONE_USER, _EACH.format("An SFTP client", "SFTP client", "client.open_sftp()")
    channel = facts.channels.known(facts.channel_of(call.obj))
    opener = channel.opener if channel is not None else None
    if opener is not None and opener.thread != hold.thread:
        return _ONE_USER, _EACH.format("A channel", "channel", "transport.open_session() or client.invoke_shell()")
    if any(hold.lock in rewrite.call.locks for rewrite in facts.rewrites.own):
        return "", f"{HAZARD.fix} {_ALSO_KNOWN_HOSTS}"
    return "", ""


_ONE_USER = (
    "A call lasts as long as the server takes to answer (SFTPClient._read_response, Channel.recv), and the lock is "
    "held as long"
)
_EACH = (
    "{} is for one thread at a time, so the lock is needed as long as there is one for all: give each thread a {} of "
    "its own ({}, within the server's limit of sessions), and the lock can go."
)
_ALSO_KNOWN_HOSTS = (
    "But this lock has also kept apart who writes known_hosts, as AutoAddPolicy does in connect(): have the keys "
    "in the file before, with the default RejectPolicy, or keep a lock around connect() alone."
)
_MANY = 10
_ALL_TOLD_NS = 5_000_000_000
"""So much waiting is what somebody notices who has started threads to be quicker."""
LONG_NS = 1_000_000_000
"""Shorter waits are what a lock around a shared client costs; from here on others stand still."""
