"""For which task of an event loop an executor's thread works: who makes the steps of a dialogue.

A coroutine that awaits one step after the other in an executor makes all of them itself, whichever thread runs which;
and one thread that runs the steps of two coroutines is two who ask and are answered.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

_MOST = 10_000
_OLDEST = 10
_LOW = (1 << 32) - 1


class Actors:
    """All tasks of event loops that have given work to threads.

    Attributes:
        working: by thread, for which task it works at this moment: its number, below 0.
    """

    def __init__(self) -> None:
        self.working: dict[int, int] = {}
        self._given: dict[int, int] = {}
        self._makers: dict[int, int] = {}

    def gives(self, future: int, lineage: int) -> None:
        """A task gives work to an executor; ``lineage`` is as the recorder gives it."""
        task, maker = lineage & _LOW, lineage >> 32
        self._given[future] = task
        if maker:
            self._makers[task] = maker
        for table in (self._given, self._makers):
            if len(table) > _MOST:
                del table[next(iter(table))]

    def begins(self, thread: int, future: int) -> None:
        """A worker begins what was given."""
        task = self._given.pop(future, 0)
        if task:
            self.working[thread] = -task
        else:
            self.working.pop(thread, None)

    def ends(self, thread: int) -> None:
        """A worker has done it, or its thread has ended."""
        self.working.pop(thread, None)

    def are_kin(self, one: int, other: int) -> bool:
        """Whether one has made the other, as ``asyncio.wait_for()`` and helpers do for a step: both are one then."""
        return one == other or self._has_made(one, other) or self._has_made(other, one)

    def _has_made(self, elder: int, younger: int) -> bool:
        for _ in range(_OLDEST):
            maker = self._makers.get(-younger, 0)
            if not maker:
                return False
            if -maker == elder:
                return True
            younger = -maker
        return False
