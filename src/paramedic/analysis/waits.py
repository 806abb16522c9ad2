"""Who waits for whom, at the end of a recording or at any moment of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paramedic.analysis.calls import Call
from paramedic.analysis.forsaken import may_be_signalled
from paramedic.analysis.locks import LASTING_NS, Hold, OwnWait, Wait, is_endless
from paramedic.analysis.world import Thread

if TYPE_CHECKING:
    from paramedic.analysis.facts import Facts


@dataclass(frozen=True, slots=True)
class Link:
    """One thread waits for the next.

    Attributes:
        thread: number of the waiter.
        target: number of the thread that it waits for.
        wait: the lock that it waits for, if it is a lock.
        hold: the target's hold of it.
        call: the remote call that it waits in, if it is one.
        since_ns: since when.
    """

    thread: int
    target: int
    wait: Wait | None
    hold: Hold | None
    call: Call | None
    since_ns: int


@dataclass(frozen=True, slots=True)
class Deadlock:
    """Threads that wait for one another in a circle.

    Attributes:
        links: who waits for whom.
        ended_ns: when a timeout ended it; 0 if nothing did.
    """

    links: tuple[Link, ...]
    ended_ns: int = 0

    @property
    def limits_ms(self) -> list[int]:
        """The limits of its waits for locks, those of one round each."""
        return [link.wait.timeout_ms for link in self.links if link.wait is not None and link.wait.timeout_ms >= 0]


def own_locks(facts: Facts) -> list[tuple[Wait, Hold, Call | None]]:
    """Locks for which an event loop's thread waits and which only its own coroutines can have let go.

    A coroutine of the same loop holds it across an ``await``, or another thread that waits, with the given call, for a
    coroutine of the loop.

    Threads: pure.
    """
    found: list[tuple[Wait, Hold, Call | None]] = []
    for thread, wait in facts.locks.waiting.items():
        hold = facts.locks.holder(wait.lock)
        if thread not in facts.states.loops or hold is None or wait.timeout_ms >= 0:
            continue
        if facts.end_ns - wait.began_ns < OWN_NS or facts.states.orderly_end:
            continue
        if hold.thread == thread:
            found.append((wait, hold, None))
            continue
        calls = facts.open.of(hold.thread)
        if calls and calls[-1].name == "Future.result" and calls[-1].argument < 0:
            if not facts.futures.is_executors(calls[-1].obj):
                found.append((wait, hold, calls[-1]))
    return found


OWN_NS = 1_000_000_000


def own_coroutines(facts: Facts) -> list[tuple[Call, ...]]:
    """Waits of an event loop's thread for a coroutine of the loop itself, or for who waits for one: nobody runs it.

    Threads: pure.
    """
    if facts.states.orderly_end or facts.greenlets or facts.states.gevent or not facts.futures.loop_of:
        return []
    found: list[tuple[Call, ...]] = []
    for thread in facts.states.loops:
        call = facts.open.of(thread)[-1]
        if call.name in _OF_FUTURES and _loops_thread(facts, call) == thread:
            found.append((call,))
    for circle in deadlocks(facts):
        calls = [link.call for link in circle.links if link.call is not None]
        for place, call in enumerate(calls):
            if len(calls) == len(circle.links) and call.name in _OF_FUTURES and _loops_thread(facts, call):
                found.append((*calls[place + 1 :], *calls[: place + 1]))
                break
    return [
        calls
        for calls in found
        if all(is_endless(call.argument) and facts.end_ns - call.began_ns >= OWN_NS for call in calls)
    ]


def _loops_thread(facts: Facts, call: Call) -> int:
    """The thread whose event loop runs the coroutine that a call waits for; 0 if there is none."""
    loop = facts.futures.loop_of.get(call.obj, 0)
    return next((thread for thread, runs in facts.states.loops.items() if loop and runs.obj == loop), 0)


def own_waits(facts: Facts) -> list[OwnWait]:
    """Threads that wait for a plain lock that they hold themselves, and that nobody else lets go, or is about to.

    Threads: pure.
    """
    if facts.greenlets or facts.states.gevent:
        return []  # several greenlets are one thread to us
    return [
        own
        for thread, own in sorted(facts.locks.own.items())
        if own.wait.lock not in facts.locks.handed
        and thread not in facts.states.loops
        and (own.ended_ns or facts.end_ns) - own.wait.began_ns >= OWN_NS
        and not _is_handed_on(facts, own.hold)
    ]


def orphans(facts: Facts) -> list[tuple[Hold, list[Wait]]]:
    """Locks for which threads wait, and whose holder has ended, itself or the executor's task that it ran then.

    Threads: pure.
    """
    found: dict[int, tuple[Hold, list[Wait]]] = {}
    if facts.states.orderly_end or facts.greenlets or facts.states.gevent:
        return []
    for wait in facts.locks.waiting.values():
        hold = facts.locks.holder(wait.lock)
        if hold is None or wait.lock in facts.locks.handed or not wait.lasts(facts.end_ns):
            continue
        left = facts.world.thread(hold.thread).ended_ns or hold.began_ns < facts.futures.turned_ns.get(hold.thread, 0)
        if left and not _is_handed_on(facts, hold):
            found.setdefault(wait.lock, (hold, []))[1].append(wait)
    return list(found.values())


def _is_handed_on(facts: Facts, hold: Hold) -> bool:
    """Whether somebody is at work to whom something was handed on since a lock was taken: it may be to let it go."""
    return any(
        not _waits_too(facts, thread) and facts.clocks.of(thread.number).weak_known.has(hold.epoch)
        for thread in facts.world.threads.values()
        if thread.number != hold.thread
    )


def deadlocks(facts: Facts) -> list[Deadlock]:
    """The circles in the graph of those who wait, at the end of the recording.

    A thread that waits for a lock waits for the lock's holder; one that waits for the peer needs its transport's thread
    to go on reading; one that waits for another thread, for a task or for an event needs one of those who can end that.
    A wait for a lock that has a timeout is part of a circle once it has lasted; circles that ended by one are found
    too.

    Threads: pure.
    """
    links = _stuck(_links(facts))
    found: list[Deadlock] = []
    done: set[int] = set()
    for start in sorted(links):
        path: list[int] = []
        thread = start
        while thread in links and thread not in done and thread not in path:
            path.append(thread)
            thread = links[thread].target
        if thread in path:
            found.append(Deadlock(tuple(links[t] for t in path[path.index(thread) :])))
        done.update(path)
    told = {frozenset(link.wait.lock for link in circle.links if link.wait is not None) for circle in found}
    for locks, past in facts.locks.dissolved.items():
        if locks not in told:
            chain = (Link(w.thread, h.thread, w, h, None, w.began_ns) for w, h in past.waits)
            found.append(Deadlock(tuple(chain), past.ended_ns))
    return found


def starved_crews(facts: Facts) -> list[Call]:
    """Waits of a home-made pool's workers for requests that they have put into the queue from which they all take.

    Each has taken from the queue before, has made what it waits for, and has put a request into the queue since that
    nobody has taken; every other thread waits, too.

    Threads: pure.
    """
    if facts.states.orderly_end:
        return []
    waits: dict[int, list[Call]] = {}
    for thread, calls in facts.open.stacks.items():
        if calls and calls[-1].name in _WOKEN and is_endless(calls[-1].argument):
            queue = facts.wakers.behind(thread, calls[-1].obj)
            if queue and thread in facts.pools.takers(queue):
                waits.setdefault(queue, []).append(calls[-1])
    found: list[Call] = []
    for queue, calls in waits.items():
        crew = {t for t in facts.pools.takers(queue) if not facts.world.thread(t).ended_ns}
        if crew == {c.thread for c in calls} and all(_waits_too(facts, t) for t in facts.world.threads.values()):
            found += calls
    return found


def _stuck(waits: dict[int, list[Link]]) -> dict[int, Link]:
    """Of the threads that need one of some others each: those all of whose others are such, too."""
    while True:
        free = [t for t, links in waits.items() if not all(link.target in waits for link in links)]
        if not free:
            return {thread: links[0] for thread, links in waits.items()}
        for thread in free:
            del waits[thread]


def _links(facts: Facts) -> dict[int, list[Link]]:
    """By thread, for whom it waits, one of whom can end that."""
    links: dict[int, list[Link]] = {}
    transports = {t.transport: t.number for t in facts.world.threads.values() if t.transport}
    for thread, wait in facts.locks.waiting.items():
        hold = facts.locks.holder(wait.lock)
        if hold is not None and wait.lasts(facts.end_ns) and hold.thread != thread:
            links[thread] = [Link(thread, hold.thread, wait, hold, None, wait.began_ns)]
    for call in facts.open.all():
        if call.thread in links:
            continue
        if call.name == "Semaphore.acquire":
            if not is_endless(call.argument) and facts.end_ns - call.began_ns < LASTING_NS:
                continue
            taken = facts.slots.only_taker(call.obj)
            if taken is not None and taken.thread != call.thread:
                waits = Wait(call.obj, call.thread, call.stack, call.began_ns, call.argument)
                holds = Hold(call.obj, taken.thread, taken.stack, taken.ended_ns, taken.epoch)
                links[call.thread] = [Link(call.thread, taken.thread, waits, holds, None, call.began_ns)]
            continue
        if call.name == "Transport.run" or not call.name.startswith(_OVER_PEER):
            continue
        target = transports.get(facts.transport_of(call.obj))
        if target is not None and target != call.thread:
            links[call.thread] = [Link(call.thread, target, None, None, call, call.began_ns)]
    for thread, calls in facts.open.stacks.items():
        if thread not in links and calls:
            call = calls[-1]
            if is_endless(call.argument) or facts.end_ns - call.began_ns >= LASTING_NS:
                needed = [target for target in _needed(facts, call) if target != thread]
                if needed:
                    links[thread] = [Link(thread, target, None, None, call, call.began_ns) for target in needed]
    return links


def _needed(facts: Facts, call: Call) -> list[int]:
    """The threads one of which ends a wait for a hand-over; none if somebody else may."""
    if call.name == "Thread.join":
        thread = facts.world.threads.get(call.words)
        return [call.words] if thread is not None and thread.begun_ns and not thread.ended_ns else []
    if call.name in _OF_FUTURES:
        runner = facts.futures.runner(call.obj) or _loops_thread(facts, call)
        return [runner] if runner else facts.futures.whole_crew(call.obj)
    if call.name not in _WOKEN | _EMPTIED:
        return []
    takers = facts.pools.takers(call.obj)
    # who fills a queue and has never taken from it empties it no more than who waits, whatever it does
    fill = facts.wakers.of(0, call.obj) if takers and call.name in _EMPTIED else set()
    if not all(
        _waits_too(facts, t) for t in facts.world.threads.values() if t.number in takers or t.number not in fill
    ):
        return []
    known = facts.wakers.of(call.thread, call.obj) if call.name in _WOKEN else takers
    if not known and not facts.states.signal_handlers:  # or one of these may do it
        known = facts.wakers.given(call.thread, call.obj)
    if not known and call.name in _EMPTIED and not may_be_signalled(facts):
        # nobody has taken from it yet, and any of the program's threads may be the one who will
        known = {t.number for t in facts.world.threads.values() if not t.transport and t.kind != "Timer"}
    alive = (t for t in known if not facts.world.thread(t).ended_ns)
    return sorted(alive, key=lambda t: (t not in facts.locks.waiting, t))  # who waits for a lock says most


def _waits_too(facts: Facts, thread: Thread) -> bool:
    """Whether a thread sets no event and puts nothing into a queue at this moment: it waits, has ended, or is none of
    the program's own."""
    number = thread.number
    if thread.ended_ns or thread.transport or thread.kind == "Timer" or number in facts.locks.waiting:
        return True
    calls = facts.open.of(number)
    if not calls:
        return facts.futures.is_idle(number) or not (thread.begun_ns or number == 1)
    lasting = is_endless(calls[-1].argument) or facts.end_ns - calls[-1].began_ns >= LASTING_NS
    return calls[-1].name in _HAND_OVERS and lasting


_OVER_PEER = ("SSHClient.", "Transport.", "Channel.", "File.", "SFTP")
_WOKEN = frozenset(("Event.wait", "Queue.get", "SimpleQueue.get"))
_OF_FUTURES = frozenset(("Future.result", "Future.exception", "Future.wait"))
_EMPTIED = frozenset(("Queue.put", "Queue.join"))
_HAND_OVERS = _WOKEN | frozenset(
    "Thread.join Thread.shutdown Future.result Future.wait Future.exception Queue.put Queue.join Semaphore.acquire "
    "Condition.wait Condition.wait_for Barrier.wait".split()
)
