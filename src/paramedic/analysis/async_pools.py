"""Queues of an event loop's that are used as pools: a task fails with what it took, and the others wait for ever.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramedic.analysis.futures import Failed
from paramedic.analysis.loop_rests import are_awaited
from paramedic.analysis.pools import LONG_NS
from paramedic.model.event import ASYNC_KIND, ASYNC_OURS, ASYNC_PUT, ASYNC_TASK_SHIFT, ASYNC_TOOK, TaskWait

if TYPE_CHECKING:
    from paramedic.analysis.facts import Facts

_MOST_TOKENS = 10_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A task of the loop's did something with a queue.

    Attributes:
        thread: the loop's.
        stack: text id.
        t_ns: when.
    """

    thread: int
    stack: int
    t_ns: int


@dataclass(slots=True)
class _Queue:
    pooled: bool = False
    returned: bool = False
    out: dict[int, Moment] = field(default_factory=dict)
    waiting: dict[int, Moment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AsyncDrained:
    """Tasks wait for a queue, and nobody is left to put anything back.

    Attributes:
        queue: its id.
        waits: who waits.
        taken: who took what is out.
        failed: work in threads that ended with an exception since.
    """

    queue: int
    waits: list[Moment]
    taken: list[Moment]
    failed: list[Failed]


class AsyncPools:
    """All asyncio queues of a recording."""

    def __init__(self) -> None:
        self._queues: dict[int, _Queue] = {}

    def changed(self, queue: int, token: int, how: int, at: Moment) -> None:
        """A task puts something in, takes something out or begins to wait; ``how`` is as the recorder gives it."""
        known = self._queues.setdefault(queue, _Queue())
        what, task = how & ASYNC_KIND, how >> ASYNC_TASK_SHIFT
        if what == ASYNC_PUT:
            known.returned = known.out.pop(token, None) is not None or known.returned
            known.pooled = known.returned or how & ASYNC_OURS > 0 or known.pooled
            return
        if what == ASYNC_TOOK:
            known.waiting.pop(task, None)
            if len(known.out) < _MOST_TOKENS:
                known.out[token] = at
        else:
            known.waiting[task] = at

    def drained(self, facts: Facts) -> list[AsyncDrained]:
        """Where tasks wait, and nothing is left that could put anything back.

        Every loop and every thread stands still; or the program gave itself up, nothing else was under way, and work
        had failed.
        """
        if not self._queues:
            return []
        still = facts.loop_rests.standing(facts)
        standing = {(t.thread, t.task) for t in still if t.what == TaskWait.GET and are_awaited(still)}
        if not standing and not _gave_up(facts):
            return []
        found = []
        for ident, queue in self._queues.items():
            waits = [
                at
                for task, at in queue.waiting.items()
                if facts.end_ns - at.t_ns >= LONG_NS and (not standing or (at.thread, task) in standing)
            ]
            first_ns = min((at.t_ns for at in queue.out.values()), default=0)
            failed = [f for f in facts.futures.failures.values() if f.t_ns >= first_ns]
            if queue.pooled and waits and queue.out and (failed or standing and queue.returned):
                found.append(AsyncDrained(ident, waits, list(queue.out.values()), failed))
        return found


def _gave_up(facts: Facts) -> bool:
    """Whether the program ended itself while nobody was at work who might still put something back."""
    if facts.live or facts.states.orderly_end or not facts.status or not facts.ended_itself:
        return False
    return not any(facts.is_remote(call.name) for call in facts.open.all())
