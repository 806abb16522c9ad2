"""The times in which a program's threads used much CPU, and who had to do with Paramiko in them.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from paramedic.model.cpu import CpuSlice


@dataclass(slots=True)
class BusyTime:
    """The time between two looks at a busy process.

    Attributes:
        cpu: what was seen of its threads.
        callers: numbers of the threads that called something of Paramiko's.
    """

    cpu: CpuSlice
    callers: set[int] = field(default_factory=set)


class BusyTimes:
    """Those of one process.

    Attributes:
        times: in their order; set before the first event.
    """

    def __init__(self) -> None:
        self.times: list[BusyTime] = []
        self._ends: list[int] = []

    def look_at(self, slices: Iterable[CpuSlice]) -> None:
        """When the process was busy."""
        self.times = [BusyTime(cpu) for cpu in sorted(slices, key=lambda cpu: cpu.end_ns)]
        self._ends = [time.cpu.end_ns for time in self.times]

    def called(self, thread: int, began_ns: int, t_ns: int) -> None:
        """A thread was in a call of Paramiko's from then until now."""
        for place in range(bisect_left(self._ends, began_ns), len(self._ends)):
            if self.times[place].cpu.begin_ns > t_ns:
                break
            self.times[place].callers.add(thread)
