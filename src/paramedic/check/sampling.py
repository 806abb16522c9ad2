"""Look from outside at what the threads of a running program wait for and how much CPU they use (Linux).

Threads: one thread; a look reads two small files for each thread of the program.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

from paramedic.model.cpu import CpuSlice
from paramedic.trace.cpu import append_slice
from paramedic.trace.layout import SUFFIX

_BUSY = 0.5
"""A process is looked at more closely if its threads wanted this part of one CPU."""
_MOST_THREADS = 200
_LOOKS = 10
_BETWEEN_LOOKS_S = 0.003

Counters = dict[int, tuple[int, int]]


class CpuSampling:
    """Of all processes that record into a folder.

    Attributes:
        gone: when a process was first seen to be gone, by its id; nobody else sees the end of a child that is killed.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing was looked at yet."""
        self._folder = folder
        self._last: dict[int, tuple[int, Counters]] = {}
        self.gone: dict[int, int] = {}
        self._on = os.path.exists("/proc/self/schedstat")

    def look(self) -> None:
        """Note what was used since the last time; blocks for some 30 ms where that is much."""
        if not self._on:
            return
        try:
            names = [name for name in os.listdir(self._folder) if name.endswith(SUFFIX)]
        except OSError:
            return
        for process in {int(pid) for name in names if (pid := name.partition("-")[0]).isdigit()}:
            counters = _counters(process)
            now_ns = time.monotonic_ns()
            before = self._last.pop(process, None)
            if counters is None or _is_zombie(process):
                self.gone.setdefault(process, now_ns)
            else:
                self._last[process] = now_ns, counters
                if before is not None:
                    self._on = self._note(process, *before, now_ns, counters) and self._on

    def _note(self, process: int, before_ns: int, before: Counters, now_ns: int, now: Counters) -> bool:
        used = {}
        for tid, (ran, waited) in now.items():
            old = before.get(tid, (0, 0))
            if ran > old[0]:
                used[tid] = ran - old[0], waited - old[1]
        if sum(map(sum, used.values())) < _BUSY * (now_ns - before_ns):
            return True
        looks = _looks(process, used)
        cpu = CpuSlice(process=process, begin_ns=before_ns, end_ns=now_ns, used=used, looks=looks)
        return append_slice(self._folder, cpu)


def _counters(process: int) -> Counters | None:
    """By thread: ns that it has run and that it was ready to run; None where there is no such process."""
    folder = f"/proc/{process}/task"
    try:
        threads = os.listdir(folder)
    except OSError:
        return None
    counters = {}
    for tid in threads[:_MOST_THREADS]:
        words = _read(f"{folder}/{tid}/schedstat").split()
        if len(words) == 3:
            counters[int(tid)] = int(words[0]), int(words[1])
    return counters


def _is_zombie(process: int) -> bool:
    return _read(f"/proc/{process}/stat").rpartition(")")[2].split()[:1] in ([], ["Z"], ["X"])


def _looks(process: int, threads: Counters) -> dict[int, tuple[int, int]]:
    """How often each thread was found waiting in a futex, and for input."""
    futex: Counter[int] = Counter()
    other: Counter[int] = Counter()
    for number in range(_LOOKS):
        if number:
            time.sleep(_BETWEEN_LOOKS_S)
        for tid in threads:
            where = _read(f"/proc/{process}/task/{tid}/wchan")
            if where in ("", "0"):  # it runs, or is ready to; or the system does not tell
                continue
            (futex if "futex" in where else other)[tid] += 1
    return {tid: (futex[tid], other[tid]) for tid in threads if futex[tid] or other[tid]}


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except (OSError, ValueError):  # it has ended
        return ""
