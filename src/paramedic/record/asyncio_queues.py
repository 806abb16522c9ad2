"""What goes in and out of an event loop's queues, and who waits for them: a queue of clients is a pool.

All of it happens on the loop's one thread, so it hands nothing from thread to thread and is no call that blocks one:
the rows are states of the queue. Who waits or takes is a task of the loop's.

Threads: the probes run in the loop's thread and do not block.
"""

from __future__ import annotations

from collections.abc import Iterator
from sys import _getframe
from typing import Any

from paramedic.model.event import ASYNC_OURS, ASYNC_PUT, ASYNC_TASK_SHIFT, ASYNC_TOOK, ASYNC_WAITS, Kind, State
from paramedic.model.operations import NUMBER
from paramedic.record.asyncio_tasks import number_of, running
from paramedic.record.frames import LIBRARY, owner_of
from paramedic.record.patches import Target
from paramedic.record.probe import MARK, Probes

_EMPTY: dict[str, int] = {}


def async_queues(probes: Probes, queues: Any) -> Iterator[Target]:
    """The probes of ``asyncio.Queue`` and its kinds.

    Threads: the thread that starts a recording, or that imports asyncio.
    """
    row, id_of, stack_of, trouble = probes.row, probes.id_of, probes.stacks.of, probes.trouble
    state, what = int(Kind.STATE), int(State.ASYNC_QUEUE)
    probes.classes[queues.Queue] = NUMBER["Queue.__init__"]

    def put(queue: Any, item: Any) -> None:
        try:
            ours = ASYNC_OURS if getattr(item, "__dict__", _EMPTY).get(MARK, 0) else 0
            row(state, what, id_of(queue), 0, id(item), ASYNC_PUT | ours)
        except Exception as e:
            trouble("asyncio.Queue.put_nowait", e)

    def asked(queue: Any) -> Any:
        return queue

    def took(queue: Any, item: Any) -> Any:
        try:
            row(state, what, id_of(queue), stack_of(_getframe(2)), id(item), ASYNC_TOOK | _task())
        except Exception as e:
            trouble("asyncio.Queue.get_nowait", e)
        return item

    def looks(queue: Any) -> Any:
        return queue if _getframe(2).f_code.co_name == "get" else None

    def looked(queue: Any, empty: Any) -> Any:
        try:
            if empty:
                row(state, what, id_of(queue), stack_of(_getframe(2)), 0, ASYNC_WAITS | _task())
        except Exception as e:
            trouble("asyncio.Queue.get", e)
        return empty

    def born(thing: Any) -> None:
        try:
            frame: Any = _getframe(2)
            if frame.f_code.co_name == "__init__" and owner_of(frame.f_code) > LIBRARY:
                frame = frame.f_back  # a BoundedSemaphore is a Semaphore
            if owner_of(frame.f_code) <= LIBRARY:
                probes.adopt(thing, 0, 0, frame)
        except Exception as e:
            trouble("asyncio birth", e)

    yield Target(queues.Queue, "__init__", born)
    locks = queues.locks
    for name in ("Lock", "Semaphore", "Event", "Condition", "Barrier"):
        if hasattr(locks, name):
            probes.classes[getattr(locks, name)] = NUMBER[f"{name}.__init__"]
            yield Target(getattr(locks, name), "__init__", born)
    yield Target(queues.Queue, "put_nowait", put, parameters=("item",))
    yield Target(queues.Queue, "get_nowait", asked, took)
    yield Target(queues.Queue, "empty", looks, looked)


def _task() -> int:
    """What tells the running task from others, in the bits that are left."""
    return number_of(running()) << ASYNC_TASK_SHIFT
