"""Where an event loop's tasks were made whose coroutine is the standard library's, as that of ``asyncio.to_thread``.

``gather(*(asyncio.to_thread(…) for …))`` makes a task of each coroutine: when that submits its work, no line of the
user's own is on the stack but the one that runs the loop. The line that people look for is where the task was made.

Threads: the probes run in the loop's thread and do not block.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from sys import _getframe
from typing import Any

from paramedic.model.event import TASK_BITS
from paramedic.record.frames import LIBRARY, owner_of
from paramedic.record.patches import Target
from paramedic.record.probe import Probes

_TASK_MASK = (1 << TASK_BITS) - 1
_MADE_AT = "_paramedic_made_at_"


def made_at() -> int:
    """The stack that made the task that runs in this thread; 0 where no task does, or it is one of the user's own.

    Threads: any.
    """
    made: int = getattr(running(), _MADE_AT, 0)
    return made


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


def task_births(probes: Probes, base_events: Any) -> Iterator[Target]:
    """The probe of what makes tasks.

    Threads: the thread that starts a recording, or that imports asyncio.
    """
    stack_of, trouble = probes.stacks.of, probes.trouble

    def enter(_: Any, coroutine: Any) -> int | None:
        try:
            code = getattr(coroutine, "cr_code", None)
            return stack_of(_getframe(2)) if code is not None and owner_of(code) > LIBRARY else None
        except Exception as e:
            trouble("create_task", e)
            return None

    def made(stack: int, task: Any) -> Any:
        try:
            setattr(task, _MADE_AT, stack)
        except AttributeError:  # somebody's own kind of task
            return task
        return task

    yield Target(base_events.BaseEventLoop, "create_task", enter, made, parameters=("coro",))
