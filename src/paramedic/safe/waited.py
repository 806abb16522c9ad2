"""Futures whose waiting threads hold no lock.

``concurrent.futures.Future`` waits with a condition, whose lock the thread that waits has for some steps before and
after. On the main thread a signal's handler may come between these steps, and what it does with the pool needs the
thread that is about to end this very future, and waits for that lock.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from paramedic.safe.signal_safe import SignalSafeCondition

_T = TypeVar("_T")
_NEW = {"_state": "PENDING", "_result": None, "_exception": None}
_KNOWN = vars(Future()).keys() == {*_NEW, "_condition", "_waiters", "_done_callbacks"}
"""Whether this Python's futures are made of nothing else (3.11 to 3.14)."""
_CANCELLED = ("CANCELLED", "CANCELLED_AND_NOTIFIED")
_OVER = (*_CANCELLED, "FINISHED")


class WaitedFuture(Future[_T]):
    """A ``concurrent.futures.Future``; see the module's text.

    Threads: every method may be called by any thread; ``result()`` and ``exception()`` block.
    """

    def __init__(self) -> None:
        """As the base class.

        Threads: any thread; it does not block.
        """
        if _KNOWN:  # the base class would make a condition that is thrown away: a dozen steps for each command
            self.__dict__.update(_NEW)
            self._waiters: list[Any] = []
            self._done_callbacks: list[Callable[[Future[_T]], Any]] = []
        else:
            super().__init__()
        self._condition = SignalSafeCondition()
        self._told: list[queue.SimpleQueue[None]] = []

    def done(self) -> bool:
        """As the base class.

        Threads: any thread; it does not block.
        """
        return self._state in _OVER

    def cancelled(self) -> bool:
        """As the base class.

        Threads: any thread; it does not block.
        """
        return self._state in _CANCELLED

    def result(self, timeout: float | None = None) -> _T:
        """As the base class.

        Raises:
            TimeoutError: it has not ended after ``timeout`` seconds.

        Threads: any thread. It blocks.
        """
        if self._state != "FINISHED":
            self._wait_for_end(timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As the base class.

        Raises:
            TimeoutError: it has not ended after ``timeout`` seconds.

        Threads: any thread. It blocks.
        """
        self._wait_for_end(timeout)
        return super().exception(0)

    def cancel(self) -> bool:
        """As the base class.

        Threads: any thread; it does not block.
        """
        cancelled = super().cancel()
        self._tell()
        return cancelled

    def set_result(self, result: _T) -> None:
        """As the base class.

        Threads: the one that ends it; it does not block.
        """
        super().set_result(result)
        self._tell()

    def set_exception(self, exception: BaseException | None) -> None:
        """As the base class.

        Threads: the one that ends it; it does not block.
        """
        super().set_exception(exception)
        self._tell()

    def _wait_for_end(self, timeout: float | None) -> None:
        if not self.done() and not self._wait(self.done, timeout):
            raise TimeoutError
        if self.cancelled():
            raise CancelledError

    def _wait(self, is_so: Callable[[], bool], timeout: float | None) -> bool:
        """Waits until ``is_so``, which has to be made so before :meth:`_tell` is called; says whether it is."""
        deadline = None if timeout is None else time.monotonic() + timeout
        told: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._told.append(told)
        try:
            while not is_so():
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                try:
                    told.get(timeout=left)
                except queue.Empty:
                    return is_so()
            return True
        finally:
            self._told.remove(told)

    def _tell(self) -> None:
        # A copy, made in one step: who comes later sees for himself that it is so.
        for told in tuple(self._told):
            told.put(None)
