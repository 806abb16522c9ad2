"""A stand-in for the queue that is written in C."""

from __future__ import annotations

import copyreg
from sys import _getframe
from typing import Any

from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER
from paramedic.record.frames import SYNC, owner_of
from paramedic.record.interrupts import NO_ROOM, reaches_program, without_us
from paramedic.record.probe import MARK, Probes, milliseconds

_NEW, _POST, _TAKE, _CALL, _RETURN, _RAISE = (
    int(k) for k in (Kind.NEW, Kind.POST, Kind.TAKE, Kind.CALL, Kind.RETURN, Kind.RAISE)
)
_EMPTY: dict[str, int] = {}


def simple_queue(probes: Probes, real: Any) -> Any:
    """A `queue.SimpleQueue` that records; executors' own ones are left alone, their futures say it all.

    Args:
        probes: where to record.
        real: what ``queue.SimpleQueue`` was.

    Threads: the result behaves like the original; recording never blocks, also in a finalizer.
    """
    row, new_id, stack_of, frame_of = probes.row, probes.new_id, probes.stacks.of, _getframe
    no_room, is_programs, hide = NO_ROOM, reaches_program, without_us
    real_put, real_get, real_new = real.put, real.get, real.__new__
    wait_op, new_op = NUMBER["SimpleQueue.get"], NUMBER["SimpleQueue.__init__"]

    def put(self: Any, item: Any, block: bool = True, timeout: float | None = None) -> None:
        try:
            row(_POST, 0, self._paramedic_id_, 0, id(item), getattr(item, "__dict__", _EMPTY).get(MARK, 0))
        except BaseException as e:
            if type(e) not in no_room and is_programs(e):
                raise
        try:
            real_put(self, item, block, timeout)
        except BaseException as e:
            hide(e)
            raise

    def get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
        given = 0
        try:
            given = self._paramedic_id_
            row(_CALL, wait_op, given, stack_of(frame_of(1)), milliseconds(timeout) if block else 0, 0)
        except BaseException as e:
            if type(e) not in no_room and is_programs(e):
                raise
        try:
            item = real_get(self, block, timeout)
        except BaseException as e:
            tell(_RAISE, wait_op, given, 0)
            hide(e)
            raise
        tell(_TAKE, 0, given, id(item))
        tell(_RETURN, wait_op, given, 0)
        return item

    def tell(kind: int, op: int, given: int, a: int) -> None:
        try:
            row(kind, op, given, 0, a, 0)
        except BaseException as e:
            if type(e) not in no_room and is_programs(e):
                raise

    def put_nowait(self: Any, item: Any) -> None:
        put(self, item, False)

    def get_nowait(self: Any) -> Any:
        try:
            return get(self, False)
        except BaseException as e:
            hide(e)
            raise

    def __new__(cls: Any, *arguments: Any, **keywords: Any) -> Any:
        frame = frame_of(1)
        try:
            ours = not (cls is watched and owner_of(frame.f_code) >= SYNC)
            made = real_new(cls, *arguments, **keywords) if ours else real(*arguments, **keywords)
        except BaseException as e:
            hide(e)
            raise
        if ours:
            try:
                made._paramedic_id_ = given = new_id()
                row(_NEW, new_op, given, stack_of(frame), 0, 0)
            except BaseException as e:
                if type(e) not in no_room and is_programs(e):
                    raise
        return made

    members: dict[str, Any] = {
        "put": put,
        "get": get,
        "put_nowait": put_nowait,
        "get_nowait": get_nowait,
    }
    for name, mine in members.items():
        theirs = getattr(real, name)
        mine.__wrapped__, mine.__doc__, mine.__qualname__ = theirs, theirs.__doc__, theirs.__qualname__
    members |= {
        "__new__": __new__,
        "__slots__": ("_paramedic_id_",),
        "__doc__": real.__doc__,
        "__module__": real.__module__,
        "__reduce_ex__": _refuse_pickling,
        "__dir__": _names,
    }
    watched = _Kind(real.__name__, (real,), members | {"_real": real})
    return watched


def _names(self: Any) -> list[str]:
    return [name for name in object.__dir__(self) if name not in ("_paramedic_id_", "_real")]


def _refuse_pickling(self: Any, _: int) -> Any:
    kind = type(self)
    name = f"{kind.__module__}.{kind.__qualname__}" if "_real" in kind.__dict__ else kind.__name__
    try:
        raise TypeError(f"cannot pickle {name!r} object")
    except TypeError as e:
        without_us(e)
        raise


class _Kind(type):
    """Answers for the stand-in as the original would; those that inherit from it answer for themselves."""

    def __instancecheck__(cls, thing: object) -> bool:
        # queues that are not watched (an executor's) are of this type, too
        return super().__instancecheck__(thing) or type(thing) is cls.__dict__.get("_real")

    @property
    def __signature__(cls) -> Any:
        if "_real" not in cls.__dict__:
            raise AttributeError("__signature__")
        import inspect

        return inspect.signature(cls.__dict__["_real"])


def _reduced(kind: _Kind) -> Any:
    if "_real" not in kind.__dict__:
        return kind.__qualname__  # as for any class: by its name
    return _simple_queue_type, ()


def _simple_queue_type() -> Any:
    """What a pickled ``queue.SimpleQueue`` is in the process that loads it."""
    import queue

    return queue.SimpleQueue


copyreg.pickle(_Kind, _reduced)
