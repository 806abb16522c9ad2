"""A thread that does what the main thread asks for, where no signal's handler can break it off."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from paramedic.safe.signal_safe import SignalSafeEvent

_T = TypeVar("_T")
_Job = Callable[[], None]
_REST_S = 5.0
"""How long it waits for more to do before it ends."""
_HASTE_S = 0.5
"""How long a job may take from when its wait was interrupted."""


def _does_it_itself() -> bool:
    # Also once the interpreter takes everything down: no thread but this one runs any more, and none would ever answer.
    return threading.current_thread() is not threading.main_thread() or sys.is_finalizing()


class Hand:
    """Does jobs of the main thread, in order; those of others are done where they are asked for.

    Python calls handlers on the main thread, between any two steps of it: Ctrl-C in the middle of a decision would lose
    other threads' commands, and in the middle of a packet their connection.

    Threads: every method may be called by any thread.
    """

    def __init__(self, name: str) -> None:
        """Makes a hand that has no thread yet.

        Threads: any thread; it does not block.
        """
        self._name = name
        # The garbage collector may come in the middle of what holds it, and close a channel, which asks for something.
        self._lock = threading.RLock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def ask(self, job: Callable[[], _T]) -> _T:
        """Does ``job`` to the end, and returns what it returns.

        Raises:
            Exception: what ``job`` raises.

        Threads: any thread; it blocks for as long as ``job`` takes.
        """
        if _does_it_itself():
            return job()
        answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

        def work() -> None:
            try:
                answers.put((job(), None))
            except BaseException as error:
                answers.put((None, error))

        if not self._hand_over(work):
            return job()
        found, error = answers.get()
        if error is not None:
            raise error
        return cast(_T, found)

    def finish(self, job: Callable[[], _T], give_up: _Job) -> _T:
        """As :meth:`ask`; a handler that interrupts it leaves ``job`` some time to end, and then calls ``give_up``.

        Raises:
            BaseException: what ``job`` raises, or the handler.

        Threads: any thread; it blocks for as long as ``job`` takes.
        """
        if _does_it_itself():
            return job()
        begun, over = SignalSafeEvent(), SignalSafeEvent()
        failures: list[BaseException] = []

        def work() -> _T:
            begun.set()
            try:
                return job()
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                over.set()

        try:
            return self.ask(work)
        except BaseException as error:
            if error not in failures and not over.wait(_HASTE_S) and begun.is_set():
                give_up()
            raise

    def tell(self, job: _Job) -> None:
        """As :meth:`ask`, but what the main thread asks for is done soon, and before all that it asks for later.

        Threads: any thread; for the main thread it does not block.
        """
        if _does_it_itself() or not self._hand_over(job):
            job()

    def _hand_over(self, job: _Job) -> bool:
        with self._lock:
            # In a forked child it is not there.
            if not self._closed and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # the interpreter is on its way out, or there are too many
                    self._thread = None
            if self._thread is None:
                return False
            self._jobs.put(job)
            return True

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_REST_S)
            except queue.Empty:
                # Who asks may be asking already, further down its own stack (see above), and must not be waited for.
                if not self._lock.acquire(blocking=False):
                    continue
                try:
                    if not self._jobs.empty():
                        continue
                    if self._thread is threading.current_thread():
                        self._thread = None
                finally:
                    self._lock.release()
                return
            if job is None:
                return
            job()
            del job

    def close(self) -> threading.Thread | None:
        """Has the thread end when it has done what it was asked for; returns it, if there is one.

        Threads: any thread, any number of times; it does not block.
        """
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
            if thread is not None:
                self._jobs.put(None)
            return thread

    def abandon_after_fork(self) -> None:
        """In a forked child: its thread is not there.

        Threads: the child's only thread; it does not block.
        """
        self._lock = threading.RLock()
        self._closed = True
        self._thread = None
