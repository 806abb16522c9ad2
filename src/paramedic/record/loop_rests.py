"""Event loops that stand still: what each of their tasks waits for.

A task that waits is in no thread's stack, so nobody outside sees it. A loop with nothing to do, no timer set and no
socket to listen to asks its selector to wait without a limit: only another thread can end that. Where nothing has come
for `REST_S` it is noted once which tasks there are, where each of them is, and what for. The loop sleeps as long as
ever: the first second of it is just asked for apart, of the same selector, and what is ready then is still ready.

Threads: the probes run in the loop's thread; nothing here blocks but that first second of what would have blocked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from sys import _getframe
from types import FrameType
from typing import Any

from paramedic.model.event import TASK_BITS, Kind, State, TaskWait
from paramedic.record.asyncio_tasks import number_of
from paramedic.record.frames import STDLIB, owner_of
from paramedic.record.interrupts import reaches_program
from paramedic.record.patches import Guard, Target
from paramedic.record.probe import Probes

REST_S = 1.0
_MOST_TASKS, _MOST_FRAMES, _MOST_LOOKS = 100, 50, 1000
_AWAITED = {
    "Queue.get": TaskWait.GET,
    "Queue.put": TaskWait.PUT,
    "Queue.join": TaskWait.JOIN,
    "Lock.acquire": TaskWait.LOCK,
    "Semaphore.acquire": TaskWait.ASKED,
    "Event.wait": TaskWait.EVENT,
    "Condition.wait": TaskWait.CONDITION,
    "Barrier._block": TaskWait.BARRIER,
    "Barrier._wait": TaskWait.BARRIER,
    "TaskGroup.__aexit__": TaskWait.TASKS,
    "TaskGroup._aexit": TaskWait.TASKS,
    "_wait": TaskWait.TASKS,
}


def loop_rests(probes: Probes, selectors: Any, events: Any) -> Iterator[Target]:
    """The probe of the selector by which event loops wait.

    Threads: the thread that starts a recording, or that imports asyncio.
    """
    owner = next(cls for cls in selectors.DefaultSelector.__mro__ if "select" in vars(cls))
    select: Callable[[Any, float], list[Any]] = owner.select
    row, trouble, looks = probes.row, probes.trouble, iter(range(_MOST_LOOKS))
    state, rests = int(Kind.STATE), int(State.LOOP_RESTS)

    def enter(selector: Any) -> bool | None:
        try:
            if _getframe(2).f_code.co_name != "_run_once":
                return None
            loop: Any = events._get_running_loop()
            if loop is None or getattr(loop, "_selector", loop) is not selector:
                return None
            if getattr(loop, "_signal_handlers", None):
                return None
            if len(selector.get_map()) > 1:  # besides the loop's own pipe: whoever may call in is not known
                return None
            if select(selector, REST_S) or next(looks, None) is None:
                return None
            return _look(probes, loop)
        except BaseException as e:  # of Ctrl-C it is more likely here than in any other probe: here time passes
            if reaches_program(e):
                raise
            trouble("select", e)
            return None

    def goes_on(token: Any, ready: Any) -> Any:
        try:
            row(state, rests, 0, 0, 0, 0)
        except Exception as e:
            trouble("select", e)
        return ready

    yield Target(owner, "select", enter, goes_on, guard=Guard("timeout is None", {}))


def _look(probes: Probes, loop: Any) -> bool | None:
    """Note what the loop's tasks wait for; None if there are too many."""
    tasks = sys.modules["asyncio.tasks"].all_tasks(loop)
    if not 0 < len(tasks) <= _MOST_TASKS:
        return None
    state, waits = int(Kind.STATE), int(State.TASK_WAITS)
    probes.row(state, int(State.LOOP_RESTS), 0, 0, len(tasks), 1)
    for task in sorted(tasks, key=id):
        frames = _frames(task)
        what, thing, awaited = _awaited(task, frames)
        obj = probes.id_of(thing) if thing is not None else 0
        site = probes.stacks.of_frames(reversed(frames))
        probes.row(state, waits, obj, site, number_of(task) | awaited << TASK_BITS, what)
    return True


def _frames(task: Any) -> list[FrameType]:
    """Those of the coroutines in which a task is, outermost first."""
    found: list[FrameType] = []
    here = task.get_coro()
    while here is not None and len(found) < _MOST_FRAMES:
        for prefix, inner in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            frame = getattr(here, f"{prefix}_frame", None)
            if frame is not None:
                found.append(frame)
                here = getattr(here, inner, None)
                break
        else:
            break
    return found


def _awaited(task: Any, frames: list[FrameType]) -> tuple[int, Any, int]:
    """What a task waits for: which kind of thing, that thing or None, and the number of the task that it is or 0."""
    found: tuple[int, Any] | None = None
    outer = ""
    for frame in reversed(frames):
        code = frame.f_code
        if owner_of(code) != STDLIB:
            break
        what, outer = _AWAITED.get(code.co_qualname), code.co_name
        if what is not None:  # of a function of asyncio's alone: before Python 3.13 a frame keeps what is asked for
            found = what, frame.f_locals.get("self") if what != TaskWait.TASKS else None
    if found is not None:
        by_with = found[0] == TaskWait.ASKED and outer == "__aenter__"
        return TaskWait.SLOT if by_with else found[0], found[1], 0
    future = getattr(task, "_fut_waiter", None)
    if hasattr(future, "get_coro"):
        return TaskWait.TASKS, None, number_of(future)
    return TaskWait.TASKS if type(future).__name__ == "_GatheringFuture" else TaskWait.OTHER, None, 0
