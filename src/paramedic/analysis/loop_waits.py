"""Waits of an event loop's thread, or under a lock, that another thread's remote call ends: they block as it would.

A coroutine that asks a future for its result, joins a thread or waits for an event waits, without an ``await``, for
whatever that thread does. Which call it was the clocks tell: after the wait the loop's thread knows of its end. Who
has a lock and waits so for one task keeps the lock for as long as that task's remote call takes.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from paramedic.analysis.calls import Call, OpenCalls
from paramedic.analysis.clocks import Clocks, Epoch
from paramedic.analysis.locks import Locks
from paramedic.analysis.machine import Listener, Root

LONG_NS = 100_000_000
"""What asyncio's debug mode calls slow (``loop.slow_callback_duration``)."""
_WAITS = (
    "Future.result", "Future.exception", "Future.wait", "Thread.join", "Event.wait", "Queue.get", "SimpleQueue.get",
    "Queue.join", "Condition.wait", "Condition.wait_for", "Semaphore.acquire", "Barrier.wait",
)  # fmt: skip
_FOR_ONE = ("Future.result", "Future.exception", "Future.wait", "Thread.join")
"""Those that wait for one task. Who takes from a queue under a lock may share that wait with who wants the lock."""
_MOST_CALLS = 1_000


@dataclass(slots=True)
class LoopWait:
    """The loop's thread waited for another thread's call.

    Attributes:
        wait: the longest such wait of this place.
        call: the remote call that it waited for.
        lasted_ns: how long it did.
        count: how often this place has waited so.
    """

    wait: Call
    call: Call
    lasted_ns: int
    count: int = 1


class LoopWaits:
    """Which waits on an event loop's thread were for a remote call of another thread's.

    Args:
        clocks: what each thread knows of the others.
        loops: the threads whose loops run.
        locks: to which such a wait under a lock is a remote call like others.
    """

    def __init__(self, clocks: Clocks, loops: Mapping[int, Call], locks: Locks) -> None:
        self._clocks = clocks
        self._locks = locks
        self._loops = loops
        self.begins: Mapping[str, Listener] = {}
        self.ends: Mapping[str, Listener] = dict.fromkeys(_WAITS, self._waited)
        self._ended: deque[tuple[Call, Epoch]] = deque(maxlen=_MOST_CALLS)
        self._found: dict[tuple[int, str], LoopWait] = {}

    def remote_ended(self, call: Call) -> None:
        """A remote call has ended that was long (`LONG_NS`)."""
        if call.thread not in self._loops:
            self._ended.append((call, self._clocks.of(call.thread).now))

    def _waited(self, wait: Call, root: Root) -> None:
        lasted_ns = wait.ended_ns - wait.began_ns
        on_loop = wait.thread in self._loops
        if lasted_ns < LONG_NS or not (on_loop or wait.holds and wait.name in _FOR_ONE):
            return
        clock = self._clocks.of(wait.thread)
        for call, end in reversed(self._ended):
            if call.ended_ns < wait.began_ns:
                return
            together_ns = call.ended_ns - max(call.began_ns, wait.began_ns)
            if together_ns * 2 >= lasted_ns and clock.knows(end):
                if on_loop:
                    self._note(wait, call, lasted_ns)
                if wait.name in _FOR_ONE:
                    self._locks.remote_ended(wait, wait.ended_ns)
                return

    def finish(
        self, calls: OpenCalls, runner: Callable[[int], int], is_remote: Callable[[str], bool], now_ns: int
    ) -> None:
        """The recording ends: of what still waits it is known for whom, where that is a thread or a worker's task.

        Args:
            calls: those that have not ended.
            runner: the thread that runs a future's task, or 0.
            is_remote: whether an operation may wait for the peer.
            now_ns: the end.
        """
        for thread in self._loops:
            for wait in calls.of(thread):
                lasted_ns = now_ns - wait.began_ns
                if wait.name not in ("Thread.join", "Future.result") or lasted_ns < LONG_NS:
                    continue
                awaited = wait.words if wait.name == "Thread.join" else runner(wait.obj)
                for call in calls.of(awaited):
                    if is_remote(call.name) and (now_ns - max(call.began_ns, wait.began_ns)) * 2 >= lasted_ns:
                        self._note(wait, call, lasted_ns)

    def found(self) -> list[LoopWait]:
        """The waits, one of each place."""
        return list(self._found.values())

    def _note(self, wait: Call, call: Call, lasted_ns: int) -> None:
        known = self._found.get((wait.stack, wait.name))
        if known is None:
            self._found[wait.stack, wait.name] = LoopWait(wait, call, lasted_ns)
            return
        known.count += 1
        if lasted_ns > known.lasted_ns:
            known.wait, known.call, known.lasted_ns = wait, call, lasted_ns
