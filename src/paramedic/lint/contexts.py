"""Threads, processes and callbacks of a program as its source shows them, and which may run at the same time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramedic.model.finding import Site

if TYPE_CHECKING:
    from paramedic.lint.values import Loops, Obj

WORKERS = frozenset({"thread", "timer", "pool", "server"})
"""Kinds of contexts that are threads of the program's own."""


@dataclass(slots=True, eq=False)
class Task:
    """A coroutine that goes on beside whoever has made a task of it.

    Attributes:
        made: the moment; what it does was read before.
        awaited: the moment at which its end is awaited first, or it is cancelled; None where nobody does.
    """

    made: int
    awaited: int | None = None


@dataclass(slots=True, eq=False)
class Context:
    """One thread of execution, or all the threads that one expression starts.

    Attributes:
        kind: ``main``, ``thread``, ``timer``, ``pool``, ``server``, ``process``, ``transport`` (a callback on
            Paramiko's own thread), ``signal``, ``logging``, ``loop`` (a callback on an event loop's thread).
        name: what a finding calls it.
        site: where it is made.
        parent: who starts it.
        loops: the loops of which each turn makes one.
        begun_in: the loops around the call of ``start``.
        start: sequence number, in the parent, of its start.
        joins: (sequence number, loops, episode) of each place in the parent where its end is awaited.
        hurried: of those places, the sequence numbers of the ones that give up, and after how many seconds.
        pool: the executor that it runs on.
        width: how many of it may run at once, where that is known.
        daemon: None where the source does not say.
        transport: for a callback: the connection on whose thread it runs.
        copied: it begins with a copy of the context variables of who starts it, as ``asyncio.to_thread`` gives it one.
        inline: who starts it does nothing until it has ended: ``await asyncio.to_thread(…)``.
        gathered: the call of ``gather()`` among whose coroutines is the one that starts it, and which of them that is.
        forks: for a process: it has a copy of its parent's memory, connections included.
        watchdog: a timer that its owner cancels once the work is done.
        at_import: the file of the module whose body starts it; "" where none does.
        task: the task among whose steps it is.
        steps: the moments between which that task's coroutine, or one of a ``gather()``, was read.
        episode: number of the root function whose reading started it.
        done_of: for a callback of a future, that future: a worker of its pool calls it as the work ends.
        path: the branches around its start.
        chained: before it is started, the former turn's end is awaited: when, and of which loops each turn is one.
    """

    kind: str
    name: str
    site: Site | None
    parent: Context | None
    loops: Loops = ()
    begun_in: Loops = ()
    start: int = 0
    joins: list[tuple[int, Loops, int]] = field(default_factory=list)
    hurried: dict[int, float] = field(default_factory=dict)
    pool: Obj | None = None
    width: int | None = None
    daemon: bool | None = None
    transport: Obj | None = None
    episode: int = 0
    at_import: str = ""
    watchdog: bool = False
    forks: bool = True
    copied: bool = False
    inline: bool = False
    gathered: tuple[int, int] | None = None
    task: Task | None = None
    steps: tuple[int, int] | None = None
    done_of: Obj | None = None
    path: tuple[tuple[int, int], ...] = ()
    chained: list[tuple[int, frozenset[int]]] = field(default_factory=list)

    @property
    def strand(self) -> Context:
        """The context whose order of steps it is a part of: who starts it waits for its end before the next step.

        Threads: pure.
        """
        one = self
        while one.inline and one.parent is not None:
            one = one.parent
        return one

    def chain(self) -> tuple[Context, ...]:
        """Itself and who started it, up to the main thread.

        Threads: pure.
        """
        result: list[Context] = []
        one: Context | None = self
        while one is not None and len(result) < 20:
            result.append(one)
            one = one.parent
        return tuple(result)

    def turns(self) -> frozenset[int]:
        """The loops of which several turns may be alive at once, as several instances of this context.

        A turn that waits for the context's end before the next one begins does not count.

        Threads: pure.
        """
        if self.width == 1:
            outer = self.parent.turns() if self.parent is not None else frozenset()
            # However many threads submit to a pool, its one worker does all of it; unless each has such a pool.
            return outer & frozenset(self.pool.root.loops) if self.pool is not None else outer
        mine = set(self.loops)
        for _, loops, _ in self.joins:
            mine -= set(loops)
            if self.begun_in and set(self.begun_in) <= set(loops):
                mine.clear()  # begun and awaited in one turn, wherever it was made
        for _, awaited in self.chained:
            mine -= awaited
        outer = self.parent.turns() if self.parent is not None else frozenset()
        return frozenset(mine) | outer

    def ends_before(self, moment: int, episode: int) -> bool:
        """Whether the parent waited for its end before that moment of its own (in the same root function).

        Threads: pure.
        """
        if self.task is not None and moment > self.task.made and episode == self.episode:
            return self.task.awaited is not None and self.task.awaited <= moment  # it may come to this step only then
        return any(at <= moment and where == episode for at, _, where in self.joins)

    @property
    def is_callback(self) -> bool:
        """Whether it runs on a Paramiko thread.

        Threads: pure.
        """
        return self.kind == "transport"


def one_after_another(a: Context, b: Context) -> bool:
    """Whether one thread does what both do: they are steps of one, or tasks of a pool that has one worker.

    Threads: pure.
    """
    if (a.task is not b.task or a.gathered != b.gathered) and lifetimes_meet(a, b):
        return False  # steps of two coroutines
    a, b = a.strand, b.strand
    return a is b or (a.pool is not None and b.pool is not None and a.pool.root is b.pool.root and a.width == 1)


def is_with(a: Context, b: Context) -> bool:
    """Whether both are one, or do the steps of one coroutine.

    Threads: pure.
    """
    return a is b or (a.steps is not None and a.steps == b.steps)


def branch_from(ancestor: Context, descendant: Context) -> Context | None:
    """The child of the ancestor through which the descendant was started.

    Threads: pure.
    """
    for one in descendant.chain():
        if one.parent is ancestor:
            return one
    return None


def common_ancestor(a: Context, b: Context) -> Context | None:
    """The nearest context that started both.

    Threads: pure.
    """
    mine = a.chain()
    for one in b.chain():
        if any(one is m for m in mine):
            return one
    return None


def lifetimes_meet(a: Context, b: Context) -> bool:
    """Whether two contexts that one parent started may be alive at the same time.

    Threads: pure.
    """
    if a.pool is not None and a.pool is b.pool and a.width == 1:
        return False
    if a.kind == "signal" and b.kind == "signal":
        return False
    if a.gathered is not None and b.gathered is not None and a.gathered[0] == b.gathered[0]:
        if a.gathered != b.gathered:
            return True  # each waits for its own, and the loop goes on with the other meanwhile
    first, second = (a, b) if a.start <= b.start else (b, a)
    return not first.ends_before(second.start, second.episode)
