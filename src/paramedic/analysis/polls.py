"""Locks that are taken again and again at one place with nothing done in between: to look whether it is one's turn.

Whoever writes a flag under a lock and whoever polls it under the same lock hand over by it, as by an event. Other uses
of the lock mean nothing of the kind, so only the places where it was polled count. Those of RLocks do not: `logging`
takes its own at every line that logs, which in a loop looks the same.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from paramedic.analysis.world import World

_MOST_PLACES = 1000


class Polls:
    """All such places of a recording.

    Args:
        world: names.

    Attributes:
        locks: those that are polled anywhere.
        last: by thread, the lock that it took last and where, if it has called nothing of Paramiko's since.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.locks: set[int] = set()
        self.last: dict[int, tuple[int, int]] = {}
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
