"""Event loops that rest, and when nothing is left that could wake one of them.

A loop that rests has no timer and no socket: only another thread can give it anything to do. Where every other thread
waits, too, or is another loop that rests, or an idle worker, what its tasks wait for never comes. A loop that has no
timers but those of a heartbeat, say, rests as well, if its source tells that the heartbeat wakes nobody.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramedic.analysis.forsaken import everybody_waits, has_timer, may_be_signalled
from paramedic.analysis.futures import Failed
from paramedic.analysis.pools import LONG_NS
from paramedic.model.event import TASK_BITS, TICKS, TaskWait

if TYPE_CHECKING:
    from paramedic.analysis.facts import Facts

_TASK = (1 << TASK_BITS) - 1
_OF_LOCKS = frozenset((TaskWait.LOCK, TaskWait.SLOT))
_OF_TASKS = frozenset((TaskWait.PUT, TaskWait.JOIN, TaskWait.BARRIER))
"""Nobody waits so to be idle: these wait for work of the loop's own tasks."""
_OF_FEEDERS = frozenset((TaskWait.GET, TaskWait.CONDITION))
"""So waits who has nothing to do, too. But if something has failed, and others wait for these tasks, it was to end."""
_OF_OUTSIDERS = frozenset((TaskWait.EVENT, TaskWait.OTHER))
"""So does a program that goes on until Ctrl-C comes (``await asyncio.Event().wait()``)."""


@dataclass(frozen=True, slots=True)
class TaskWaits:
    """A task of a loop that rests.

    Attributes:
        task: what tells it from others.
        thread: the loop's.
        what: see `TaskWait`.
        obj: what it waits for, or 0.
        awaited: the task that it waits for, or 0.
        stack: text id of where it is.
        t_ns: since when the loop rests.
    """

    task: int
    thread: int
    what: int
    obj: int
    awaited: int
    stack: int
    t_ns: int


@dataclass(slots=True)
class Rest:
    """A loop that rests.

    Attributes:
        t_ns: since when it is known to.
        count: how many tasks it has.
        ticks: whether some of them only sleep.
        tasks: those of them that were told of yet.
    """

    t_ns: int
    count: int
    ticks: bool = False
    tasks: list[TaskWaits] = field(default_factory=list)


class LoopRests:
    """The loops that rest at this moment.

    Attributes:
        now: by thread.
        only_ticks: whether a task that sleeps in a stack wakes nobody, and never ends.
    """

    def __init__(self) -> None:
        self.now: dict[int, Rest] = {}
        self.only_ticks: Callable[[int], bool] = lambda stack: False

    def rests(self, thread: int, tasks: int, how: int, t_ns: int) -> None:
        """A loop begins to rest, or goes on."""
        if how:
            self.now[thread] = Rest(t_ns, tasks, how == TICKS)
        else:
            self.now.pop(thread, None)

    def waits(self, thread: int, obj: int, which: int, what: int, stack: int) -> None:
        """What a task of a loop that rests waits for; ``which`` is as the recorder gives it."""
        rest = self.now.get(thread)
        if rest is not None:
            task, awaited = which & _TASK, which >> TASK_BITS & _TASK
            rest.tasks.append(TaskWaits(task, thread, what, obj, awaited, stack, rest.t_ns))

    def ends(self, thread: int) -> None:
        """A thread, or its loop, has ended."""
        self.now.pop(thread, None)

    def standing(self, facts: Facts) -> list[TaskWaits]:
        """The tasks of all loops that rest, if nothing can wake one of them any more; else none."""
        if not self.now or facts.states.orderly_end or facts.greenlets or facts.states.gevent:
            return []
        for thread in [t for t, rest in self.now.items() if rest.ticks and t not in facts.states.loops]:
            del self.now[thread]  # that one is not told of the loop's end
        rests = self.now.values()
        if any(facts.end_ns - r.t_ns < LONG_NS or len(r.tasks) < r.count for r in rests):
            return []
        if has_timer(facts) or facts.states.serves or any(facts.states.forwards.values()):
            return []  # a timer may wake one, or a visitor
        begun = {t.number for t in facts.world.threads.values() if t.begun_ns or t.ended_ns}
        if facts.clocks.threads.keys() - begun - {1}:
            return []  # one that was not begun by `threading`: nobody knows whether it waits
        if facts.states.loops.keys() - self.now.keys() or not everybody_waits(facts, self.now.keys()):
            return []
        tasks = [task for rest in rests for task in rest.tasks]
        if any(task.what == TaskWait.TIMER and not self.only_ticks(task.stack) for task in tasks):
            return []
        return [task for task in tasks if task.what != TaskWait.TIMER]


@dataclass(frozen=True, slots=True)
class Stranded:
    """Tasks that wait for what no task is left to bring.

    Attributes:
        tasks: those that wait for such a thing itself.
        behind: those that wait for others of these.
        failed: what has ended with an exception.
    """

    tasks: list[TaskWaits]
    behind: list[TaskWaits]
    failed: list[Failed]


def locked_out(facts: Facts) -> Stranded | None:
    """The tasks that wait for a lock, or for a semaphore that is taken like one, where nothing is left to wake one.

    Who asks for a semaphore by acquire() may wait for a signal, unless something has failed and others wait for it.

    Threads: pure.
    """
    whats = _OF_LOCKS | {TaskWait.ASKED} if _ought_to_end(facts) else _OF_LOCKS
    return _stranded(facts, whats)


def stranded(facts: Facts) -> Stranded | None:
    """The tasks that wait for other things, where nobody waits so who is only idle.

    Threads: pure.
    """
    if may_be_signalled(facts) or locked_out(facts) is not None or facts.async_pools.drained(facts):
        return None
    found = _stranded(facts, _OF_TASKS)
    return _stranded(facts, _OF_FEEDERS) if found is None and _ought_to_end(facts) else found


def events_awaited(facts: Facts) -> Stranded | None:
    """The tasks that wait for an event after something has failed, which may have been the one to set it.

    Threads: pure.
    """
    if may_be_signalled(facts) or not facts.futures.failures:
        return None
    return _stranded(facts, frozenset((TaskWait.EVENT,)))


def are_awaited(standing: list[TaskWaits]) -> bool:
    """Whether others wait for tasks that wait, and none for somebody outside, as who goes on until Ctrl-C comes does.

    Threads: pure.
    """
    whats = {task.what for task in standing}
    return TaskWait.TASKS in whats and not whats & _OF_OUTSIDERS


def _ought_to_end(facts: Facts) -> bool:
    """Whether something has failed, and the tasks that wait are to end."""
    return bool(facts.futures.failures) and are_awaited(facts.loop_rests.standing(facts))


def _stranded(facts: Facts, whats: frozenset[int]) -> Stranded | None:
    standing = facts.loop_rests.standing(facts)
    tasks = [task for task in standing if task.what in whats]
    if not tasks:
        return None
    behind = [task for task in standing if task.what == TaskWait.TASKS]
    return Stranded(tasks, behind, list(facts.futures.failures.values()))
