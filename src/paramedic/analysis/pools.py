"""Queues that are used as pools of Paramiko's objects: they are taken, used and put back, or not.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paramedic.analysis.calls import Call

_MOST_TOKENS = 10_000


@dataclass(slots=True)
class Pool:
    """One queue.

    Attributes:
        returned: how often something came back that had been in it before.
        taken: for each thing that is out: who took it, with which call.
    """

    returned: int = 0
    known: set[int] = field(default_factory=set)
    taken: dict[int, tuple[int, Call | None]] = field(default_factory=dict)


class Pools:
    """All queues of a recording."""

    def __init__(self) -> None:
        self.queues: dict[int, Pool] = {}

    def put(self, queue: int, token: int) -> None:
        """A thing is put in, for the first time or again."""
        pool = self.queues.setdefault(queue, Pool())
        if token in pool.taken:
            del pool.taken[token]
            pool.returned += 1
        elif len(pool.known) < _MOST_TOKENS:
            pool.known.add(token)

    def take(self, thread: int, queue: int, token: int, call: Call | None) -> None:
        """A thing is taken."""
        pool = self.queues.get(queue)
        if pool is not None and len(pool.taken) < _MOST_TOKENS:
            pool.taken[token] = (thread, call)
