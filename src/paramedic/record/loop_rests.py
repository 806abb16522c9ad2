"""Event loops that stand still: what each of their tasks waits for.

A task that waits is in no thread's stack, so nobody outside sees it. A loop with nothing to do, no timer set and no
socket to listen to asks its selector to wait without a limit: only another thread can end that. Where nothing has come
for `REST_S` it is noted once which tasks there are, where each of them is, and what for. The loop sleeps as long as
ever: the first second of it is just asked for apart, of the same selector, and what is ready then is still ready.

A loop with a heartbeat is never without a timer. Where all timers are those of tasks that sleep, and no other task has
moved for as long, this is noted, too: whether the sleepers may wake one is for those to say who read the recording.

Threads: the probes run in the loop's thread; nothing here blocks but that first second of what would have blocked.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from sys import _getframe
from time import monotonic
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary, ref

from paramedic.model.event import TASK_BITS, TICKS, Kind, State, TaskWait
from paramedic.record.asyncio_tasks import number_of
from paramedic.record.frames import STDLIB, owner_of
from paramedic.record.interrupts import reaches_program
from paramedic.record.patches import Guard, Target
from paramedic.record.probe import Probes

REST_S = 1.0
_SHORTEST_S, _BETWEEN_LOOKS_S = 0.02, 0.25
"""Sleeps of a loop that has timers: it is looked at before one of this length, and not more often than that."""
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

    ticking: WeakKeyDictionary[Any, _Still] = WeakKeyDictionary()

    def ticks(loop: Any, rested: bool) -> None:
        now_s = monotonic()
        known = ticking.get(loop)
        if known is None:
            known = ticking[loop] = _Still()
        if rested and now_s < known.due_s:
            return
        known.due_s = now_s + _BETWEEN_LOOKS_S
        tasks = _tasks(loop) if rested else set()
        sleep = _sleepers(loop, tasks) if 0 < len(tasks) <= _MOST_TASKS else None
        others = tasks - sleep[0] - sleep[1] if sleep is not None else None
        if known.goes_on(others, now_s):
            row(state, rests, 0, 0, 0, 0)
        elif sleep is not None and not known.told and now_s - known.since_s >= REST_S and next(looks, None) is not None:
            known.told = True
            _look(probes, tasks - sleep[1], sleep[0])

    def enter(selector: Any, timeout: float | None) -> bool | None:
        try:
            if _getframe(2).f_code.co_name != "_run_once":
                return None
            loop: Any = events._get_running_loop()
            if loop is None or getattr(loop, "_selector", loop) is not selector:
                return None
            # besides the loop's own pipe: whoever may call in is not known
            alone = not getattr(loop, "_signal_handlers", None) and len(selector.get_map()) < 2
            if timeout is not None:
                ticks(loop, alone)
                return None
            if loop in ticking:
                ticks(loop, False)
            if not alone:
                return None
            if select(selector, REST_S) or next(looks, None) is None:
                return None
            return _look(probes, _tasks(loop))
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

    long_enough = Guard(f"timeout is None or timeout > {_SHORTEST_S}", {})
    yield Target(owner, "select", enter, goes_on, guard=long_enough, parameters=("timeout",))


class _Still:
    """A loop that has timers, and those of its tasks that have not moved.

    Attributes:
        due_s: when it is to be looked at again.
        since_s: since when none but the sleepers has moved.
        told: whether that was noted.
    """

    def __init__(self) -> None:
        self.due_s = self.since_s = 0.0
        self.told = False
        self._waits: frozenset[Any] | None = None

    def goes_on(self, others: set[Any] | None, now_s: float) -> bool:
        """Note who but the sleepers waits now; whether it was noted that the loop rests, and it does so no more."""
        # a task that has moved waits for another future, even if that is where the former one was
        waits = None if others is None else frozenset((ref(task), ref(task._fut_waiter)) for task in others)
        if waits is not None and waits == self._waits:
            return False
        was_told, self.told = self.told, False
        self._waits, self.since_s = waits, now_s
        return was_told


def _tasks(loop: Any) -> set[Any]:
    found: set[Any] = sys.modules["asyncio.tasks"].all_tasks(loop)
    return found


def _sleepers(loop: Any, tasks: set[Any]) -> tuple[set[Any], set[Any]] | None:
    """The tasks that the timers of a loop are for, and those that these wait for no longer than that.

    None if some timer is not for a task, or a task does not wait.
    """
    if len(loop._scheduled) > _MOST_TASKS or any(task._fut_waiter is None for task in tasks):
        return None
    waiting = {id(task._fut_waiter): task for task in tasks}
    limited = set()
    for task in tasks:
        for called, _ in task._callbacks or ():  # wait_for() before Python 3.12 has the future of its timer there
            given = getattr(called, "args", None)
            if given and id(given[0]) in waiting and owner_of(called.func.__code__) == STDLIB:
                limited.add(task)
    found = set()
    for timer in loop._scheduled:
        if timer._cancelled:
            continue
        task = waiting.get(id(timer._args[0])) if timer._args else None
        if task is None:  # asyncio.timeout(), and wait_for() since Python 3.12
            owner: Any = getattr(timer._callback, "__self__", None)
            task = owner._task if type(owner).__module__ == "asyncio.timeouts" else None
        code = getattr(task.get_coro(), "cr_code", None) if task in tasks else None
        if code is None or owner_of(code) == STDLIB:
            return None
        found.add(task)
    return found, limited


def _look(probes: Probes, tasks: set[Any], sleepers: set[Any] | None = None) -> bool | None:
    """Note what a loop's tasks wait for; None if there are too many."""
    if not 0 < len(tasks) <= _MOST_TASKS:
        return None
    state, waits = int(Kind.STATE), int(State.TASK_WAITS)
    probes.row(state, int(State.LOOP_RESTS), 0, 0, len(tasks), TICKS if sleepers is not None else 1)
    for task in sorted(tasks, key=id):
        frames = _frames(task)
        sleeps = sleepers is not None and task in sleepers
        what, thing, awaited = (TaskWait.TIMER, None, 0) if sleeps else _awaited(task, frames)
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
            # what waits for the next item of an asynchronous generator tells the generator to the collector alone
            here = next((o for o in gc.get_referents(here) if hasattr(o, "ag_frame")), None)
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
