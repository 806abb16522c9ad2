"""The stand-in for ``threading.Lock``'s locks.

No exception of a signal handler leaves a lock taken that the program does not know of, or one free that it believes to
have: as with locks in C, see `paramedic.record.interrupts`.

Threads: the stand-ins behave like the originals; recording never blocks.
"""

from __future__ import annotations

import os
import sys
from _functools import partial  # type: ignore[import-not-found]
from collections.abc import Callable, Iterator
from sys import _getframe
from types import FrameType
from typing import Any

from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER
from paramedic.record.frames import STDLIB, owner_of
from paramedic.record.interrupts import NO_ROOM, from_the_start, reaches_program, without_us
from paramedic.record.probe import Probes, milliseconds

_WAIT, _GOT, _GAVE_UP, _FREE, _NEW = (int(k) for k in (Kind.WAIT, Kind.GOT, Kind.GAVE_UP, Kind.FREE, Kind.NEW))
_BLOCKING = (True,)
_LOGGING = os.sep + "logging" + os.sep
TRIED = 2
"""``a`` of a GOT: the lock was taken without, or with limited, willingness to wait, so this cannot close a deadlock."""


def is_loggings(maker: FrameType | None, real: Any) -> bool:
    """Whether a lock is one of `logging`'s, made by that frame, or by nobody knows whom before the recording.

    Threads: any.
    """
    if maker is not None:
        return owner_of(maker.f_code) == STDLIB and _LOGGING in maker.f_code.co_filename
    names = vars(sys.modules.get("logging", sys))
    handlers = [handler() for handler in list(names.get("_handlerList", ()))]
    return real is names.get("_lock") or any(real is getattr(handler, "lock", None) for handler in handlers if handler)


def attempts(real: Any) -> Iterator[bool]:
    """An endless iterator that tries to take a lock; an item comes to its variable with no signal handler between."""
    return iter(partial(real.acquire, False), None)


def watched_lock(probes: Probes, lock_type: type, kind: type[type]) -> type:
    """The class of the stand-ins, which are made from the maker's frame and the real lock.

    Args:
        probes: where to record.
        lock_type: the type of the real locks.
        kind: the stand-in's metaclass.

    Threads: pure.
    """
    row, stack_of, new_id = probes.row, probes.stacks.of, probes.new_id
    made_op = NUMBER["Lock.__init__"]
    # our globals may be gone when the program's last finalizers use their locks
    frame_of, no_room, is_programs, hide = _getframe, NO_ROOM, reaches_program, without_us
    tell, undo = telling(probes), undoing(probes)

    class WatchedLock(metaclass=kind):  # type: ignore[metaclass]
        """A lock that records who waits for it, takes it and lets it go."""

        __slots__ = ("__weakref__", "_id", "_real", "_takes")

        def __init__(self, maker: FrameType | None, real: Any) -> None:
            self._real = real
            self._takes = attempts(real)
            self._id = new_id()
            row(_NEW, made_op, self._id, stack_of(maker), 0, int(is_loggings(maker, real)))

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            got = False
            try:
                real, given = self._real, self._id
                if not blocking:
                    for got in map(real.acquire, (blocking,), (timeout,)):
                        break
                    if got:
                        row(_GOT, 0, given, stack_of(frame_of(1)), TRIED, 0)
                    return got
                if timeout == -1:
                    for got in self._takes:
                        break
                    if got:
                        row(_GOT, 0, given, stack_of(frame_of(1)), 0, 0)
                        return True
                limit = -1 if timeout == -1 else milliseconds(timeout)
                tell(_WAIT, given, frame_of(1), limit)
                try:
                    for got in map(real.acquire, (blocking,), (timeout,)):
                        break
                finally:
                    tell(_GOT if got else _GAVE_UP, given, frame_of(1), TRIED if limit >= 0 else 0)
                return got
            except BaseException as e:
                if type(e) in no_room:  # the caller is at the end of its own stack
                    return got or self._real.acquire(blocking, timeout)
                if not got:
                    hide(e)
                    raise
                if not is_programs(e):
                    return True
                undo(self._id, self._real)  # the caller cannot know that the lock is its own
                raise

        @from_the_start
        def release(self) -> None:
            try:
                row(_FREE, 0, self._id, 0, 0, 0)
            except BaseException as e:
                self._real.release()
                if type(e) not in no_room and is_programs(e):
                    raise
                return
            try:
                self._real.release()
            except BaseException as e:
                hide(e)
                raise

        def __enter__(self) -> bool:
            got = False
            try:
                given = self._id
                for got in self._takes:
                    break
                if got:
                    row(_GOT, 0, given, stack_of(frame_of(1)), 0, 0)
                    return True
                tell(_WAIT, given, frame_of(1), -1)
                try:
                    for got in map(self._real.acquire, _BLOCKING):
                        break
                finally:
                    tell(_GOT if got else _GAVE_UP, given, frame_of(1), 0)
                return True
            except BaseException as e:
                if type(e) in no_room:
                    return got or self._real.acquire()
                if not got:
                    hide(e)
                    raise
                if not is_programs(e):
                    return True
                undo(self._id, self._real)
                raise

        @from_the_start
        def __exit__(self, *_: object) -> None:
            try:
                row(_FREE, 0, self._id, 0, 0, 0)
            except BaseException as e:
                self._real.release()
                if type(e) not in no_room and is_programs(e):
                    raise
                return
            try:
                self._real.release()
            except BaseException as e:
                hide(e)
                raise

        def locked(self) -> bool:
            result: bool = self._real.locked()
            return result

        acquire_lock, release_lock, locked_lock = acquire, release, locked

        def _at_fork_reinit(self) -> None:
            self._real._at_fork_reinit()

        def __repr__(self) -> str:
            words: str = repr(self._real)
            return words

        def __reduce_ex__(self, protocol: Any) -> Any:
            try:
                return self._real.__reduce_ex__(protocol)
            except BaseException as e:
                hide(e)
                raise

        @property  # type: ignore[misc]  # so isinstance says what it said
        def __class__(self) -> type:
            return lock_type

    return called(WatchedLock, lock_type)


def called(stand_in: type, real: type) -> type:
    """The stand-in, called what the real type is called."""
    stand_in.__qualname__, stand_in.__module__ = real.__qualname__, real.__module__
    # what the interpreter's error messages call it, in place of __name__: types in C have their module in it
    type.__dict__["__name__"].__set__(stand_in, f"{real.__module__}.{real.__qualname__}")
    return stand_in


def telling(probes: Probes) -> Callable[[int, int, FrameType, int], None]:
    """A function that records kind, lock, place and ``a``, and raises nothing of ours.

    Threads: pure.
    """
    row, stack_of, no_room, is_programs = probes.row, probes.stacks.of, NO_ROOM, reaches_program

    def tell(kind: int, given: int, frame: FrameType, a: int) -> None:
        try:
            row(kind, 0, given, stack_of(frame), a, 0)
        except BaseException as e:
            if type(e) not in no_room and is_programs(e):
                raise

    return tell


def undoing(probes: Probes) -> Callable[[int, Any], None]:
    """A function that lets a lock go whose taker was interrupted, and so cannot know that it has it.

    Threads: pure.
    """
    row = probes.row

    @from_the_start
    def undo(given: int, real: Any) -> None:
        try:
            row(_FREE, 0, given, 0, 0, 0)
        finally:
            real.release()

    return undo
