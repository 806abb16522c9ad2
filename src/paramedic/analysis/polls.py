"""Locks that are taken again and again at one place with nothing done in between: to look whether it is one's turn.

Whoever writes a flag under a lock and whoever polls it under the same lock hand over by it, as by an event. Other uses
of the lock mean nothing of the kind, so only the places where it was polled count. Those of RLocks do not: `logging`
takes its own at every line that logs, which in a loop looks the same.

For the same reason `logging`'s locks order nothing: that one thread has logged, and then another, is an accident, which
would hide from us all that could come in another order. What a handler does with Paramiko under its lock is kept apart
from what others do under that lock, and from nothing else.

Nor does a section order anything for who comes into it that only notes or prints something, as its source tells (see
`paramedic.lint.sections`): with nothing read there, it might as well have been the first. What it notes, others may
come to know.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable

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
        aside: by thread, the locks that order nothing for it and under which it has called nothing of Paramiko's, and
            where it has taken each.
        only_notes: whether what is done under a lock that is taken in a stack is known to do no more than to note.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.locks: set[int] = set()
        self.last: dict[int, tuple[int, int]] = {}
        self.aside: dict[int, dict[int, int]] = {}
        self.only_notes: Callable[[int], bool] = lambda stack: False
        self._notes: dict[int, bool] = {0: False}
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

    def is_aside(self, thread: int, lock: int, stack: int) -> bool:
        """A thread takes a lock; returns whether that orders nothing for it."""
        notes = self._notes.get(stack)
        if notes is None:
            notes = self._notes[stack] = self.only_notes(stack)
        if not notes and not self.is_loggings(lock):
            return False
        self.aside.setdefault(thread, {})[lock] = stack
        return True

    def was_aside(self, thread: int, lock: int) -> bool:
        """A thread lets go of a lock; returns whether it was such a one and nothing was called under it."""
        mine = self.aside.get(thread)
        if mine is None or mine.pop(lock, None) is None:
            return False
        if not mine:
            del self.aside[thread]
        return True

    def is_loggings(self, lock: int) -> bool:
        """Whether a lock is one of `logging`'s."""
        known = self._world.things.get(lock)
        return known is not None and known.number == LOGGINGS

    def deeds(self, thread: int) -> list[int]:
        """A thread calls something of Paramiko's, or hands something over: its locks do order that; returns which have
        not done so yet."""
        held = self.aside.pop(thread, None) or {}
        for stack in held.values():
            self._notes[stack] = False
        return list(held)
