"""The threads of a pool that are neither readers nor the clock: one per job, counted, and waited for at the end."""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from paramedic.safe.hand import Hand
from paramedic.safe.signal_safe import SignalSafeLock

_T = TypeVar("_T")
_LOG = logging.getLogger("paramedic.safe")


def begin(thread: threading.Thread) -> None:
    """Starts a thread. Before Python 3.12 an interpreter that takes everything down would wait for it for ever.

    Raises:
        RuntimeError: none can be started, or none would run any more.

    Threads: any thread; it does not block.
    """
    if sys.is_finalizing():
        raise RuntimeError("the interpreter is on its way out")
    thread.start()


class Crew:
    """Starts daemon threads for jobs that block, and one that makes callbacks in order.

    Threads: every method may be called by any thread.
    """

    def __init__(self, name: str) -> None:
        """Makes a crew without threads.

        Threads: any thread; it does not block.
        """
        self._name = name
        self._lock = SignalSafeLock()
        self._threads: set[threading.Thread] = set()
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._courier: threading.Thread | None = None
        self._closed = False
        self._hand = Hand(f"{name}-hand")

    def ask(self, job: Callable[[], _T]) -> _T:
        """Does ``job`` where no signal's handler can break it off, and returns what it returns.

        Raises:
            Exception: what ``job`` raises.

        Threads: any thread; it blocks for as long as ``job`` takes.
        """
        return self._hand.ask(job)

    def tell(self, job: Callable[[], None]) -> None:
        """As :meth:`ask`, but what the main thread asks for is done soon, and before all that it asks for later.

        Threads: any thread; for the main thread it does not block.
        """
        self._hand.tell(job)

    def undo(self, job: Callable[[], None], is_done: Callable[[], bool]) -> None:
        """Has ``job`` done in the ``finally`` of a generator.

        The garbage collector ends a generator that nobody has any more in the middle of anything that any thread does,
        also of a decision; then ``job`` is done soon, by the courier. And where a signal's handler breaks it off before
        it is begun, it is done again.

        Args:
            job: gives back what somebody had; it may be done twice.
            is_done: whether it was.

        Threads: any thread; it blocks for as long as ``job`` takes.
        """
        if isinstance(sys.exc_info()[1], GeneratorExit):
            self.deliver(job)
            return
        try:
            job()
        finally:
            if not is_done():
                job()

    def abandon_after_fork(self) -> None:
        """In a forked child: its threads are not there.

        Threads: the child's only thread; it does not block.
        """
        self._lock = SignalSafeLock()
        self._hand.abandon_after_fork()
        self._courier = None
        self._calls = queue.SimpleQueue()  # who wanted to be called is the parent
        self._threads = set()

    def start(self, what: str, job: Callable[[], None], *, or_here: bool = False) -> threading.Thread | None:
        """Does ``job`` on a new thread named after ``what``. An exception in it is logged.

        Args:
            what: names the thread.
            job: what to do.
            or_here: do it on this thread where no new one can be had: Python 3.12 starts none once the interpreter is
                on its way out, and remote processes are ended all the same. Otherwise the job is then not done.

        Returns:
            The thread, or None if there is none.

        Threads: any thread; it does not block, unless the job is done here and does.
        """

        def work() -> None:
            try:
                job()
            except Exception:
                _LOG.exception("%s of %s failed", what, self._name)
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=work, name=f"{self._name}-{what}", daemon=True)
        with self._lock:
            self._threads.add(thread)
        try:
            begin(thread)
        except RuntimeError:
            with self._lock:
                self._threads.discard(thread)
            if or_here:
                job()
            else:
                _LOG.debug("%s of %s is not done: no thread can be started", what, self._name)
            return None
        return thread

    def has(self, thread: threading.Thread) -> bool:
        """Whether a thread does one of the crew's jobs.

        Threads: any thread; it does not block.
        """
        return thread in self._threads

    def deliver(self, call: Callable[[], None]) -> None:
        """Has ``call`` made by the crew's courier, after all that were handed over before.

        Threads: any thread, the readers of connections included; it does not block.
        """
        with self._lock:
            if not self._closed and (self._courier is None or not self._courier.is_alive()):
                self._courier = threading.Thread(target=self._carry, name=f"{self._name}-callbacks", daemon=True)
                try:
                    begin(self._courier)
                except RuntimeError:  # see start()
                    self._courier = None
            if self._courier is not None:
                self._calls.put(call)
                return
        self._make(call)

    def _carry(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                self._calls.put(None)  # the garbage collector may have asked for another one in the middle of start()
                return
            self._make(call)

    def _make(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            _LOG.exception("a callback of %s failed", self._name)

    def close(self, timeout: float) -> list[str]:
        """Waits ``timeout`` seconds at most for all jobs; returns the names of threads that still work.

        Threads: any thread. It blocks, for its own threads excepted.
        """
        deadline = time.monotonic() + timeout
        hand = self._hand.close()
        with self._lock:
            self._closed = True
            courier, self._courier = self._courier, None
            threads = set(self._threads)
            if hand is not None:
                threads.add(hand)
            if courier is not None:
                self._calls.put(None)
                threads.add(courier)
        threads.discard(threading.current_thread())
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [thread.name for thread in threads if thread.is_alive()]
