"""Queues that are used as pools of Paramiko's objects: they are taken, used and put back, or not.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from paramedic.analysis.calls import Call

_MOST_TOKENS = 10_000


@dataclass(slots=True)
class Pool:
    """One queue.

    Attributes:
        returned: how often something came back that had been in it before.
        taken: for each thing that is out: who took it, in which task of an executor's, with which call.
    """

    returned: int = 0
    known: set[int] = field(default_factory=set)
    taken: dict[int, tuple[int, int, Call | None]] = field(default_factory=dict)


@dataclass(slots=True)
class Drained:
    """A thread waited long for a thing that those who had taken it did not put back.

    Attributes:
        queue: its id.
        waits: the calls that waited.
        lost: the calls that had taken what was not put back.
    """

    queue: int
    waits: list[Call]
    lost: list[Call]


class Pools:
    """All queues of a recording."""

    def __init__(self) -> None:
        self.queues: dict[int, Pool] = {}
        self.drained: dict[int, Drained] = {}

    def put(self, queue: int, token: int) -> None:
        """A thing is put in, for the first time or again."""
        pool = self.queues.setdefault(queue, Pool())
        if token in pool.taken:
            del pool.taken[token]
            pool.returned += 1
        elif len(pool.known) < _MOST_TOKENS:
            pool.known.add(token)

    def take(self, thread: int, task: int, queue: int, token: int, call: Call | None) -> None:
        """A thing is taken."""
        pool = self.queues.get(queue)
        if pool is not None and len(pool.taken) < _MOST_TOKENS:
            pool.taken[token] = (thread, task, call)

    def waited(self, call: Call, lasted_ns: int, idle: Callable[[int, int], bool]) -> None:
        """A thread has waited for a pool, or still does.

        Args:
            call: its call.
            lasted_ns: how long, so far.
            idle: whether a thread, or its task of then, has ended, or waits for this pool itself: then it does not use
                what it has.
        """
        pool = self.queues.get(call.obj)
        if pool is None or lasted_ns < LONG_NS:
            return
        out = [(thread, task, taker) for thread, task, taker in pool.taken.values() if taker is not call]
        if out and all(idle(thread, task) for thread, task, _ in out):
            drained = self.drained.setdefault(call.obj, Drained(call.obj, [], [t for *_, t in out if t is not None]))
            drained.waits.append(call)


LONG_NS = 2_000_000_000
"""A wait for a pool from this long on."""
