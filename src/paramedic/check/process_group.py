"""Processes of ours in the group: one tells a signal to all of it from one to us, one wakes us from a stop."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_PATIENCE_S = 0.02
"""The kernel signals the members of a group one after the other; the sentinel may come after us."""
_GLANCE_S = 0.05
"""How often a stopped program is looked at."""


class GroupSentinel:
    """A process in our group that does nothing but keep pending whatever is sent to the group.

    A sender can mean a process (``kill PID``) or its group (``kill %1`` in a shell, ``timeout``, a test that plays
    Ctrl-C). `signal.sigwaitinfo` looks the same for both, and a program that gets a signal once from the group and
    once more from us would see two Ctrl-C. What is pending in a process that never takes a signal can be read in
    ``/proc``; elsewhere than on Linux the answer is always "not to the group".

    Threads: for the main thread of a process without other threads, because it forks.
    """

    def __init__(self) -> None:
        self._pid = 0
        self._alive = -1  # the sentinel ends when this end of the pipe is closed, by us or by our death
        self._untold: set[int] = set()  # seen by earlier sentinels, not asked for yet

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def was_sent(self, number: int) -> bool:
        """Whether the signal that we have just got went to the whole group; may wait a few milliseconds."""
        if not self._pid:
            return False
        deadline = time.monotonic() + _PATIENCE_S
        while number not in (known := self._untold | _pending(self._pid)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        # What is pending stays so: only a new sentinel can see the same signal again. It begins before the old one
        # goes, and what came to the old one alone meanwhile is kept.
        old, alive = self._pid, self._alive
        self._pid, self._alive = 0, -1
        self._start()
        late = _pending(old) - known
        self._untold = (known - {number}) | (late - _pending(self._pid))
        _end(old, alive)
        return True

    def _start(self) -> None:
        if (made := _fork(lambda: os.read(0, 1))) is not None:
            self._pid, self._alive = made

    def _stop(self) -> None:
        if self._pid:
            _end(self._pid, self._alive)
            self._pid, self._alive = 0, -1


class Waker:
    """A process that continues us when the stopped program beside which we stop is no longer stopped.

    ``fg`` continues the whole group, and what continues us we hand on. But ``kill -CONT`` (or ``kill -9``) of the
    program alone reaches nobody else, and a stopped parent cannot wait for it. Elsewhere than on Linux nobody wakes us.

    Threads: for the main thread of a process without other threads, because it forks.
    """

    def __init__(self, program: int) -> None:
        """Of the program with this process id."""
        self._program = program
        self._made: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        us = os.getpid()

        def watch() -> None:
            # Again and again: we may stop only after the program has gone on.
            while not select.select([0], [], [], _GLANCE_S)[0]:
                if not _is_stopped(self._program):
                    os.kill(us, signal.SIGCONT)

        self._made = _fork(watch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made is not None:
            _end(*self._made)


def _fork(act: Callable[[], object]) -> tuple[int, int] | None:
    """A process that does this and ends, or ends when the pipe at its descriptor 0 is closed by us or by our death.

    Returns:
        Its id and our end of the pipe; None where it cannot be had.
    """
    if not sys.platform.startswith("linux") or not os.path.exists("/proc/self/status"):
        return None
    ours, theirs = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            try:
                # Nothing of the program's may be held open here, the pipe that its output goes to least of all.
                os.dup2(ours, 0)
                os.closerange(1, max(os.sysconf("SC_OPEN_MAX"), 1024))
                act()
            finally:
                os._exit(0)
    except OSError:  # no more processes: the program comes first
        os.close(ours)
        os.close(theirs)
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.close(ours)
    return pid, theirs


def _is_stopped(program: int) -> bool:
    try:
        with open(f"/proc/{program}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return False


def _end(sentinel: int, alive: int) -> None:
    os.close(alive)
    os.kill(sentinel, signal.SIGKILL)
    os.waitpid(sentinel, 0)


def _pending(sentinel: int) -> set[int]:
    try:
        with open(f"/proc/{sentinel}/status", encoding="ascii", errors="replace") as status:
            words = next((line.split()[1] for line in status if line.startswith("ShdPnd:")), "0")
    except OSError:
        return set()
    mask = int(words, 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}
