"""Locks of the program's: stand-ins for the two lock types that are written in C.

Only locks that the program itself makes are stood in for. Those of the standard library's and Paramiko's inner workings
stay what they are: their owners are modelled at the level of their API. The stand-ins pass CPython's own lock tests.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import _getframe
from typing import Any, NamedTuple

from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER
from paramedic.record.frames import OURS, owner_of
from paramedic.record.probe import Probes

_WAIT, _GOT, _GAVE_UP, _FREE, _NEW = (int(k) for k in (Kind.WAIT, Kind.GOT, Kind.GAVE_UP, Kind.FREE, Kind.NEW))


TRIED = 2
"""``a`` of a GOT: the lock was taken without, or with limited, willingness to wait, so this cannot close a deadlock."""


class StandIns(NamedTuple):
    """What takes the place of ``threading.Lock`` and ``threading.RLock``, and the watched RLock itself."""

    lock: Any
    rlock: Any
    watched_rlock: Any


def stand_ins(probes: Probes, real_lock: Callable[[], Any], real_rlock: Callable[[], Any]) -> StandIns:
    """``Lock`` and ``RLock`` for `threading` that record what the program does with the locks that it makes.

    Args:
        probes: where to record.
        real_lock: what ``threading.Lock`` was.
        real_rlock: what ``threading.RLock`` was.

    Threads: the results behave like the originals; recording never blocks.
    """
    row, stack_of, new_id = probes.row, probes.stacks.of, probes.new_id
    lock_op, rlock_op = NUMBER["Lock.__init__"], NUMBER["RLock.__init__"]
    lock_type, rlock_type = type(real_lock()), type(real_rlock())

    class WatchedLock:
        """A lock that records who waits for it, takes it and lets it go."""

        __slots__ = ("__weakref__", "_id", "_real")

        def __init__(self) -> None:
            self._real = real_lock()
            self._id = new_id()
            row(_NEW, lock_op, self._id, stack_of(_getframe(2)), 0, 0)

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            real, given = self._real, self._id
            if (blocking and timeout == -1) and real.acquire(False):
                row(_GOT, 0, given, stack_of(_getframe(1)), 0, 0)
                return True
            if not blocking:
                got: bool = real.acquire(blocking, timeout)
                if got:
                    row(_GOT, 0, given, stack_of(_getframe(1)), TRIED, 0)
                return got
            row(_WAIT, 0, given, stack_of(_getframe(1)), int(timeout * 1000) if timeout > 0 else -1, 0)
            got = False
            try:
                got = real.acquire(blocking, timeout)
            finally:
                row(_GOT if got else _GAVE_UP, 0, given, stack_of(_getframe(1)), TRIED if timeout > 0 else 0, 0)
            return got

        def release(self) -> None:
            row(_FREE, 0, self._id, 0, 0, 0)
            self._real.release()

        def __enter__(self) -> bool:
            real, given = self._real, self._id
            if real.acquire(False):
                row(_GOT, 0, given, stack_of(_getframe(1)), 0, 0)
                return True
            row(_WAIT, 0, given, stack_of(_getframe(1)), -1, 0)
            got = False
            try:
                got = real.acquire()
            finally:
                row(_GOT if got else _GAVE_UP, 0, given, stack_of(_getframe(1)), 0, 0)
            return True

        def __exit__(self, *_: object) -> None:
            row(_FREE, 0, self._id, 0, 0, 0)
            self._real.release()

        def locked(self) -> bool:
            result: bool = self._real.locked()
            return result

        acquire_lock, release_lock, locked_lock = acquire, release, locked

        def _at_fork_reinit(self) -> None:
            self._real._at_fork_reinit()

        def __repr__(self) -> str:
            words: str = repr(self._real)
            return words

        def __reduce_ex__(self, _: Any) -> Any:
            raise TypeError(f"cannot pickle '{lock_type.__module__}.{lock_type.__qualname__}' object")

        @property
        def __class__(self) -> type:
            return lock_type

        def __init_subclass__(cls) -> None:
            raise TypeError(f"type '{lock_type.__module__}.{lock_type.__qualname__}' is not an acceptable base type")

    class WatchedRLock:
        """A re-entrant lock that records its outermost acquire and release."""

        __slots__ = ("__weakref__", "_depth", "_id", "_real")

        def __init__(self) -> None:
            self._real = real_rlock()
            self._depth = 0  # changed only by the owner
            self._id = new_id()
            row(_NEW, rlock_op, self._id, stack_of(_getframe(2)), 0, 0)

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            real = self._real
            if real._is_owned() or not blocking:
                got: bool = real.acquire(blocking, timeout)
            elif timeout == -1 and real.acquire(False):
                got = True
            else:
                row(_WAIT, 0, self._id, stack_of(_getframe(1)), int(timeout * 1000) if timeout > 0 else -1, 0)
                got = False
                try:
                    got = real.acquire(blocking, timeout)
                finally:
                    if not got:
                        row(_GAVE_UP, 0, self._id, stack_of(_getframe(1)), 0, 0)
            if got:
                self._depth += 1
                if self._depth == 1:
                    row(_GOT, 0, self._id, stack_of(_getframe(1)), 0 if blocking and timeout == -1 else TRIED, 0)
            return got

        __enter__ = acquire

        def release(self) -> None:
            if self._depth == 1 and self._real._is_owned():
                row(_FREE, 0, self._id, 0, 0, 0)
                self._depth = 0
                try:
                    self._real.release()
                except BaseException:
                    self._depth = 1
                    raise
                return
            self._real.release()
            self._depth -= 1

        def __exit__(self, *_: object) -> None:
            self.release()

        # what Condition asks of its lock

        def _is_owned(self) -> bool:
            result: bool = self._real._is_owned()
            return result

        def _release_save(self) -> Any:
            row(_FREE, 0, self._id, 0, 0, 0)
            depth, self._depth = self._depth, 0
            return self._real._release_save(), depth

        def _acquire_restore(self, state: Any) -> None:
            self._real._acquire_restore(state[0])
            self._depth = state[1]
            row(_GOT, 0, self._id, stack_of(_getframe(1)), 0, 0)

        def _recursion_count(self) -> int:
            result: int = self._real._recursion_count()
            return result

        def locked(self) -> bool:
            result: bool = self._real.locked()
            return result

        def _at_fork_reinit(self) -> None:
            self._depth = 0
            self._real._at_fork_reinit()

        def __repr__(self) -> str:
            words: str = repr(self._real)
            return words

        def __reduce_ex__(self, _: Any) -> Any:
            raise TypeError(f"cannot pickle '{rlock_type.__module__}.{rlock_type.__qualname__}' object")

        @property
        def __class__(self) -> type:
            return rlock_type

    if not hasattr(real_rlock(), "locked"):  # before Python 3.14
        del WatchedRLock.locked
    if not hasattr(real_rlock(), "_recursion_count"):  # before Python 3.11.?
        del WatchedRLock._recursion_count
    for stand_in, real in ((WatchedLock, lock_type), (WatchedRLock, rlock_type)):
        stand_in.__name__, stand_in.__qualname__, stand_in.__module__ = (
            real.__name__,
            real.__qualname__,
            real.__module__,
        )
    return StandIns(
        _maker("Lock", WatchedLock, real_lock, lock_type, probes),
        _maker("RLock", WatchedRLock, real_rlock, rlock_type, probes),
        WatchedRLock,
    )


def _maker(name: str, watched: type, real: Callable[..., Any], real_type: type, probes: Probes) -> Any:
    """What stands for ``threading.Lock`` or ``RLock``: gives the program's own callers a watched lock, others a real one."""

    def make(*arguments: Any, **keywords: Any) -> Any:
        if arguments or keywords:
            return real(*arguments, **keywords)  # an error, or CPython's deprecated RLock arguments
        try:
            if owner_of(_getframe(1).f_code) < OURS:
                return watched()
        except Exception as e:
            probes.trouble("lock", e)
        return real()

    make.__name__ = make.__qualname__ = getattr(real, "__name__", name)
    make.__module__ = getattr(real, "__module__", "threading")
    make.__doc__ = getattr(real, "__doc__", None)
    if not isinstance(real, type):
        make.__wrapped__ = real  # type: ignore[attr-defined]  # inspect.signature then says what it said
        return make

    class Meta(type):
        def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
            if arguments or keywords:
                return real(*arguments, **keywords)
            try:
                if owner_of(_getframe(1).f_code) < OURS:
                    return watched()
            except Exception as e:
                probes.trouble("lock", e)
            return real()

        def __instancecheck__(cls, thing: object) -> bool:
            return isinstance(thing, real_type)

        def __subclasscheck__(cls, kind: type) -> bool:
            return kind is cls or issubclass(kind, real_type)

    stand_in = Meta(real.__name__, (), {"__doc__": real.__doc__, "__module__": real.__module__, "__slots__": ()})
    stand_in.__qualname__ = real.__qualname__
    return stand_in
