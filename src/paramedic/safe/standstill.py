"""Threads that wait for what they have themselves: nothing can end that, so one of them is told.

A thread may lend an SFTP client or a whole connection, or read a stream, and ask for a session meanwhile. Where nothing
else is open, it waits for itself; or two that have one each wait for each other. Every thread that waits for a pool
without a limit of its own registers what it waits for, and the pools know which threads have what. A wait is hopeless
if all that it waits for stands in the queues of pools in which nothing moves but by the hands of threads whose waits
are hopeless: the largest set of waits of which that is true is what is looked for. What any thread may end, such as a
stream, which each may close, counts only where all threads of the program wait like that.

Of those, one ends with an error: the one whose own limit would pass first, which fails in any case, or else the last
that began to wait. What it gives back then lets the others go on.
"""

from __future__ import annotations

import itertools
import math
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType, FrameType, TracebackType
from typing import Protocol

import paramiko

from paramedic.safe.errors import PoolDeadlock, SafeError

_NUMBERS = itertools.count()
_MOST_ROUNDS = 10_000
_BETWEEN = ("paramedic.safe.", "contextlib")
_EXECUTORS = ("concurrent.futures", "multiprocessing", "threading", "asyncio", "anyio", "trio")


@dataclass(frozen=True, slots=True, eq=False)
class Loan:
    """A session or a connection that a thread has, and only that thread gives back.

    Threads: a value; share it freely.
    """

    what: str
    """In words: "an SFTP client"."""
    thread: threading.Thread
    since: float
    idle: bool
    """Whether it is of use to nobody while its thread waits for something else: a copy goes on by itself."""
    asked_by: tuple[int, CodeType] | None
    """Which call asked for it: the id of its frame, and its code. The frame itself would keep its variables alive,
    and with them what a program has dropped and expects to come back."""

    def is_anybodys(self) -> bool:
        """Whether the function that asked for it has returned: any thread may be the one that gives it back.

        An asyncio program enters a ``with`` block on one thread of its executor, and leaves it on another.

        Threads: any thread; it does not block.
        """
        if self.asked_by is None:
            return False
        here: FrameType | None = sys._current_frames().get(self.thread.ident or 0)
        while here is not None and (id(here), here.f_code) != self.asked_by:
            here = here.f_back
        return here is None


@dataclass(frozen=True, slots=True)
class Holder:
    """A thread that has something which it alone can end or give back.

    Threads: a value; share it freely.
    """

    what: str
    thread: threading.Thread
    hopeless_at: float
    """From when on nothing else is to be hoped for; infinity for never."""
    idle_since: float | None
    """Since when it makes no use of it, as far as can be told; None if it does."""
    anybodys: bool = False
    """Whether any other thread may end it or give it back as well."""


class Engine(Protocol):
    """A pool's engine."""

    host: str

    def standing(self, now: float) -> tuple[Holder, ...]:
        """Who has all that there is, if somebody waits and nothing moves but by their hands; else empty.

        Threads: any thread, no lock being held; it does not block.
        """

    def is_queued(self, request: object) -> bool:
        """Whether a request for a session or a connection is still in a queue.

        Threads: any thread; it does not block.
        """

    def refuse(self, request: object, error: SafeError) -> bool:
        """Ends a request with an error, if it is still in a queue; says whether it was.

        Threads: any thread, no lock being held; it does not block.
        """

    def look_soon(self) -> None:
        """Has hopeless waits looked for now and then, for as long as anything waits here.

        Threads: any thread, no lock being held; it does not block.
        """


Request = tuple[Engine, object]
Target = Request | threading.Thread
_WAITS: dict[threading.Thread, Waiting] = {}
LENDERS: set[Engine] = set()
"""Engines that have lent something; while there is none, no wait is looked at."""


class Waiting:
    """A ``with`` block in which a thread waits for one of several things.

    Threads: it belongs to the thread that enters it.
    """

    __slots__ = ("_before", "_thread", "deadline", "for_all", "number", "targets")

    def __init__(
        self, targets: Callable[[], Iterable[Target]], *, deadline: float = math.inf, for_all: bool = False
    ) -> None:
        """Names what is waited for.

        Args:
            targets: the things that have not come yet. Called by any thread, under no lock; must not block.
            deadline: when the wait ends by itself (``time.monotonic()``).
            for_all: it ends only when all have come.

        Threads: any thread; it does not block.
        """
        self.targets = targets
        self.deadline = deadline
        self.for_all = for_all
        self.number = next(_NUMBERS)

    def __enter__(self) -> None:
        self._thread = threading.current_thread()
        self._before = _WAITS.get(self._thread)  # a signal's handler may wait in the middle of a wait
        _WAITS[self._thread] = self
        if LENDERS:
            look()
            for target in self.targets():
                if not isinstance(target, threading.Thread):
                    target[0].look_soon()  # it may not be hopeless yet, and nothing else may happen any more

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is None:
            _WAITS.pop(self._thread, None)  # forgotten, in a forked child
        else:
            _WAITS[self._thread] = self._before


def loan(what: str, *, idle: bool = True) -> Loan:
    """What the calling thread is about to have.

    Args:
        what: in words.
        idle: whether nothing happens on it but by the thread's hands; a copy goes on by itself, and is over before its
            call returns.

    Threads: any thread; it does not block.
    """
    return Loan(what, threading.current_thread(), time.monotonic(), idle, _caller() if idle else None)


def _caller() -> tuple[int, CodeType] | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and (name := frame.f_globals.get("__name__", "")).startswith(_BETWEEN):
        frame = frame.f_back
    if frame is None:
        return None
    # What runs jobs on threads is no function of the program: it is on the stack again when the next job is.
    return (0 if name.startswith(_EXECUTORS) else id(frame), frame.f_code)


def _is_ours(thread: threading.Thread) -> bool:
    # It ends nothing that the program has. A callback might; it comes when a command has ended, and none does.
    return isinstance(thread, paramiko.Transport) or thread.name.startswith("paramedic-")


def forget_all() -> None:
    """In a forked child: the threads of the parent are not here, nor are its sessions.

    Threads: the child's only thread; it does not block.
    """
    _WAITS.clear()
    LENDERS.clear()


def look() -> float | None:
    """Looks for waits that are hopeless, and ends one of each circle. Returns when to look again, if nothing happens.

    Threads: any thread, no lock of a pool being held; it does not block.
    """
    for _ in range(_MOST_ROUNDS):
        now = time.monotonic()
        circle = _hopeless(now)
        if not circle:
            later = _hopeless(math.inf)
            times = [holder.hopeless_at for _, holders in later.values() for holder in holders]
            return max(times, default=None)
        # A thread that was in the same wait both times has neither taken nor given anything back between them. So what
        # was seen of the pools one after the other was true at one moment.
        again = _hopeless(now)
        if any(again.get(wait) is None for wait in circle):
            continue
        asking = [wait for wait in circle if any(not isinstance(t, threading.Thread) for t in wait.targets())]
        wait = min(asking, key=lambda wait: (wait.deadline, -wait.number), default=None)
        if wait is None or not _end(wait, *circle[wait]) or not wait.for_all:
            return None
    return None


def _hopeless(now: float) -> dict[Waiting, tuple[threading.Thread, tuple[Holder, ...]]]:
    waits = _WAITS.copy()
    targets = {thread: list(wait.targets()) for thread, wait in waits.items()}
    seen: dict[int, tuple[Holder, ...]] = {}

    def holders(engine: Engine) -> tuple[Holder, ...]:
        if id(engine) not in seen:
            found = engine.standing(now)
            seen[id(engine)] = () if any(holder.hopeless_at > now for holder in found) else found
        return seen[id(engine)]

    def is_stuck(target: Target) -> bool:
        if isinstance(target, threading.Thread):
            return target in stuck
        engine, request = target
        have = holders(engine)
        if not have or not engine.is_queued(request):
            return False
        if any(holder.anybodys for holder in have) and now < math.inf and not everybody <= stuck:
            return False
        return all(holder.thread in stuck or holder.anybodys for holder in have)

    everybody = {thread for thread in threading.enumerate() if not _is_ours(thread)}
    stuck = set(waits)
    while True:
        free = [thread for thread in stuck if not targets[thread] or not all(map(is_stuck, targets[thread]))]
        if not free:
            break
        stuck.difference_update(free)
    return {
        waits[thread]: (
            thread,
            tuple(h for t in targets[thread] if not isinstance(t, threading.Thread) for h in holders(t[0])),
        )
        for thread in stuck
    }


def _end(wait: Waiting, thread: threading.Thread, holders: tuple[Holder, ...]) -> bool:
    for target in wait.targets():
        if not isinstance(target, threading.Thread):
            engine, request = target
            mine = sorted({holder.what for holder in holders if holder.thread is thread})
            others = sorted({holder.thread.name for holder in holders if holder.thread is not thread})
            has = f"this thread, {thread.name}, has {' and '.join(mine)}" if mine else ""
            wait_too = f"{', '.join(others)} {'wait' if len(others) > 1 else 'waits'} as well" if others else ""
            words = " and ".join(filter(None, (has, wait_too)))
            return engine.refuse(
                request,
                PoolDeadlock(
                    f"it would wait for ever: all sessions are held by threads that wait for one themselves ({words})",
                    host=engine.host,
                    phase="queue",
                ),
            )
    return False
