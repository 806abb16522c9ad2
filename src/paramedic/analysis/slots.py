"""Semaphores that are taken and given back by the same thread, as the slots of a pool are.

A semaphore that one thread lets go of and another takes is a signal, and not meant here: nobody need give it back.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from paramedic.analysis.calls import Call

_MOST, _MOST_OUT = 5000, 1000


@dataclass(slots=True)
class _Semaphore:
    out: list[tuple[int, int, Call]] = field(default_factory=list)
    """Thread, task and call of whoever has taken one and not given it back."""
    signal: bool = False
    used: bool = False
    """Whether anybody has taken one: what comes before is put in by who makes it, if it is more than one."""
    filled: int = 0


class Slots:
    """All semaphores of a recording."""

    def __init__(self) -> None:
        self._known: dict[int, _Semaphore] = {}

    def take(self, thread: int, task: int, call: Call) -> None:
        """A thread, in a task of an executor's or in none (0), has got one."""
        semaphore = self._of(call.obj)
        semaphore.used = True
        if len(semaphore.out) < _MOST_OUT:
            semaphore.out.append((thread, task, call))
        else:
            semaphore.signal = True

    def give(self, thread: int, obj: int) -> None:
        """A thread lets go of one."""
        semaphore = self._of(obj)
        for place in range(len(semaphore.out) - 1, -1, -1):
            if semaphore.out[place][0] == thread:
                del semaphore.out[place]
                return
        semaphore.filled += not semaphore.used
        semaphore.signal = semaphore.used or semaphore.signal

    def _of(self, obj: int) -> _Semaphore:
        semaphore = self._known.get(obj)
        if semaphore is None:
            semaphore = self._known[obj] = _Semaphore()
            if len(self._known) > _MOST:
                del self._known[next(iter(self._known))]
        return semaphore

    def only_taker(self, obj: int) -> Call | None:
        """The call that took a semaphore as a lock is taken: it alone has, and nobody lets go of what others took."""
        semaphore = self._known.get(obj)
        if semaphore is None or semaphore.signal or semaphore.filled or len(semaphore.out) != 1:
            return None
        return semaphore.out[0][2]

    def lost(self, obj: int, has_left: Callable[[int, int], bool]) -> list[Call]:
        """The calls that took what was never given back, if all who have taken one are gone.

        Args:
            obj: the semaphore.
            has_left: whether a thread, or its task of then, has ended.
        """
        semaphore = self._known.get(obj)
        if (
            semaphore is None
            or semaphore.signal
            or semaphore.filled == 1
            or not all(has_left(thread, task) for thread, task, _ in semaphore.out)
        ):
            return []
        return [call for _, _, call in semaphore.out]
