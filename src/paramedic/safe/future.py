"""A future whose ``cancel()`` also ends a command that runs."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from paramedic.safe.crew import Crew
from paramedic.safe.result import CommandResult, Ending
from paramedic.safe.standstill import Waiting
from paramedic.safe.waited import WaitedFuture

if TYPE_CHECKING:
    from paramedic.safe.dispatch import Dispatcher
    from paramedic.safe.task import Task


class CommandFuture(WaitedFuture[CommandResult]):
    """A ``concurrent.futures.Future`` of a command.

    Two things differ from the base class. ``cancel()`` works while the command runs: the future is cancelled at once,
    and the remote process is being ended; :meth:`ending` tells how that went. And callbacks are never called on the
    thread that reads the connection, where a slow one would stop every other command.

    Threads: every method may be called by any thread; ``result()``, ``exception()`` and ``ending()`` block.
    """

    def __init__(self, crew: Crew, task: Task) -> None:
        """Made by pools only.

        Threads: any thread; it does not block.
        """
        super().__init__()
        self._crew = crew
        self._task: Task | None = task
        self._is_running = False
        self._ending: Ending | None = None

    def running(self) -> bool:
        """Whether the command was sent and has not ended.

        Threads: any thread; it does not block.
        """
        return self._is_running and not self.done()

    def cancel(self) -> bool:
        """Cancels the command: takes it out of the queue, or has its remote process ended. False if it is over.

        Threads: any thread; it does not wait for the remote process.
        """
        # The base class has the condition for some steps; who ends the future must not wait for the main thread.
        return self._crew.ask(self._cancel)

    def _cancel(self) -> bool:
        if not super().cancel():
            return False
        mine = object()
        if self.__dict__.setdefault("_cancelled_by", mine) is not mine:  # one step: no lock
            return True  # somebody else cancelled it, or is about to
        # as_completed() and wait() count a cancelled future only once this was called.
        self.set_running_or_notify_cancel()
        task = self._task
        if task is not None and task.pool.is_inside():
            self._crew.deliver(task.cancel)
        elif task is not None:
            task.cancel()
        return True

    def result(self, timeout: float | None = None) -> CommandResult:
        """As the base class.

        Raises:
            PoolDeadlock: the command waits for what only this thread, or others that wait as well, can give back.

        Threads: any thread. It blocks.
        """
        if timeout is None and not self.done():
            with self._waiting():
                return super().result()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As the base class.

        Threads: any thread. It blocks.
        """
        if timeout is None and not self.done():
            with self._waiting():
                return super().exception()
        return super().exception(timeout)

    def _waiting(self) -> Waiting:
        task = self._task
        limit = None if task is None else task.total_at
        return Waiting(self.waits_for, deadline=math.inf if limit is None else limit)

    def waits_for(self) -> Sequence[tuple[Dispatcher, Task]]:
        """The command, while it has not ended.

        Threads: any thread; it does not block.
        """
        task = self._task
        return () if task is None else ((task.pool, task),)

    def ending(self, timeout: float | None = None) -> Ending:
        """What became of the remote process, once that is known.

        Raises:
            TimeoutError: it is not known after ``timeout`` seconds.

        Threads: any thread. It blocks.
        """
        if not self._wait(lambda: self._ending is not None, timeout):
            raise TimeoutError("the command has not ended yet")
        assert self._ending is not None
        return self._ending

    def add_done_callback(self, fn: Callable[[Future[CommandResult]], Any]) -> None:
        """As the base class; ``fn`` is called on the pool's callback thread, or here if the command is over.

        Threads: any thread; it does not block, unless ``fn`` is called here and does.
        """
        here = threading.current_thread()

        def call(future: Future[CommandResult]) -> None:
            if threading.current_thread() is here:
                fn(future)
            else:
                self._crew.deliver(lambda: fn(future))

        if self.done():
            super().add_done_callback(call)
        else:
            self._crew.ask(lambda: super(CommandFuture, self).add_done_callback(call))

    def end(self, timeout: float) -> Ending:
        """Cancels the command and waits until its remote process has ended, or is given up.

        Args:
            timeout: seconds to wait at most; what has not ended by then is UNKNOWN.

        Threads: any thread. It blocks.
        """
        self.cancel()
        try:
            return self.ending(timeout)
        except TimeoutError:
            return Ending.UNKNOWN

    # -- the pool's side

    def settle(self, result: CommandResult | BaseException, ending: Ending) -> bool:
        """Ends the future, unless it was cancelled; says whether the result was taken.

        Threads: any thread; it does not block.
        """
        self._ending = ending
        self._is_running = False
        self._task = None  # it leads back here: thousands of circles would keep the garbage collector busy
        try:
            if isinstance(result, BaseException):
                self.set_exception(result)
            else:
                self.set_result(result)
        except Exception:  # InvalidStateError: cancelled meanwhile; nobody waits for the result, but for the ending
            self._tell()
            return False
        return True
