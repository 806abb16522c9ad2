"""Locks of the program's: stand-ins for the two lock types that are written in C.

Only locks that the program itself makes are stood in for. Those of the standard library's and Paramiko's inner workings
stay what they are: their owners are modelled at the level of their API. The stand-ins pass CPython's own lock tests.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from sys import _getframe
from types import FrameType, FunctionType
from typing import Any, NamedTuple

from paramedic.model.event import Kind, State
from paramedic.model.operations import NUMBER
from paramedic.record.frames import OURS, owner_of
from paramedic.record.paramiko_calls import Target
from paramedic.record.probe import Probes, milliseconds

_WAIT, _GOT, _GAVE_UP, _FREE, _NEW, _STATE = (
    int(k) for k in (Kind.WAIT, Kind.GOT, Kind.GAVE_UP, Kind.FREE, Kind.NEW, Kind.STATE)
)
_BEFORE = int(State.BEFORE)


TRIED = 2
"""``a`` of a GOT: the lock was taken without, or with limited, willingness to wait, so this cannot close a deadlock."""


class StandIns(NamedTuple):
    """What makes the program's locks watched ones.

    Attributes:
        replaced: by name, what takes the place of an attribute of `threading`.
        targets: functions of `threading` that get probes.
        watched_rlock: makes an RLock that is watched.
        around: makes a stand-in around a lock that was there before the recording.
        kinds: the classes of the stand-ins; ``_real`` of one is what it stands for, ``_id`` its id.
    """

    replaced: dict[str, Any]
    targets: list[Target]
    watched_rlock: Callable[[], Any]
    around: Callable[[Any], Any]
    kinds: tuple[type[Any], type[Any]]


def stand_ins(probes: Probes, threading: Any) -> StandIns:
    """Have ``Lock`` and ``RLock`` of `threading` give locks that record what the program does with them.

    Args:
        probes: where to record.
        threading: the module as it is without us.

    Threads: the results behave like the originals; recording never blocks.
    """
    real_lock, real_rlock = threading.Lock, threading.RLock
    row, stack_of, new_id = probes.row, probes.stacks.of, probes.new_id
    lock_op, rlock_op = NUMBER["Lock.__init__"], NUMBER["RLock.__init__"]
    lock_type, rlock_type = type(real_lock()), type(real_rlock())
    frame_of = _getframe  # our globals may be gone when the program's last finalizers use their locks

    class WatchedLock(metaclass=_kind_of(lock_type)):  # type: ignore[metaclass]
        """A lock that records who waits for it, takes it and lets it go."""

        __slots__ = ("__weakref__", "_id", "_real")

        def __init__(self, maker: FrameType, real: Any) -> None:
            self._real = real
            self._id = new_id()
            row(_NEW, lock_op, self._id, stack_of(maker), 0, 0)

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            real, given = self._real, self._id
            if (blocking and timeout == -1) and real.acquire(False):
                row(_GOT, 0, given, stack_of(frame_of(1)), 0, 0)
                return True
            if not blocking:
                got: bool = real.acquire(blocking, timeout)
                if got:
                    row(_GOT, 0, given, stack_of(frame_of(1)), TRIED, 0)
                return got
            limit = -1 if timeout == -1 else milliseconds(timeout)
            row(_WAIT, 0, given, stack_of(frame_of(1)), limit, 0)
            got = False
            try:
                got = real.acquire(blocking, timeout)
            finally:
                row(_GOT if got else _GAVE_UP, 0, given, stack_of(frame_of(1)), TRIED if limit >= 0 else 0, 0)
            return got

        def release(self) -> None:
            row(_FREE, 0, self._id, 0, 0, 0)
            self._real.release()

        def __enter__(self) -> bool:
            real, given = self._real, self._id
            if real.acquire(False):
                row(_GOT, 0, given, stack_of(frame_of(1)), 0, 0)
                return True
            row(_WAIT, 0, given, stack_of(frame_of(1)), -1, 0)
            got = False
            try:
                got = real.acquire()
            finally:
                row(_GOT if got else _GAVE_UP, 0, given, stack_of(frame_of(1)), 0, 0)
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

        @property  # type: ignore[misc]  # so isinstance says what it said
        def __class__(self) -> type:
            return lock_type

    class WatchedRLock(metaclass=_kind_of(rlock_type)):  # type: ignore[metaclass]
        """A re-entrant lock that records its outermost acquire and release."""

        __slots__ = ("__weakref__", "_depth", "_id", "_real")

        def __init__(self, maker: FrameType, real: Any) -> None:
            self._real = real
            self._depth = 0  # changed only by the owner
            self._id = new_id()
            row(_NEW, rlock_op, self._id, stack_of(maker), 0, 0)

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            real = self._real
            if real._is_owned() or not blocking:
                got: bool = real.acquire(blocking, timeout)
            elif timeout == -1 and real.acquire(False):
                got = True
            else:
                limit = -1 if timeout == -1 else milliseconds(timeout)
                row(_WAIT, 0, self._id, stack_of(frame_of(1)), limit, 0)
                got = False
                try:
                    got = real.acquire(blocking, timeout)
                finally:
                    if not got:
                        row(_GAVE_UP, 0, self._id, stack_of(frame_of(1)), 0, 0)
            if got:
                self._depth += 1
                if self._depth == 1:
                    row(_GOT, 0, self._id, stack_of(frame_of(1)), 0 if blocking and timeout == -1 else TRIED, 0)
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
            if self._depth:  # or it was taken before the recording began, when this was not in its place
                self._depth -= 1

        def __exit__(self, *_: object) -> None:
            self.release()

        # what Condition asks of its lock

        def _is_owned(self) -> bool:
            result: bool = self._real._is_owned()
            return result

        def _release_save(self) -> Any:
            if not self._real._is_owned():
                return self._real._release_save()  # an error
            row(_FREE, 0, self._id, 0, 0, 0)
            depth, self._depth = self._depth, 0
            return self._real._release_save(), depth

        def _acquire_restore(self, state: Any) -> None:
            self._real._acquire_restore(state[0])
            self._depth = state[1]
            row(_GOT, 0, self._id, stack_of(frame_of(1)), 0, 0)

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

        @property  # type: ignore[misc]
        def __class__(self) -> type:
            return rlock_type

    if not hasattr(real_rlock(), "locked"):  # before Python 3.14
        del WatchedRLock.locked
    if not hasattr(real_rlock(), "_recursion_count"):  # before Python 3.11.?
        del WatchedRLock._recursion_count
    for stand_in, real in ((WatchedLock, lock_type), (WatchedRLock, rlock_type)):
        stand_in.__qualname__, stand_in.__module__ = real.__qualname__, real.__module__
        # what the interpreter's error messages call it, in place of __name__: types in C have their module in it
        type.__dict__["__name__"].__set__(stand_in, f"{real.__module__}.{real.__qualname__}")
    lock = _Watched(WatchedLock, lock_type, probes)
    rlock = _Watched(WatchedRLock, rlock_type, probes)
    replaced = {"Lock": _maker("Lock", lock, real_lock)}
    targets: list[Target] = []
    if isinstance(real_rlock, FunctionType):
        targets.append((threading, "RLock", lambda: 0, rlock.in_place_of, lambda token, error: None, ()))
    else:
        replaced["RLock"] = _maker("RLock", rlock, real_rlock)
    make_rlock = getattr(threading, "_CRLock", None) or real_rlock
    kinds = (WatchedLock, WatchedRLock)

    def around(real: Any) -> Any:
        made = type.__call__(kinds[type(real) is not lock_type], None, real)
        # who holds it now is not known
        row(_STATE, _BEFORE, made._id, 0, int(repr(real).startswith("<locked")), 0)
        return made

    return StandIns(replaced, targets, lambda: type.__call__(WatchedRLock, frame_of(1), make_rlock()), around, kinds)


class _Watched:
    """Puts a stand-in around a lock that has just been made, where it is the program's."""

    def __init__(self, stand_in: type, real_type: type, probes: Probes) -> None:
        self.real_type = real_type
        self._stand_in, self._probes = stand_in, probes

    def around(self, real: Any, frame: FrameType) -> Any:
        """The lock to give to the caller, whose frame it is."""
        try:
            # the real type is another where somebody (gevent) has changed what `threading` makes
            if owner_of(frame.f_code) < OURS and type(real) is self.real_type:
                return type.__call__(self._stand_in, frame, real)
        except Exception as e:
            self._probes.trouble("lock", e)
        return real

    def in_place_of(self, _: Any, real: Any) -> Any:
        """The same as a probe for the end of the function that makes locks."""
        return self.around(real, _getframe(2))


def _kind_of(real_type: type) -> type[type]:
    """The metaclass of a stand-in: what the program asks of ``type(lock)`` is answered as the real type would."""

    class Kind(type):
        def __new__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> Any:
            if not bases:
                return super().__new__(cls, name, bases, members)
            # a class of the program's that inherits from `type(lock)`: of the real one, if that may be inherited from
            theirs = tuple(real_type if type(base) is cls else base for base in bases)
            try:
                return type(name, theirs, members)
            except TypeError as e:
                raise TypeError(str(e)) from None

        def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
            return real_type(*arguments, **keywords)  # type(lock)(): an error, or an unwatched lock

        @property
        def __name__(cls) -> str:  # type: ignore[override]
            return real_type.__name__

        def __instancecheck__(cls, thing: object) -> bool:
            return super().__instancecheck__(thing) or isinstance(thing, real_type)

        def __subclasscheck__(cls, kind: type) -> bool:
            return super().__subclasscheck__(kind) or issubclass(kind, real_type)

    return Kind


def _maker(name: str, watched: _Watched, real: Callable[..., Any]) -> Any:
    """What stands for ``threading.Lock``: the program's own callers get a watched lock, others a real one.

    It is of the sort that the original is: a built-in function, which does not become a method in a class, or, since
    Python 3.13, a class.
    """

    def made(frame: FrameType, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return watched.around(real(*arguments, **keywords), frame)

    if isinstance(real, type):
        return _standing_class(real, made)
    ours: Any = _BuiltIn(name, made)
    for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(ours, attribute, getattr(real, attribute, None))
    ours.__wrapped__ = real  # inspect.signature then says what it said
    return ours


class _BuiltIn:
    """Stands for a built-in function: not a function, because in a class it must not become a method."""

    __wrapped__: Callable[..., Any]

    def __init__(self, name: str, made: Callable[..., Any]) -> None:
        self._name, self._made = name, made

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._made(_getframe(1), arguments, keywords)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __reduce__(self) -> Any:
        return _lock_maker, (self._name,)


def _lock_maker(name: str) -> Any:
    """What a pickled ``threading.Lock`` is in the process that loads it."""
    import threading

    return getattr(threading, name)


def _standing_class(real: type, made: Callable[..., Any]) -> Any:
    class Meta(type):
        def __new__(cls, kind: str, bases: tuple[type, ...], members: dict[str, Any]) -> Any:
            if bases:
                raise TypeError(f"type '{real.__module__}.{real.__qualname__}' is not an acceptable base type")
            return super().__new__(cls, kind, bases, members)

        def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
            return made(_getframe(1), arguments, keywords)

        def __instancecheck__(cls, thing: object) -> bool:
            return isinstance(thing, real)

        def __subclasscheck__(cls, kind: type) -> bool:
            return kind is cls or issubclass(kind, real)

        def __repr__(cls) -> str:
            return repr(real)

        @property
        def __signature__(cls) -> Any:
            import inspect

            return inspect.signature(real)

    copyreg.pickle(Meta, lambda _: (_lock_maker, ("Lock",)))
    stand_in = Meta(real.__name__, (), {"__doc__": real.__doc__, "__module__": real.__module__, "__slots__": ()})
    stand_in.__qualname__ = real.__qualname__
    return stand_in
