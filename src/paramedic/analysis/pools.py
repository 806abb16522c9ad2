"""Queues that are used as pools of Paramiko's objects: they are taken, used and put back, or not.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Known

GETS = ("Queue.get", "SimpleQueue.get")
_MOST_TOKENS = 10_000
_ROUND_NS = 1_000_000_000
_MOST_GREEDY = 100


@dataclass(slots=True)
class Taken:
    """A thing that is out.

    Attributes:
        thing: its id.
        thread: who took it.
        task: … in which task of an executor's; 0 for none.
        call: … with which call.
        known: what the thread knew of others when it had not got it yet, by deliberate hand-overs.
        raised: whether that thread's work raised before it took another thing.
        second: the call with which the thread took one more from the same pool, with no limit, and had this one.
    """

    thing: int
    thread: int
    task: int
    call: Call | None
    known: Known | None = None
    raised: bool = False
    second: Call | None = None


@dataclass(slots=True)
class Pool:
    """One queue.

    Attributes:
        returned: how often something came back that had been in it before.
        known: the things that were in it, by token.
        taken: those that are out, by token.
        greedy: by thread, the first thing that it had, took one more, and put back.
    """

    returned: int = 0
    greedy: dict[int, Taken] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)
    taken: dict[int, Taken] = field(default_factory=dict)


@dataclass(slots=True)
class Greedy:
    """Threads each took a second thing from a pool while they had a first one.

    Attributes:
        queue: its id.
        size: how many things there are.
        takers: of each thread, the first one.
    """

    queue: int
    size: int
    takers: list[Taken]


class Idle(Enum):
    """Whether who took something from a pool may still use it."""

    BUSY = 0
    AGAIN = 1  # it waits for the pool itself
    ENDED = 2  # it has ended, or its task of then


@dataclass(slots=True)
class Drained:
    """A thread waited long for a thing that those who had taken it did not put back.

    Attributes:
        queue: its id.
        waits: the calls that waited.
        lost: the calls that had taken what was not put back.
        longest_ns: the longest of the waits, all its rounds together.
    """

    queue: int
    waits: list[Call]
    lost: list[Call]
    longest_ns: int = 0


class Pools:
    """All queues of a recording.

    Attributes:
        lost: by queue, the calls that took what was not put back although it was worked with and that raised, from
            pools that never ran empty.
        circulating: the queues into which somebody put something who had taken something out.
        puts_back: whether who takes from a queue in a stack is known to put it back, if nothing comes between.
    """

    def __init__(self) -> None:
        self.circulating: set[int] = set()
        self.puts_back: Callable[[int], bool] = lambda stack: False
        self._takers: dict[int, set[int]] = {}
        self.queues: dict[int, Pool] = {}
        self.drained: dict[int, Drained] = {}
        self.lost: dict[int, list[Call]] = {}
        self._latest: dict[int, Taken] = {}
        self._out_of: dict[int, set[int]] = {}
        """By token of a thing that is out, the queues that it was taken from."""
        self._rounds: dict[int, tuple[int, int, int, int]] = {}
        """By thread, of its latest wait with a limit: the queue, the stack, since when, and when that round ended."""

    def put(self, queue: int, token: int, thing: int) -> None:
        """A thing is put in, for the first time or again."""
        pool = self.queues.setdefault(queue, Pool())
        taken = pool.taken.get(token)
        if taken is not None and taken.thing == thing:
            pool.returned += 1
            if taken.second is not None and len(pool.greedy) < _MOST_GREEDY:
                pool.greedy.setdefault(taken.thread, taken)
        elif len(pool.known) < _MOST_TOKENS or token in pool.known:
            pool.known[token] = thing  # a token is an address, where another thing may live after the first
        for other in self._out_of.pop(token, ()):
            self.queues[other].taken.pop(token, None)

    def take(
        self, thread: int, task: int, queue: int, token: int, call: Call | None, known: Known | None = None
    ) -> None:  # fmt: skip
        """A thing is taken.

        Args:
            thread: who takes it.
            task: … in which of an executor's tasks.
            queue: from where.
            token: its address.
            call: … with which call.
            known: what the thread had known of others before it took it.
        """
        pool = self.queues.get(queue)
        if pool is not None and len(pool.taken) < _MOST_TOKENS:
            if call is not None and call.argument < 0:
                for other in pool.taken.values():
                    if other.thread == thread and other.task == task and other.second is None:
                        other.second = call
            taken = Taken(pool.known.get(token, 0), thread, task, call, known)
            pool.taken[token] = self._latest[thread] = taken
            self._out_of.setdefault(token, set()).add(queue)

    def raised(self, thread: int) -> None:
        """A call on one of Paramiko's objects raised."""
        taken = self._latest.get(thread)
        if taken is not None:
            taken.raised = True

    def moved(self, thread: int, queue: int, put: bool) -> None:
        """Anything is put into a queue, or taken out."""
        takers = self._takers.get(queue)
        if takers is None:
            takers = self._takers[queue] = set()
        if not put:
            takers.add(thread)
        elif thread in takers:
            self.circulating.add(queue)

    def greedy(self) -> list[Greedy]:
        """Pools of which so many threads take a second thing, that nothing keeps apart, that none may be left."""
        found = []
        for queue, pool in self.queues.items():
            size, beside = len(set(pool.known.values())), _beside(list(pool.greedy.values()))
            if 0 < size <= len(beside) and queue not in self.drained:
                found.append(Greedy(queue, size, beside))
        return found

    def out(self) -> dict[int, Taken]:
        """What was taken and not put back, by the thing's id, where nobody waited for it."""
        pools = [pool for queue, pool in self.queues.items() if queue not in self.drained]
        return {taken.thing: taken for pool in pools for taken in pool.taken.values() if taken.thing}

    def takers(self, queue: int) -> set[int]:
        """The threads that have taken something from a queue."""
        return self._takers.get(queue, set())

    def waited(self, call: Call, lasted_ns: int, idle: Callable[[int, int], Idle]) -> None:
        """A thread has waited for a pool, or still does.

        Args:
            call: its call.
            lasted_ns: how long, so far.
            idle: whether a thread, in its task of then, may still use what it has.
        """
        pool = self.queues.get(call.obj)
        if pool is None:
            return
        if call.argument >= 0:
            lasted_ns = self._with_earlier_rounds(call, lasted_ns)
        if lasted_ns < LONG_NS:
            return
        out = [taken for taken in pool.taken.values() if taken.call is not call]
        # where nothing ever comes back, and is not meant to, who takes one after the other only consumes them
        meant = pool.returned or all(taken.call is not None and self.puts_back(taken.call.stack) for taken in out)
        least = Idle.AGAIN if meant else Idle.ENDED
        if out and all(idle(taken.thread, taken.task).value >= least.value for taken in out):
            lost = [taken.call for taken in out if taken.call is not None]
            drained = self.drained.setdefault(call.obj, Drained(call.obj, [], lost))
            drained.waits = [w for w in drained.waits if w.argument < 0 or w.thread != call.thread]
            drained.waits.append(call)
            drained.longest_ns = max(drained.longest_ns, lasted_ns)

    def _with_earlier_rounds(self, call: Call, lasted_ns: int) -> int:
        """How long a thread has waited that asks again as soon as its limit is over: it has looked at a flag."""
        ended_ns, since_ns = call.began_ns + lasted_ns, call.began_ns
        known = self._rounds.pop(call.thread, None)
        if known is not None and known[:2] == (call.obj, call.stack) and call.began_ns - known[3] < _ROUND_NS:
            since_ns = known[2]
        if call.error or not call.ended_ns:
            self._rounds[call.thread] = call.obj, call.stack, since_ns, ended_ns
        return ended_ns - since_ns

    def finish(self, idle: Callable[[int, int], bool], closed_by: Callable[[int], int]) -> None:
        """The recording ends.

        Args:
            idle: whether a thread, or its task of then, has ended.
            closed_by: the thread that closed a thing; 0 if none did. Who closes what is broken need not put it back.
        """
        for queue, pool in self.queues.items():
            lost = [
                taken.call
                for taken in pool.taken.values()
                if taken.raised
                and taken.call
                and idle(taken.thread, taken.task)
                and closed_by(taken.thing) != taken.thread
            ]
            if pool.returned and lost:
                self.lost[queue] = lost


def _beside(takers: list[Taken]) -> list[Taken]:
    """Some of them of whom each might take its first thing while all the others have theirs."""
    found: list[Taken] = []
    for taken in takers:
        if all(_are_apart(taken, other) for other in found):
            found.append(taken)
    return found


def _are_apart(one: Taken, other: Taken) -> bool:
    if one.call is None or other.call is None or one.known is None or other.known is None:
        return False
    if {hold.lock for hold in one.call.holds} & {hold.lock for hold in other.call.holds}:
        return False  # who takes two does so under one lock
    return not one.known.has(other.call.epoch) and not other.known.has(one.call.epoch)


LONG_NS = 2_000_000_000
"""A wait for a pool from this long on."""
