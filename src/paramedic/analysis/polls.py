"""Locks that are taken again and again at one place with nothing done in between: to look whether it is one's turn.

Whoever writes a flag under a lock and whoever polls it under the same lock hand over by it, as by an event. Other uses
of the lock mean nothing of the kind, so only the places where it was polled count. Those of RLocks do not: `logging`
takes its own at every line that logs, which in a loop looks the same.

For the same reason `logging`'s locks order nothing: that one thread has logged, and then another, is an accident, which
would hide from us all that could come in another order. Where a handler uses Paramiko under its lock, the lock does
keep these uses apart, and counts.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from paramedic.analysis.world import World

_MOST_PLACES = 1000
LOGGINGS = 1
"""The number of a lock that is `logging`'s."""


class Polls:
    """All such places of a recording.

    Args:
        world: names.

    Attributes:
        locks: those that are polled anywhere.
        last: by thread, the lock that it took last and where, if it has called nothing of Paramiko's since.
        aside: by thread, the locks of `logging`'s that it has and under which it has called nothing of Paramiko's.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.locks: set[int] = set()
        self.last: dict[int, tuple[int, int]] = {}
        self.aside: dict[int, set[int]] = {}
        self._places: set[tuple[int, int]] = set()

    def takes(self, thread: int, lock: int, stack: int) -> bool:
        """A thread takes a lock; returns whether it does so to look."""
        place = lock, stack
        if self.last.get(thread) == place and len(self._places) < _MOST_PLACES:
            if self._world.owns(stack) and self._world.thing(lock).kind == "Lock":
                self._places.add(place)
                self.locks.add(lock)
        self.last[thread] = place
        return place in self._places

    def is_aside(self, thread: int, lock: int) -> bool:
        """A thread takes a lock; returns whether that is one of `logging`'s."""
        known = self._world.things.get(lock)
        if known is None or known.number != LOGGINGS:
            return False
        self.aside.setdefault(thread, set()).add(lock)
        return True

    def was_aside(self, thread: int, lock: int) -> bool:
        """A thread lets go of a lock; returns whether it was one of `logging`'s and nothing was called under it."""
        mine = self.aside.get(thread)
        if mine is None or lock not in mine:
            return False
        mine.discard(lock)
        return True
