"""The threads of a pool that are neither readers nor the clock: one per job, counted, and waited for at the end."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

_LOG = logging.getLogger("paramedic.safe")


class Crew:
    """Starts daemon threads for jobs that block, and one that makes callbacks in order.

    Threads: every method may be called by any thread.
    """

    def __init__(self, name: str) -> None:
        """Makes a crew without threads.

        Threads: any thread; it does not block.
        """
        self._name = name
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._courier: threading.Thread | None = None
        self._closed = False

    def start(self, what: str, job: Callable[[], None]) -> threading.Thread:
        """Does ``job`` on a new thread named after ``what``. An exception in it is logged.

        Threads: any thread; it does not block.
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
        thread.start()
        return thread

    def deliver(self, call: Callable[[], None]) -> None:
        """Has ``call`` made by the crew's courier, after all that were handed over before.

        Threads: any thread, the readers of connections included; it does not block.
        """
        with self._lock:
            if self._courier is None or not self._courier.is_alive():
                self._courier = threading.Thread(target=self._carry, name=f"{self._name}-callbacks", daemon=True)
                self._courier.start()
            self._calls.put(call)

    def _carry(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                return
            try:
                call()
            except Exception:
                _LOG.exception("a callback of %s failed", self._name)

    def close(self, timeout: float) -> list[str]:
        """Waits ``timeout`` seconds at most for all jobs; returns the names of threads that still work.

        Threads: any thread. It blocks, for its own threads excepted.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            courier, self._courier = self._courier, None
            threads = set(self._threads)
            if courier is not None:
                self._calls.put(None)
                threads.add(courier)
        threads.discard(threading.current_thread())
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [thread.name for thread in threads if thread.is_alive()]
