"""The connections of a pool: made, lost, lent, looked after. The half of the engine that knows nothing of commands."""

from __future__ import annotations

import copy
import logging
import queue
import random
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from paramedic.safe.clock import Alarm, Clock
from paramedic.safe.connection import Connector
from paramedic.safe.crew import Crew
from paramedic.safe.destination import Destination
from paramedic.safe.errors import ConnectFailed, PoolClosed, SafeError
from paramedic.safe.link import Link
from paramedic.safe.plan import Plan, Sizes
from paramedic.safe.result import Limits
from paramedic.safe.signal_safe import SignalSafeLock
from paramedic.safe.task import Task
from paramedic.safe.waited import WaitedFuture

_LOG = logging.getLogger("paramedic.safe")
_AGAIN_AFTER_S = 10.0

Borrowed = tuple[int, Link]
Waiting = tuple[list[Task], list[Future[Borrowed]]]
COUNTERS = (
    "completed",
    "failed",
    "timed_out",
    "cancelled",
    "retried",
    "refused_sessions",
    "connects",
    "failed_connects",
    "lost_connections",
    "by_runner",
)


class Borrower(WaitedFuture[Borrowed]):
    """The wait for a whole connection, made before it is asked for: :meth:`Connections.forgo` undoes any part of it."""

    over = False
    """Whether what came of it was given back."""


class Slot(Borrower):
    """The wait for room for one session that the caller opens himself."""


@dataclass(slots=True)
class Actions:
    """What to do once the lock is released.

    Threads: it belongs to the thread that decided.
    """

    launch: list[tuple[Task, Link]] = field(default_factory=list)
    lend: list[tuple[Future[Borrowed], Borrowed]] = field(default_factory=list)
    connect: tuple[int, ...] = ()
    wake_at: float | None = None
    starved: bool = False
    look: bool = False
    """Whether somebody waits while others have something lent."""


class Connections:
    """The state of an engine, and the methods that change its connections.

    Threads: see :class:`~paramedic.safe.dispatch.Dispatcher`, its only subclass.
    """

    def __init__(
        self, destination: Destination, connector: Connector, sizes: Sizes, limits: Limits, clock: Clock, crew: Crew
    ) -> None:
        """Makes an engine that has no connection yet.

        Threads: any thread; it does not block.
        """
        self.destination = destination
        self.host = destination.label
        self.limits = limits
        self._keepalive_s = destination.keepalive_s or limits.keepalive
        self.crew = crew
        self._connector = connector
        self._clock = clock
        # The main thread never has it: what needs it is done by the crew. A signal's handler comes between any two
        # steps of that thread, and what it does with the pool, others do, who would wait for the lock.
        self._lock = SignalSafeLock()
        self._waiting_for_rest: list[queue.SimpleQueue[None]] = []
        self._plan = Plan(sizes)
        self._queue: deque[Task | Future[Borrowed]] = deque()
        self._borrowers: deque[Future[Borrowed]] = deque()
        self._links: dict[int, Link] = {}
        self._tasks: set[Task] = set()
        self._closed = False  # nothing new is taken
        self._over = False  # what is under way is being ended
        self._round: Alarm | None = None
        self._counts = dict.fromkeys(COUNTERS, 0)
        self.on_starved: Callable[[], None] = lambda: None
        """Called when commands wait for sessions that only others than commands have; must not block."""
        self.trouble: SafeError | None = None
        """Why the last attempt to connect failed, if it did."""

    @property
    def is_over(self) -> bool:
        """Whether what is under way has ended, or is being ended."""
        return self._over

    @property
    def has_none_yet(self) -> bool:
        """Whether the first connection is being made."""
        return not self._links and bool(self._plan.links)

    def _decide(self) -> Actions:
        raise NotImplementedError

    def _act(self, actions: Actions) -> None:
        raise NotImplementedError

    def _tell_idle(self) -> None:
        raise NotImplementedError

    def _empty_queues(self) -> Waiting:
        raise NotImplementedError

    def _fail(self, task: Task, error: SafeError) -> None:
        raise NotImplementedError

    def _connect(self, key: int) -> None:
        error: SafeError | None = None
        link: Link | None = None
        try:
            link = self._connector.connect(self.destination)
        except SafeError as trouble:
            error = trouble
        except Exception as trouble:  # a bug of ours or Paramiko's must not leave tasks waiting for ever
            _LOG.exception("%s: connecting failed unexpectedly", self.host)
            error = ConnectFailed(f"{type(trouble).__name__}: {trouble}", host=self.host, phase="connect")
        self._connected(key, link, error)

    def _not_connected(self, key: int) -> None:
        """There is no thread to connect on: too many run, or the interpreter is on its way out."""
        error = ConnectFailed(
            "no thread can be started to connect on",
            host=self.host,
            phase="connect",
            hint="does the program have too many threads, or is it ending?",
        )
        self._connected(key, None, error)

    def _connected(self, key: int, link: Link | None, error: SafeError | None) -> None:
        if link is not None:
            link.on_death = lambda: self._died(key)
            link.set_keepalive(self._keepalive_s, clock=self._clock)
        hopeless = False
        waiting: Waiting = ([], [])
        with self._lock:
            unwanted = self._over or key not in self._plan.links
            now = time.monotonic()
            if link is not None and not unwanted:
                self._counts["connects"] += 1
                self.trouble = None
                self._links[key] = link
                self._plan.connected(key, now)
            elif link is not None:
                self._plan.lost(key)
            elif error is not None:
                self._counts["failed_connects"] += 1
                worth = self._plan.connect_failed(key, now, random.random())
                self.trouble = error
                if not (worth and isinstance(error, ConnectFailed) and error.passing):
                    self._plan.failures = 0
                    self._plan.connect_after = 0.0
                    if self._plan.links:
                        # The others go on working, or try; should one of them be accepted, so may more.
                        self._plan.connect_after = now + _AGAIN_AFTER_S
                    else:
                        hopeless = True
            if hopeless:
                waiting = self._empty_queues()
            actions = self._decide()
            self._tell_idle()
        if link is not None and unwanted:
            link.close()
        elif link is not None and not link.is_active():
            self._died(key)  # before on_death was set
        elif link is not None:
            self._keep_round()
        self._act(actions)
        if error is not None:
            for task in waiting[0]:
                self._fail(task, copy.copy(error))  # one error in many threads would collect all their tracebacks
            for borrower in waiting[1]:
                if borrower.set_running_or_notify_cancel():
                    borrower.set_exception(copy.copy(error))

    def _died(self, key: int) -> None:
        with self._lock:
            self._forget(key)
            actions = self._decide()
            self._tell_idle()
        self._act(actions)

    def _forget(self, key: int) -> None:
        # Both the reader at its end and the sessions it had come by here, in any order.
        if self._links.pop(key, None) is not None:
            self._counts["lost_connections"] += 1
        self._plan.lost(key)

    def _let_go(self) -> list[Link]:
        with self._lock:
            links, self._links = list(self._links.values()), {}
        return links

    def _keep_round(self) -> None:
        """Looks after idle connections now and then, for as long as there are any."""
        with self._lock:
            if self._round is not None or self._closed or not self._links:
                return
            pause_s = max(0.05, self.limits.idle / 2)
            self._round = self._clock.at(time.monotonic() + pause_s, self._look_after, slack_s=pause_s / 30)

    def _look_after(self) -> None:
        with self._lock:
            self._round = None
            keys = self._plan.stale(time.monotonic(), self.limits.idle)
            stale = [self._links.pop(key) for key in keys if key in self._links]
        for link in stale:
            link.close()
        self._keep_round()

    def look_again(self) -> None:
        """Decides again: what somebody has was in use, and now only lies there.

        Threads: any thread. It may block for a moment while the peer does not read.
        """
        self.crew.ask(self._look_again)

    def _look_again(self) -> None:
        with self._lock:
            actions = self._decide()
        self._act(actions)

    def hold(self, key: int) -> None:
        """Starts no sessions on a connection until :meth:`release`.

        Threads: any thread; it does not block.
        """
        with self._lock:
            self._plan.hold(key, 1)

    def release(self, key: int) -> None:
        """Starts sessions on a connection again.

        Threads: any thread. It may block for a moment while the peer does not read.
        """
        with self._lock:
            self._plan.hold(key, -1)
        self.look_again()

    # -- lending

    def ask_for(self, borrower: Borrower) -> None:
        """Asks for a whole connection with no sessions on it, or with a :class:`Slot` for room on any.

        Raises:
            PoolClosed: the pool is closed.

        Threads: any thread; it does not block, the future does.
        """

        def ask() -> None:
            with self._lock:
                if self._closed:
                    raise PoolClosed("the pool is closed", host=self.host, phase="queue")
                (self._queue if isinstance(borrower, Slot) else self._borrowers).append(borrower)
                actions = self._decide()
            self._act(actions)

        self.crew.ask(ask)

    def free_slot(self, key: int, *, refused: bool = False) -> bool:
        """Gives room for a session back; if the server ``refused`` it, says whether to try again.

        Threads: any thread. It may block for a moment while the peer does not read.
        """
        with self._lock:
            now = time.monotonic()
            again = True
            if key in self._plan.links:
                self._plan.links[key].strangers -= 1
            if refused:
                self._counts["refused_sessions"] += 1
                again = self._plan.refused(key, now)
            else:
                self._plan.finished(key, now)
            actions = self._decide()
        self._act(actions)
        return again

    def refused(self, slot: Slot) -> bool:
        """Gives room for a session back that the server refused; says whether to try again.

        Threads: any thread. It may block for a moment while the peer does not read.
        """

        def give_back() -> bool:
            slot.over = True
            return self.free_slot(slot.result()[0], refused=True)

        return self.crew.ask(give_back)

    def has_borrowers(self) -> bool:
        """Whether somebody waits for a whole connection.

        Threads: any thread; it does not block.
        """
        return bool(self._borrowers)

    def forgo(self, borrower: Borrower) -> None:
        """Gives back what was borrowed, or gives up waiting for it.

        Threads: any thread, any number of times. It may block for a moment while the peer does not read.
        """
        self.crew.ask(lambda: self._forgo(borrower))

    def _forgo(self, borrower: Borrower) -> None:
        if not borrower.cancel():
            if borrower.exception() is None and not borrower.over:
                borrower.over = True
                key = borrower.result()[0]
                self.free_slot(key) if isinstance(borrower, Slot) else self._give_back(key)
            return
        with self._lock:
            for waiting in (self._borrowers, self._queue):
                if borrower in waiting:
                    waiting.remove(borrower)

    def _give_back(self, key: int) -> None:
        with self._lock:
            link = self._links.get(key)
            if link is not None and link.is_active():
                self._plan.returned(key, time.monotonic())
            else:
                self._forget(key)
            actions = self._decide()
            self._tell_idle()
        self._act(actions)
