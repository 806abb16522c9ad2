"""Who waits for whom, at the end of a recording or at any moment of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paramedic.analysis.calls import Call
from paramedic.analysis.locks import LASTING_NS, Hold, Wait, is_endless

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


def deadlocks(facts: Facts) -> list[Deadlock]:
    """The circles in the graph of those who wait, at the end of the recording.

    A thread that waits for a lock waits for the lock's holder; one that waits for the peer needs its transport's thread
    to go on reading. A wait for a lock that has a timeout is part of a circle once it has lasted; circles that ended by
    one are found too.

    Threads: pure.
    """
    links: dict[int, Link] = {}
    transports = {t.transport: t.number for t in facts.world.threads.values() if t.transport}
    for thread, wait in facts.locks.waiting.items():
        hold = facts.locks.holder(wait.lock)
        if hold is not None and wait.lasts(facts.end_ns) and hold.thread != thread:
            links[thread] = Link(thread, hold.thread, wait, hold, None, wait.began_ns)
    for call in facts.open.all():
        if call.name == "Semaphore.acquire" and call.thread not in links:
            if not is_endless(call.argument) and facts.end_ns - call.began_ns < LASTING_NS:
                continue
            taken = facts.slots.only_taker(call.obj)
            if taken is not None and taken.thread != call.thread:
                waits = Wait(call.obj, call.thread, call.stack, call.began_ns, call.argument)
                holds = Hold(call.obj, taken.thread, taken.stack, taken.ended_ns)
                links[call.thread] = Link(call.thread, taken.thread, waits, holds, None, call.began_ns)
        if call.thread in links or not call.name.startswith(("SSHClient.", "Transport.", "Channel.", "File.", "SFTP")):
            continue
        if call.name == "Transport.run":
            continue
        target = transports.get(facts.transport_of(call.obj))
        if target is not None and target != call.thread:
            links[call.thread] = Link(call.thread, target, None, None, call, call.began_ns)
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
