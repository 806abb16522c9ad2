"""What threads have of a pool, and what becomes of those who wait because of it."""

from __future__ import annotations

import contextlib
import math
import queue
import time
from concurrent.futures import Future

from paramedic.safe.clock import Alarm
from paramedic.safe.connections import Connections
from paramedic.safe.errors import PoolTimeout, SafeError
from paramedic.safe.link import Link
from paramedic.safe.plan import LinkPhase
from paramedic.safe.standstill import LENDERS, Holder, Loan, Target, look
from paramedic.safe.task import Stage, Task

_LOOK_S = 1.5


class Lending(Connections):
    """The part of an engine that knows who has what, and ends waits that lead to nothing.

    Threads: see :class:`~paramedic.safe.dispatch.Dispatcher`, its only subclass.
    """

    _loans: set[Loan]
    _handed: int
    """How many of the tasks under way may hang on a thread of the program: streams, and those with long inputs."""
    _look: Alarm | None

    def begin_loan(self, loan: Loan) -> None:
        """Notes that the calling thread has a session or a connection, which the function that asked for it gives back.

        Threads: the thread that has it. It may block for a moment while the peer does not read.
        """
        self.crew.ask(lambda: self._begin_loan(loan))

    def _begin_loan(self, loan: Loan) -> None:
        with self._lock:
            self._loans.add(loan)
            LENDERS.add(self)
            waits = bool(self._queue or self._borrowers)
        if waits:
            self.find_hopeless()

    def end_loan(self, loan: Loan) -> None:
        """Notes that it is about to be given back.

        Threads: any thread, any number of times; it does not block.
        """
        self._loans.discard(loan)  # in one step, at once: who asks next is not to be told that he waits for himself
        self.crew.tell(self._forget_lending)

    def _forget_lending(self) -> None:
        with self._lock:
            if not self._loans and not self._handed:
                LENDERS.discard(self)

    def _under_way(self, task: Task, count: int) -> None:
        # You hold the lock. It begins (1), or is over (-1).
        (self._tasks.add if count > 0 else self._tasks.discard)(task)
        if task.hangs:
            self._handed += count
            LENDERS.add(self)
            self._forget_lending()

    # -- rest

    def _tell_idle(self) -> None:
        # You hold the lock.
        if self._waiting_for_rest and not self._busy():
            waiting, self._waiting_for_rest = self._waiting_for_rest, []
            for told in waiting:
                told.put(None)

    def _busy(self) -> bool:
        # You hold the lock. A task that is DONE may still be known: its session was withdrawn and the server has not
        # answered yet.
        return bool(self._queue) or any(task.stage is not Stage.DONE for task in self._tasks)

    def _close_at_rest(self) -> list[Link] | None:
        """Takes no more tasks, if nobody has anything under way; then returns the connections, of which none is left.

        A pool is mostly closed when its work is done, and a group closes one for each host.
        """
        with self._lock:
            if self._busy() or self._borrowers:
                return None
            self._closed = self._over = True
            return self._let_go()

    def _wait_for_rest(self, timeout: float | None) -> None:
        told: queue.SimpleQueue[None] = queue.SimpleQueue()

        def ask() -> None:
            with self._lock:
                self._waiting_for_rest.append(told)
                self._tell_idle()

        self.crew.ask(ask)
        with contextlib.suppress(queue.Empty):
            told.get(timeout=None if timeout is None else max(0.0, timeout))

    def _queued(self) -> list[Target]:
        with contextlib.suppress(IndexError):
            if isinstance(first := self._queue[0], Task):
                return [(self, first)]
        return []

    # -- what standstill asks

    def standing(self, now: float) -> tuple[Holder, ...]:
        """Who has all that there is, if somebody waits and nothing moves but by their hands; else empty.

        Threads: any thread, no lock being held; it does not block.
        """
        return self.crew.ask(lambda: self._standing(now))

    def _standing(self, now: float) -> tuple[Holder, ...]:
        with self._lock:
            waiting, borrowers = len(self._queue), len(self._borrowers)
            if not (waiting or borrowers) or self._plan.moves(waiting, borrowers, time.monotonic()):
                return ()
            links = self._plan.links.values()
            if len(self._loans) != sum(link.strangers + (link.phase is LinkPhase.LENT) for link in links):
                return ()  # one is being opened or closed
            found = [
                Holder(loan.what, loan.thread, 0.0, loan.since if loan.idle else None, loan.is_anybodys())
                for loan in list(self._loans)  # the garbage collector may end one meanwhile
            ]
            for task in self._tasks:
                holder = task.holder(self.limits.acquire)
                if holder is None:
                    return ()
                found.append(holder)
            return tuple(found)

    def is_queued(self, request: object) -> bool:
        """Whether a request for a session or a connection is still in a queue.

        Threads: any thread; it does not block.
        """
        return self.crew.ask(lambda: self._is_queued(request))

    def _is_queued(self, request: object) -> bool:
        with self._lock:  # not by its stage: it may be on its way there, and be launched at once
            return request in self._queue or request in self._borrowers

    def refuse(self, request: object, error: SafeError) -> bool:
        """Ends a request with an error, if it is still in a queue; says whether it was.

        Threads: any thread, no lock being held; it does not block.
        """
        return self.crew.ask(lambda: self._refuse(request, error))

    def _refuse(self, request: object, error: SafeError) -> bool:
        with self._lock:
            queue = self._queue if request in self._queue else self._borrowers
            if request not in queue:
                return False
            queue.remove(request)  # type: ignore[arg-type]
            if isinstance(request, Task):
                request.stage = Stage.DONE
            self._tell_idle()
        if isinstance(request, Task):
            self._fail(request, error)
        elif (future := _future(request)).set_running_or_notify_cancel():
            future.set_exception(error)
        return True

    # -- looking

    def find_hopeless(self) -> None:
        """Ends waits that lead to nothing: those in circles, and commands that wait longer than ``limits.acquire``.

        Threads: any thread, no lock being held; it does not block.
        """
        later = look()
        now = time.monotonic()
        acquire_s = self.limits.acquire
        since = [holder.idle_since for holder in self.standing(now)] if acquire_s is not None else []
        if acquire_s is not None and since and None not in since:
            begun = max(moment for moment in since if moment is not None)
            while True:
                with self._lock:
                    first = next((item for item in self._queue if isinstance(item, Task)), None)
                if first is None:
                    break
                due = max(begun, first.queued_at) + acquire_s
                if due > now:
                    later = due if later is None else min(later, due)
                    break
                self.refuse(
                    first,
                    PoolTimeout(f"no session was free within {acquire_s:g} s", host=self.host, phase="queue"),
                )
        if later is None and (self._queue or self._borrowers) and (self._loans or self._handed):
            later = math.inf  # a command may be on its way to its session yet: it holds nobody up until it runs
        if later is not None:
            self._set_look(later)

    def look_soon(self) -> None:
        """Has hopeless waits looked for now and then, for as long as anything waits here.

        Threads: any thread, no lock being held; it does not block.
        """
        if (self._queue or self._borrowers) and (self._look is None or self._look.call is None):
            self.crew.tell(lambda: self._set_look(math.inf))

    def _set_look(self, when: float) -> None:
        now = time.monotonic()
        if self._look is None or self._look.call is None:
            # A stream may become full before, which tells more; what is past waits for other threads.
            due = when if now < when < now + _LOOK_S else now + _LOOK_S
            self._look = self._clock.at(max(now + 0.01, due), self._look_later)

    def _look_later(self) -> None:
        self._look = None
        self.find_hopeless()


def _future(request: object) -> Future[object]:
    assert isinstance(request, Future)
    return request
