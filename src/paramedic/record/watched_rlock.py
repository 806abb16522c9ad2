"""The stand-in for ``threading.RLock``'s locks; see `paramedic.record.watched_lock`.

Threads: the stand-ins behave like the originals; recording never blocks.
"""

from __future__ import annotations

from sys import _getframe
from types import FrameType
from typing import Any

from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER
from paramedic.record.interrupts import NO_ROOM, from_the_start, reaches_program, without_us
from paramedic.record.probe import Probes, milliseconds
from paramedic.record.watched_lock import TRIED, attempts, called, is_loggings, telling, undoing

_WAIT, _GOT, _GAVE_UP, _FREE, _NEW = (int(k) for k in (Kind.WAIT, Kind.GOT, Kind.GAVE_UP, Kind.FREE, Kind.NEW))


def watched_rlock(probes: Probes, rlock_type: type, kind: type[type]) -> type:
    """The class of the stand-ins, which are made from the maker's frame and the real lock.

    Args:
        probes: where to record.
        rlock_type: the type of the real locks.
        kind: the stand-in's metaclass.

    Threads: pure.
    """
    row, stack_of, new_id = probes.row, probes.stacks.of, probes.new_id
    made_op = NUMBER["RLock.__init__"]
    # our globals may be gone when the program's last finalizers use their locks
    frame_of, no_room, is_programs, hide = _getframe, NO_ROOM, reaches_program, without_us
    tell, undo = telling(probes), undoing(probes)

    class WatchedRLock(metaclass=kind):  # type: ignore[metaclass]
        """A re-entrant lock that records its outermost acquire and release."""

        __slots__ = ("__weakref__", "_depth", "_id", "_real", "_takes")

        def __init__(self, maker: FrameType | None, real: Any) -> None:
            self._real = real
            self._takes = attempts(real)
            self._depth = 0  # changed only by the owner
            self._id = new_id()
            row(_NEW, made_op, self._id, stack_of(maker), 0, int(is_loggings(maker, real)))

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            got, depth = False, 0
            try:
                willing = blocking and timeout == -1
                if willing:
                    for got in self._takes:
                        break
                if not got:
                    real, waits = self._real, False
                    if blocking and not real._is_owned():
                        waits = True
                        tell(_WAIT, self._id, frame_of(1), -1 if willing else milliseconds(timeout))
                    try:
                        for got in map(real.acquire, (blocking,), (timeout,)):
                            break
                    finally:
                        if waits and not got:
                            tell(_GAVE_UP, self._id, frame_of(1), 0)
                if got:
                    self._depth = depth = self._depth + 1
                    if depth == 1:
                        row(_GOT, 0, self._id, stack_of(frame_of(1)), 0 if willing else TRIED, 0)
                return got
            except BaseException as e:
                if type(e) in no_room:
                    if not got:
                        got = self._real.acquire(blocking, timeout)
                    if got and not depth:
                        self._depth += 1
                    return got
                if not got:
                    hide(e)
                    raise
                if not is_programs(e):
                    return True
                if depth:
                    self._depth = depth - 1
                if depth > 1:
                    self._real.release()
                else:
                    undo(self._id, self._real)
                raise

        __enter__ = acquire

        @from_the_start
        def release(self) -> None:
            try:
                real = self._real
                if real._is_owned():
                    depth = self._depth
                    if depth == 1:
                        row(_FREE, 0, self._id, 0, 0, 0)
                    if depth:  # or it was taken before the recording began, when this was not in its place
                        self._depth = depth - 1  # nothing comes between this and the call of `release` below
            except BaseException as e:
                if self._depth:
                    self._depth -= 1
                self._real.release()
                if type(e) not in no_room and is_programs(e):
                    raise
                return
            try:
                real.release()
            except BaseException as e:
                hide(e)
                raise

        @from_the_start
        def __exit__(self, *_: object) -> None:
            try:
                real = self._real
                if real._is_owned():
                    depth = self._depth
                    if depth == 1:
                        row(_FREE, 0, self._id, 0, 0, 0)
                    if depth:  # or it was taken before the recording began, when this was not in its place
                        self._depth = depth - 1  # nothing comes between this and the call of `release` below
            except BaseException as e:
                if self._depth:
                    self._depth -= 1
                self._real.release()
                if type(e) not in no_room and is_programs(e):
                    raise
                return
            try:
                real.release()
            except BaseException as e:
                hide(e)
                raise

        # what Condition asks of its lock

        def _is_owned(self) -> bool:
            result: bool = self._real._is_owned()
            return result

        def _release_save(self) -> Any:
            real = self._real
            try:
                if not real._is_owned():
                    return real._release_save()  # an error
                tell(_FREE, self._id, frame_of(1), 0)
                depth, self._depth = self._depth, 0
                return real._release_save(), depth
            except BaseException as e:
                hide(e)
                raise

        @from_the_start
        def _acquire_restore(self, state: Any) -> None:
            try:
                self._real._acquire_restore(state[0])
                self._depth = state[1]
                row(_GOT, 0, self._id, stack_of(frame_of(1)), 0, 0)
            except BaseException as e:
                if not self._real._is_owned():
                    self._real._acquire_restore(state[0])
                self._depth = state[1]
                if type(e) not in no_room and is_programs(e):
                    raise

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

        def __reduce_ex__(self, protocol: Any) -> Any:
            try:
                return self._real.__reduce_ex__(protocol)
            except BaseException as e:
                hide(e)
                raise

        @property  # type: ignore[misc]
        def __class__(self) -> type:
            return rlock_type

    # which methods there are depends on the version of Python
    for name in ("locked", "_recursion_count"):
        if not hasattr(rlock_type, name):
            delattr(WatchedRLock, name)
    return called(WatchedRLock, rlock_type)
