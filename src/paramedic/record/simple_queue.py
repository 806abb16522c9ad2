"""A stand-in for the queue that is written in C."""

from __future__ import annotations

from sys import _getframe
from typing import Any

from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER
from paramedic.record.frames import PARAMIKO, owner_of
from paramedic.record.probe import Probes, milliseconds

_NEW, _POST, _TAKE, _CALL, _RETURN, _RAISE = (
    int(k) for k in (Kind.NEW, Kind.POST, Kind.TAKE, Kind.CALL, Kind.RETURN, Kind.RAISE)
)


def simple_queue(probes: Probes, real: Any) -> Any:
    """A `queue.SimpleQueue` that records; executors' own ones are left alone, their futures say it all.

    Args:
        probes: where to record.
        real: what ``queue.SimpleQueue`` was.

    Threads: the result behaves like the original; recording never blocks, also in a finalizer.
    """
    row, new_id, stack_of, frame_of = probes.row, probes.new_id, probes.stacks.of, _getframe
    real_put, real_get, real_new = real.put, real.get, real.__new__
    wait_op, new_op = NUMBER["SimpleQueue.get"], NUMBER["SimpleQueue.__init__"]

    def put(self: Any, item: Any, block: bool = True, timeout: float | None = None) -> None:
        row(_POST, 0, self._paramedic_id_, 0, id(item), 0)
        real_put(self, item, block, timeout)

    def get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
        given = self._paramedic_id_
        row(_CALL, wait_op, given, stack_of(frame_of(1)), milliseconds(timeout) if block else 0, 0)
        try:
            item = real_get(self, block, timeout)
        except BaseException:
            row(_RAISE, wait_op, given, 0, 0, 0)
            raise
        row(_TAKE, 0, given, 0, id(item), 0)
        row(_RETURN, wait_op, given, 0, 0, 0)
        return item

    def put_nowait(self: Any, item: Any) -> None:
        put(self, item, False)

    def get_nowait(self: Any) -> Any:
        return get(self, False)

    def __new__(cls: Any, *arguments: Any, **keywords: Any) -> Any:
        frame = frame_of(1)
        try:
            if cls is watched and owner_of(frame.f_code) >= PARAMIKO:
                return real(*arguments, **keywords)
        except Exception as e:
            probes.trouble("SimpleQueue", e)
        made = real_new(cls, *arguments, **keywords)
        made._paramedic_id_ = new_id()
        row(_NEW, new_op, made._paramedic_id_, stack_of(frame), 0, 0)
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
        "__reduce_ex__": lambda self, _: real.__reduce_ex__(self, 2),
    }
    watched = _Kind(real.__name__, (real,), members)
    watched._real = real
    return watched


class _Kind(type):
    """Says of queues that are not watched (an executor's) that they are of this type, too."""

    _real: type

    def __instancecheck__(cls, thing: object) -> bool:
        return super().__instancecheck__(thing) or type(thing) is cls.__dict__.get("_real")
