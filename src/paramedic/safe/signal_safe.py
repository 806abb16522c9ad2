"""A lock, a condition and an event that a signal's handler may interrupt, and no other thread is hurt.

Python calls handlers on the main thread, after the next call of a C function or at the next start of a Python one; what
they raise (KeyboardInterrupt is only the best known) goes on from there. Between ``lock.acquire()`` and its ``try:``,
which is how Paramiko writes it (2.12 to 5.1), or in ``threading.Condition.__enter__`` and ``__exit__``, which are
written in Python (CPython issue 29988), the lock then stays taken for ever. The reader of the connection waits for it,
and with it everybody who uses the connection.

What does not depend on it: ``with`` and a lock of C, which is taken and let go in one step. So ``threading.Lock`` and
``RLock`` are fine wherever ``with`` is used, and are here for what is not.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections import deque
from operator import attrgetter
from typing import Any

_RLock: Any = _thread.RLock  # not threading.RLock(), which a program may have replaced
_acquire, _release_save, _acquire_restore = _RLock.acquire, _RLock._release_save, _RLock._acquire_restore


class SignalSafeLock(_RLock):  # type: ignore[misc]
    """A re-entrant lock: who gets an exception out of ``acquire`` does not have it, and who does not has it.

    From the return of ``acquire`` to the first call after it no handler is called, so ``lock.acquire()``, ``try:`` is
    one step. The other methods are C's.

    Threads: every method may be called by any thread.
    """

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As ``threading.RLock().acquire``.

        Threads: any thread; it blocks while another thread has the lock.
        """
        taken: list[bool] = []
        try:
            # One call of C that takes the lock and notes that it did; a handler comes before or after both.
            taken.extend(map(_acquire, (self,), (blocking,), (timeout,)))
        except BaseException:
            if taken and taken[0]:
                self.release()
            raise
        return taken[0]

    if sys.version_info >= (3, 14):  # `with` is a call there like any other; before, it takes a lock of C in one step
        __enter__ = acquire

    def _release_save(self) -> Any:
        saved: list[Any] = []
        try:
            saved.extend(map(_release_save, (self,)))
        except BaseException:
            if saved:
                _acquire_restore(self, saved[0])
            raise
        return saved[0]


class SignalSafeCondition(threading.Condition):
    """A ``threading.Condition`` on a :class:`SignalSafeLock`: ``with`` and ``wait`` leave it as they should.

    Who was struck in a wait is forgotten. ``threading.Condition`` may keep him among those who wait (3.11 to 3.14), and
    the next ``notify()``, which was meant for the one who waits, goes to him.

    Threads: as ``threading.Condition``.
    """

    _waiters: deque[Any]

    def __init__(self, lock: SignalSafeLock | None = None) -> None:
        """Takes the lock that it is to use, or makes one.

        Threads: any thread; it does not block.
        """
        # The base class would keep five of the lock's methods with each condition, and each command has one.
        self._lock = SignalSafeLock() if lock is None else lock
        self._waiters = deque()

    acquire = property(attrgetter("_lock.acquire"))
    release = property(attrgetter("_lock.release"))
    _release_save = property(attrgetter("_lock._release_save"))
    _acquire_restore = property(attrgetter("_lock._acquire_restore"))
    _is_owned = property(attrgetter("_lock._is_owned"))

    # `with` looks both up before it begins, and so calls the lock's own, without a step of Python between.
    __enter__ = property(attrgetter("_lock.__enter__"))
    __exit__ = property(attrgetter("_lock.__exit__"))

    def wait(self, timeout: float | None = None) -> bool:
        """As ``threading.Condition.wait``.

        Raises:
            RuntimeError: the calling thread does not have the lock.

        Threads: one that has the lock. It blocks.
        """
        if not self._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        waiter = _thread.allocate_lock()
        waiter.acquire()
        woken = False
        try:
            self._waiters.append(waiter)
            saved = self._release_save()
            try:
                if timeout is None:
                    came = waiter.acquire()
                else:
                    came = waiter.acquire(True, timeout) if timeout > 0 else waiter.acquire(False)
            finally:
                self._acquire_restore(saved)
            woken = came
            return woken
        finally:
            if not woken:
                try:
                    self._waiters.remove(waiter)
                except ValueError:  # it was notified, and nobody will know: another one may have to
                    self.notify()


class SignalSafeEvent(threading.Event):
    """A ``threading.Event`` that can be set whatever interrupted a thread that waited for it.

    Threads: as ``threading.Event``.
    """

    def __init__(self) -> None:
        """Makes an event that is not set.

        Threads: any thread; it does not block.
        """
        super().__init__()
        self._cond = SignalSafeCondition()
