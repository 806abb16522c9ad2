"""Which calls of many were under way at the same time, without a look at each pair.

Threads: pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from paramedic.analysis.calls import Call


class Times:
    """The times in which any of some ended calls was under way."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._begins: list[int] = []
        self._ends: list[int] = []
        for call in sorted(calls, key=lambda c: c.began_ns):
            if self._ends and call.began_ns <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], call.ended_ns)
            else:
                self._begins.append(call.began_ns)
                self._ends.append(call.ended_ns)

    def meet(self, call: Call) -> bool:
        """Whether a call was under way in one of them."""
        place = bisect_left(self._ends, call.began_ns)
        return place < len(self._ends) and self._begins[place] <= call.ended_ns


def met_by_others(calls: Iterable[Call]) -> set[int]:
    """The ``id()`` of those ended calls during which another thread made one of the others on the same object."""
    by_object: dict[int, list[Call]] = {}
    for call in calls:
        by_object.setdefault(call.obj, []).append(call)
    met: set[int] = set()
    for group in by_object.values():
        if any(call.thread != group[0].thread for call in group):
            met |= _met(group)
    return met


def _met(calls: list[Call]) -> set[int]:
    """Who was met by one that began before, going forward, and by one that began after, going back."""
    met: set[int] = set()
    ordered = sorted(calls, key=lambda c: c.began_ns)
    latest = _Two()
    for call in ordered:
        if latest.of_others(call.thread) >= call.began_ns:
            met.add(id(call))
        latest.note(call.thread, call.ended_ns)
    earliest = _Two()
    for call in reversed(ordered):
        if -earliest.of_others(call.thread, -call.ended_ns - 1) <= call.ended_ns:
            met.add(id(call))
        earliest.note(call.thread, -call.began_ns)
    return met


class _Two:
    """The largest number that was noted, and the largest of another thread than that one's."""

    def __init__(self) -> None:
        self._first: tuple[int, int] | None = None
        self._second: tuple[int, int] | None = None

    def note(self, thread: int, number: int) -> None:
        first = self._first
        if first is None or first[1] == thread:
            self._first = (number if first is None else max(first[0], number), thread)
        elif number > first[0]:
            self._first, self._second = (number, thread), first
        elif self._second is None or number > self._second[0]:
            self._second = (number, thread)

    def of_others(self, thread: int, default: int = -1) -> int:
        known = self._second if self._first is not None and self._first[1] == thread else self._first
        return default if known is None else known[0]
