"""Calls at a time: one thread for all deadlines of a pool, started by the first and ended with the pool."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable

from paramedic.safe.signal_safe import SignalSafeCondition

_LOG = logging.getLogger("paramedic.safe")


class Alarm:
    """One call to come. :meth:`cancel` it when it is not needed any more."""

    __slots__ = ("call", "clock")

    def __init__(self, call: Callable[[], None], clock: Clock) -> None:
        """Keeps the call.

        Threads: any thread; it does not block.
        """
        self.call: Callable[[], None] | None = call
        self.clock = clock

    def cancel(self) -> None:
        """Forgets the call, unless it is being made already.

        Threads: any thread, any number of times; it does not block.
        """
        if self.call is not None:
            self.call = None
            self.clock._cancelled += 1  # approximate: it only decides when to sweep


class Clock:
    """Makes calls at given times of ``time.monotonic()``, on its own thread; they must not block.

    Threads: every method may be called by any thread.
    """

    def __init__(self, name: str) -> None:
        """Makes a clock; its thread starts with the first alarm.

        Threads: any thread; it does not block.
        """
        self._name = name
        self._changed = SignalSafeCondition()
        self._alarms: list[tuple[float, int, Alarm]] = []
        self._count = itertools.count()
        self._cancelled = 0
        self._thread: threading.Thread | None = None
        self._sleeps_until = math.inf
        """When its thread looks by itself: what is to come before wakes it. Whether a new alarm is the first one tells
        less: who set the one that is may have been struck by a signal's handler before he woke it."""
        self._closed = False

    def at(self, when: float, call: Callable[[], None], *, slack_s: float = 0.0) -> Alarm:
        """Has ``call`` made at ``when`` (``time.monotonic()``); never, once the clock is closed.

        Args:
            when: not before then.
            call: must not block.
            slack_s: how much later is soon enough: calls that have the same slack share their wake-ups.

        Threads: any thread; it does not block.
        """
        alarm = Alarm(call, self)
        if slack_s:
            when = math.ceil(when / slack_s) * slack_s
        with self._changed:
            if self._closed:
                return alarm
            if self._cancelled > 1000 and self._cancelled * 2 > len(self._alarms):
                self._alarms = [entry for entry in self._alarms if entry[2].call is not None]
                heapq.heapify(self._alarms)
                self._cancelled = 0
            heapq.heappush(self._alarms, (when, next(self._count), alarm))
            if when < self._sleeps_until:
                self._changed.notify_all()
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=f"{self._name}-clock", daemon=True)
                with contextlib.suppress(RuntimeError):  # the interpreter is on its way out: there are no later times
                    thread.start()
                    self._thread = thread
        return alarm

    def close(self, timeout: float | None = 5.0) -> None:
        """Ends the thread; alarms that have not come never will. Waits ``timeout`` seconds at most.

        Threads: any thread, any number of times. It blocks, unless called by the clock's own thread.
        """
        with self._changed:
            self._closed = True
            self._alarms.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def abandon_after_fork(self) -> None:
        """In a forked child: its thread is not there, nor who may have held its lock.

        Threads: the child's only thread; it does not block.
        """
        self._changed = SignalSafeCondition()
        self._alarms, self._thread, self._closed = [], None, True

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed:
                    self._forget_cancelled()
                    self._sleeps_until = self._alarms[0][0] if self._alarms else math.inf
                    left = self._sleeps_until - time.monotonic()
                    if left <= 0:
                        break
                    self._changed.wait(left if self._alarms else None)
                if self._closed:
                    return
                alarm = heapq.heappop(self._alarms)[2]
            call = alarm.call
            if call is not None:
                try:
                    call()
                except Exception:
                    _LOG.exception("an alarm of %s failed", self._name)

    def _forget_cancelled(self) -> None:
        # You hold the lock. All that come next, at once: a thread that wakes up for each of a thousand alarms that
        # nobody needs any more is what makes idle pools cost something.
        while self._alarms and self._alarms[0][2].call is None:
            heapq.heappop(self._alarms)
            self._cancelled -= 1
