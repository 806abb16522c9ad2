"""Waits for a home-made pool that nobody is left to end: every thread waits, and tasks like the waiters' have failed.

A pool that a program builds of a condition, a semaphore or a queue of objects of its own shows only by who waits for
it. When all threads wait, nobody can give anything back any more; that tasks from the same place ended with an
exception says where it went. Of a semaphore it is known who took what and has ended without giving it back.

Threads: pure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramedic.analysis.calls import Call
from paramedic.analysis.futures import Failed
from paramedic.analysis.locks import Hold, is_endless
from paramedic.analysis.pools import GETS, LONG_NS

if TYPE_CHECKING:
    from paramedic.analysis.facts import Facts

_FOR_A_POOL = ("Condition.wait", "Condition.wait_for", "Semaphore.acquire", *GETS)
_FOR_A_SIGNAL = frozenset(("Event.wait", "Condition.wait", "Condition.wait_for"))
_FOR_OTHERS = frozenset(
    "Thread.join Thread.shutdown Future.result Future.wait Future.exception Queue.put Queue.join "
    "Event.wait Barrier.wait".split()
)

_ENDED_BY_ANY = frozenset("Queue.put Queue.join Barrier.wait".split())
"""What a thread may end that takes from a queue, or comes to a barrier: a look at its source does not tell that."""


@dataclass(slots=True)
class Forsaken:
    """Threads wait for one thing, and nobody can end that.

    Attributes:
        obj: the condition, semaphore or queue.
        waits: their calls.
        failed: the tasks like theirs that ended with an exception.
        lost: the calls that had taken what was not given back.
    """

    obj: int
    waits: list[Call] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    lost: list[Call] = field(default_factory=list)


def forsaken(facts: Facts) -> list[Forsaken]:
    """What is waited for in vain at the end of the recording, or at this moment of it.

    Threads: pure.
    """
    if facts.states.orderly_end:
        return []
    waits = _waits(facts)
    if waits is None:
        return []
    failures = [*facts.futures.failures.values(), *_deaths(facts)]
    found: dict[int, Forsaken] = {}
    of_work = {call.obj for call in facts.open.all() if call.name == "Queue.join"}
    for call in waits:
        if facts.end_ns - call.began_ns < LONG_NS or call.obj in facts.pools.drained:
            continue
        if call.name in GETS and (call.obj in of_work or call.obj not in facts.pools.circulating):
            continue  # a queue of work: what is taken from it never comes back
        site = _begun_at(facts, call.thread)
        failed = [f for f in failures if f.site == site]
        lost = facts.slots.lost(call.obj, facts.has_left)
        if site and failed or lost:
            found.setdefault(call.obj, Forsaken(call.obj, failed=failed, lost=lost)).waits.append(call)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Bereaved:
    """A thread waits for work that an exception has ended.

    Attributes:
        wait: its call.
        failed: what ended with an exception and would have ended the wait.
    """

    wait: Call
    failed: tuple[Failed, ...]


def bereaved(facts: Facts) -> list[Bereaved]:
    """Those who wait for the work of a queue, for others at a barrier, or for a signal, when nobody is left to come.

    Every thread waits, and one that had taken from the queue, was begun where those at the barrier were, or was begun
    by who waits for the signal, has ended with an exception.

    Threads: pure.
    """
    if facts.states.orderly_end or _waits(facts) is None:
        return []
    failures = [*facts.futures.failures.values(), *_deaths(facts)]
    found: list[Bereaved] = []
    for calls in facts.open.stacks.values():
        call = calls[-1] if calls else None
        if call is None or facts.end_ns - call.began_ns < LONG_NS:
            continue
        if call.name == "Queue.join":
            takers = facts.pools.takers(call.obj)
            failed = [f for f in failures if f.thread in takers]
        elif call.name == "Barrier.wait":
            failed = [f for f in failures if f.site == _begun_at(facts, call.thread)]
        elif call.name in _FOR_A_SIGNAL and not may_be_signalled(facts):
            failed = [f for f in failures if facts.world.thread(f.thread).starter == call.thread]
        else:
            continue
        if failed:
            found.append(Bereaved(call, tuple(failed)))
    return found


@dataclass(frozen=True, slots=True)
class TooLate:
    """A thread waits for a condition that those who had its lock have left before.

    Attributes:
        wait: its call.
        before: when others last had the lock; all of them have ended.
    """

    wait: Call
    before: tuple[Hold, ...]


def too_late(facts: Facts) -> list[TooLate]:
    """Waits for a condition that began after the last who had its lock has let it go and ended; every thread waits.

    Threads: pure.
    """
    if facts.states.orderly_end or not (waits := _waits(facts)) or may_be_signalled(facts):
        return []
    found: list[TooLate] = []
    for call in waits:
        own = call.let_go if call.name.startswith("Condition.") else None
        if own is None or facts.end_ns - call.began_ns < LONG_NS:
            continue
        holds = facts.locks.last_holds(own.lock)
        others = [hold for thread, hold in holds.items() if thread != call.thread]
        ended = all(facts.world.thread(h.thread).ended_ns and h.began_ns < call.began_ns for h in others)
        if others and ended and not any(facts.world.thread(h.thread).death for h in others):
            found.append(TooLate(call, tuple(others)))
    return found


@dataclass(frozen=True, slots=True)
class LeftWaiting:
    """Threads wait for a condition, and all others who ever had its lock have ended, or wait themselves.

    Attributes:
        waits: their calls, the longest first.
        others: who had it and has ended, without an exception that anybody saw.
    """

    waits: tuple[Call, ...]
    others: tuple[int, ...]


def left_waiting(facts: Facts) -> list[LeftWaiting]:
    """Conditions of which everybody is either waiting or gone; the main thread waits for one of those who wait.

    Threads: pure.
    """
    if facts.states.orderly_end or not (waits := _waits(facts)) or may_be_signalled(facts):
        return []
    by_lock: dict[int, list[Call]] = {}
    for call in waits:
        if call.name.startswith("Condition.") and call.let_go is not None:
            by_lock.setdefault(call.let_go.lock, []).append(call)
    found: list[LeftWaiting] = []
    for lock, calls in by_lock.items():
        waiting = {call.thread for call in calls}
        others = [t for t in facts.locks.last_holds(lock) if facts.world.thread(t).ended_ns]
        lasting = facts.end_ns - max(call.began_ns for call in calls) >= LONG_NS
        if others and lasting and not (facts.futures.failures or _deaths(facts)) and waiting & _needed_by_main(facts):
            found.append(LeftWaiting(tuple(sorted(calls, key=lambda c: c.began_ns)), tuple(sorted(others))))
    return found


@dataclass(frozen=True, slots=True)
class Unset:
    """A thread waits for an event, or for something in a queue, and those who might have cared for that have ended.

    Attributes:
        wait: its call.
        others: who has woken it so before, or to whom its maker may have given it.
        known: whether they have woken it before.
    """

    wait: Call
    others: tuple[int, ...]
    known: bool


def unset(facts: Facts) -> list[Unset]:
    """Waits of which all who may know what is waited for have ended without an exception; every thread waits.

    Of a queue only one on which the main thread waits, or which keeps it from going on: consumers are idle so.

    Threads: pure.
    """
    if facts.states.orderly_end or _waits(facts) is None or may_be_signalled(facts):
        return []
    found: list[Unset] = []
    for calls in facts.open.stacks.values():
        call = calls[-1] if calls else None
        if call is None or facts.end_ns - call.began_ns < LONG_NS:
            continue
        if call.name in GETS:
            if call.obj in facts.pools.circulating or call.thread not in _needed_by_main(facts):
                continue
        elif call.name != "Event.wait":
            continue
        before = facts.wakers.of(call.thread, call.obj)
        others = before or facts.wakers.given(call.thread, call.obj)
        if has_timer(facts) and any(facts.world.thread(t).kind == "Timer" for t in others):
            continue  # one timer after the other does it, and the next one is there
        over = all(facts.world.thread(t).ended_ns or facts.futures.is_idle(t) for t in others)
        if others and over and not (facts.futures.failures or _deaths(facts)):
            found.append(Unset(call, tuple(sorted(others)), bool(before)))
    return found


def _needed_by_main(facts: Facts) -> set[int]:
    """The main thread, and those whose end it waits for, or whose whom it waits for do."""
    found, thread = {1}, 1
    while (calls := facts.open.of(thread)) and calls[-1].name == "Thread.join" and calls[-1].words not in found:
        thread = calls[-1].words
        found.add(thread)
    return found


def may_be_signalled(facts: Facts) -> bool:
    """Whether something else than the threads may wake one: a signal's handler, a tunnel's, or a timer, in time.

    Threads: pure.
    """
    if facts.states.signal_handlers or any(facts.states.forwards.values()):
        return True
    return facts.live and has_timer(facts)


def has_timer(facts: Facts) -> bool:
    """Whether a Timer may still wake somebody: it has not ended, and is to do more than to end the program.

    Threads: pure.
    """
    return any(t.kind == "Timer" and not t.ended_ns and not t.guards for t in facts.world.threads.values())


def _begun_at(facts: Facts, thread: int) -> int:
    """Where a thread, or the task that it runs, was begun."""
    task = facts.futures.running(thread) and facts.futures.task_of.get(thread, 0)
    return task or facts.world.thread(thread).started_at


def everybody_waits(facts: Facts, but: Collection[int]) -> bool:
    """Whether every thread waits, for ever, and so wakes no other; of some it is known.

    Args:
        facts: of the recording.
        but: the threads of which it is known.

    Threads: pure.
    """
    return _waits(facts, but) is not None


def _waits(facts: Facts, but: Collection[int] = ()) -> list[Call] | None:
    """The waits for what may be a pool; None if some thread does not wait, or not for ever, and may wake another."""
    found: list[Call] = []
    others: list[int] = []
    for thread in facts.world.threads.values():
        if thread.number in but:
            continue
        if thread.ended_ns or thread.transport or thread.kind == "Timer" or not (thread.begun_ns or thread.number == 1):
            continue
        calls = facts.open.of(thread.number)
        if not calls:
            if facts.futures.is_idle(thread.number):
                continue
            return None
        call = calls[-1]
        if not is_endless(call.argument) or call.name not in (*_FOR_A_POOL, *_FOR_OTHERS):
            others.append(thread.number)
        elif call.name in _FOR_A_POOL:
            found.append(call)
    return found if all(_only_looks(facts, thread) for thread in others) else None


def _only_looks(facts: Facts, thread: int) -> bool:
    """Whether it ends nobody's wait: not by what it does, nor by what it takes, nor by its own end."""
    waits = [calls[-1] for calls in facts.open.stacks.values() if calls]
    if thread == 1 or any(w.name in _ENDED_BY_ANY or w.name == "Thread.join" and w.words == thread for w in waits):
        return False
    return not facts.futures.running(thread) and facts.only_looks(thread)


def _deaths(facts: Facts) -> list[Failed]:
    return [
        Failed(thread.started_at, thread.number, thread.death, thread.ended_ns)
        for thread in facts.world.threads.values()
        if thread.death and thread.started_at
    ]
