"""Where an event loop's tasks were made whose coroutine is the standard library's, as that of ``asyncio.to_thread``.

``gather(*(asyncio.to_thread(…) for …))`` makes a task of each coroutine: when that submits its work, no line of the
user's own is on the stack but the one that runs the loop. The line that people look for is where the task was made.

Threads: the probes run in the loop's thread and do not block.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from sys import _getframe
from typing import Any

from paramedic.model.event import TASK_BITS, Kind, State
from paramedic.record.frames import LIBRARY, owner_of
from paramedic.record.patches import Target
from paramedic.record.probe import Probes

_TASK_MASK = (1 << TASK_BITS) - 1
_MADE_AT, _MADE_BY, _NUMBER = "_paramedic_made_at_", "_paramedic_made_by_", "_paramedic_number_"
_numbers = count(1)


def made_at(task: Any) -> int:
    """The stack that made a task; 0 for None, or where it is one of the user's own.

    Threads: any.
    """
    made: int = getattr(task, _MADE_AT, 0)
    return made


def lineage(task: Any) -> int:
    """The number of a task, and above its lowest 32 bits that of the task that made it; 0 for what is not known.

    Threads: the loop's.
    """
    return _numbered(task) | getattr(task, _MADE_BY, 0) << 32


def _numbered(task: Any) -> int:
    number: int = getattr(task, _NUMBER, 0)
    if not number:
        number = next(_numbers)
        try:
            setattr(task, _NUMBER, number)
        except AttributeError:  # somebody's own kind of task
            return 0
    return number


def running() -> Any:
    """The task that runs in this thread; None where none does.

    Threads: any.
    """
    events, tasks = sys.modules.get("asyncio.events"), sys.modules.get("asyncio.tasks")
    loop = events._get_running_loop() if events is not None else None
    return tasks.current_task(loop) if tasks is not None and loop is not None else None


def number_of(task: Any) -> int:
    """What tells a task from others, in `TASK_BITS`; 0 for None.

    Threads: any.
    """
    return (id(task) >> 4 & _TASK_MASK) if task is not None else 0


def task_births(probes: Probes, loop: Any) -> Iterator[Target]:
    """The probe of what makes tasks, of a class of event loops.

    Threads: the thread that starts a recording, or that imports asyncio.
    """
    stack_of, trouble = probes.stacks.of, probes.trouble

    def enter(_: Any, coroutine: Any) -> tuple[int, int] | None:
        try:
            code = getattr(coroutine, "cr_code", None)
            stack = stack_of(_getframe(2)) if code is not None and owner_of(code) > LIBRARY else 0
            maker = running()
            return stack, _numbered(maker) if maker is not None else 0
        except Exception as e:
            trouble("create_task", e)
            return None

    def made(token: tuple[int, int], task: Any) -> Any:
        try:
            for name, value in zip((_MADE_AT, _MADE_BY), token, strict=True):
                if value:
                    setattr(task, name, value)
        except AttributeError:  # somebody's own kind of task
            return task
        return task

    yield Target(loop, "create_task", enter, made, parameters=("coro",))


def coroutines_futures(probes: Probes, tasks: Any) -> Iterator[Target]:
    """The probe of what gives other threads a future of a coroutine.

    Threads: the thread that starts a recording, or that imports asyncio.
    """
    row, id_of, trouble = probes.row, probes.id_of, probes.trouble

    def enter(_: Any, loop: Any) -> Any:
        return loop

    def made(loop: Any, future: Any) -> Any:
        try:
            row(int(Kind.STATE), int(State.OF_COROUTINE), id_of(future), 0, id_of(loop), 0)
        except Exception as e:
            trouble("run_coroutine_threadsafe", e)
        return future

    yield Target(tasks, "run_coroutine_threadsafe", enter, made, parameters=("loop",))
