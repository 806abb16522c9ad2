"""The threads of `multiprocessing.pool.ThreadPool`s: which pool each works for, whether all wait for their own pool.

Of such a pool it is not seen which thread runs which task, only who waits for what was given to it.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from paramedic.analysis.calls import Call


class Crews:
    """All such threads that are alive."""

    def __init__(self) -> None:
        self._pool_of: dict[int, int] = {}
        self._raised: dict[int, Call] = {}

    def joins(self, thread: int, pool: int) -> None:
        """A thread is one of a pool's workers."""
        self._pool_of[thread] = pool

    def leaves(self, thread: int) -> None:
        """A thread has ended."""
        self._pool_of.pop(thread, None)
        self._raised.pop(thread, None)

    def raised(self, call: Call) -> None:
        """A call on one of Paramiko's objects raised, perhaps in a worker."""
        if call.thread in self._pool_of:
            self._raised[call.thread] = call

    def who_failed(self, pool: int, error: str, used: dict[int, Call]) -> Call | None:
        """The call that a pool's task with this exception made: one that raised it, or else its workers' latest.

        Args:
            pool: its id.
            error: "Type: message".
            used: the latest call of each thread that waited for the peer.
        """
        crew = [thread for thread, own in self._pool_of.items() if own == pool]
        raised = [call for thread in crew if (call := self._raised.get(thread)) is not None and call.error == error]
        return max(raised or [used[t] for t in crew if t in used], key=lambda c: c.ended_ns, default=None)

    def stuck(self, waits: Iterable[Call], pool_of: Callable[[int], int]) -> list[Call]:
        """Those of some calls that wait for results with which a pool's threads wait, all of them, for that pool.

        Args:
            waits: the calls that are open.
            pool_of: the pool that a result is expected from; 0 if it has come.
        """
        waiting: dict[int, dict[int, Call]] = {}
        for call in waits:
            pool = self._pool_of.get(call.thread, 0)
            if pool and pool_of(call.obj) == pool:
                waiting.setdefault(pool, {})[call.thread] = call
        crews = list(self._pool_of.values())
        return [c for pool, calls in waiting.items() if len(calls) == crews.count(pool) for c in calls.values()]
