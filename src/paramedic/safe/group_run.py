"""One run of commands on the hosts of a group: which host is begun when, and what is told of each as it comes."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import TypeAlias

from paramedic.safe.errors import NotRun, SafeError
from paramedic.safe.future import CommandFuture
from paramedic.safe.outcome import HostLine, HostOutcome
from paramedic.safe.pool import ClientPool
from paramedic.safe.result import CommandResult, Ending
from paramedic.safe.standstill import Target, Waiting
from paramedic.safe.stream import Chunk, Lines, Stream
from paramedic.safe.verdict import became

_TIME_IS_UP = "the time for the whole group was up"
_WINDOW_BYTES = 256 * 1024
"""How much of a command's output may wait to be taken line by line: there may be hundreds of hosts, and what waits when
a limit passes is told yet."""


@dataclass(slots=True, eq=False)
class Host:
    """One host's part of a run.

    Threads: it belongs to the run.
    """

    name: str
    first: int
    """The number of its first command, among those of all hosts."""
    commands: Sequence[str]
    futures: dict[int, CommandFuture] = field(default_factory=dict)
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """How the commands are run.

    Threads: a value; share it freely.
    """

    timeout: float | None = None
    retry_safe: bool = False
    input: bytes | None = None
    live: bool = False
    """Whether lines are told as they come, and none is kept for the result."""


@dataclass(frozen=True, slots=True, eq=False)
class _Output:
    """A command's output as it comes. In the queue: there is a chunk to be taken."""

    host: Host
    offset: int
    stream: list[Stream] = field(default_factory=list)
    """Empty when all was taken; it leads back here."""
    lines: Lines = field(default_factory=Lines)

    def taken(self) -> Iterator[Told]:
        """The lines that are whole with the next chunk."""
        for stream in self.stream[:]:  # none, if it ended meanwhile
            try:
                chunk = stream.read(0)
            except (SafeError, CancelledError):  # its outcome says so
                return
            if chunk is not None:
                yield from self._told(self.lines.of(chunk))

    def rest(self) -> Iterator[Told]:
        """What is left when the command has ended. One that is cancelled has ended while its output still comes: what
        nobody has been told of yet must not be told after its outcome."""
        while self.stream:
            try:
                chunk = self.stream[0].read(0)
            except (SafeError, CancelledError):
                chunk = None
            if chunk is None:
                self.stream.clear()
            else:
                yield from self._told(self.lines.of(chunk))
        yield from self._told(self.lines.rest())

    def _told(self, lines: Iterator[Chunk]) -> Iterator[Told]:
        name, command = self.host.name, self.host.commands[self.offset]
        number = self.host.first + self.offset
        for line in lines:
            yield number, HostLine(host=name, command=command, stream=line.stream, data=line.data)


_Ended: TypeAlias = tuple[Host, int, CommandFuture, _Output | None]
Told: TypeAlias = tuple[int, HostOutcome | HostLine]
"""The number of a command, and what is told of it: its lines, if those are wanted, and at last its outcome."""


class GroupRun:
    """Runs commands on hosts, of which at most so many are worked on at once.

    Threads: one thread takes from :meth:`told`; any thread may call :meth:`halt`.
    """

    def __init__(
        self,
        begin: Callable[[str], ClientPool],
        finish: Callable[[str], None],
        leave: Callable[[str], None],
        *,
        concurrency: int,
        patience_s: float,
    ) -> None:
        """Made by a group.

        Args:
            begin: a host is worked on; returns its pool.
            finish: it is not any more.
            leave: nor is it, and its pool may not be waited for now.
            concurrency: how many hosts at once.
            patience_s: how long the end of a command that is ended may take, in seconds.

        Threads: any thread; it does not block.
        """
        self._begin, self._finish, self._leave = begin, finish, leave
        self._concurrency = concurrency
        self._patience_s = patience_s
        self._came: queue.SimpleQueue[_Ended | _Output | str] = queue.SimpleQueue()
        self._active: set[Host] = set()

    def halt(self, why: str) -> None:
        """Ends what runs, and has those that wait for it told why.

        Threads: any thread; it does not block.
        """
        self._came.put(why)

    def told(
        self, hosts: Iterable[Host], orders: Orders, *, end: float | None, stopped: str, fail_fast: bool
    ) -> Iterator[Told]:
        """What becomes of each command, as it does. Leaving the iterator early ends the rest.

        Args:
            hosts: in the order in which they are begun.
            orders: how commands are run.
            end: when everything is to be over (``time.monotonic()``), or None.
            stopped: why nothing is to be begun; "" if it may.
            fail_fast: whether the first failure ends everything.

        Raises:
            PoolClosed: the group is closed.

        Threads: one thread takes from the iterator. It blocks.
        """
        active, waiting = self._active, iter(hosts)
        try:
            while True:
                while not stopped and len(active) < self._concurrency and (host := next(waiting, None)) is not None:
                    active.add(host)
                    yield from self._start(host, orders)
                    if not host.left:
                        active.discard(host)
                if not active:
                    break
                said = self._next(None if stopped else end)
                if isinstance(said, str):
                    stopped = stopped or said
                    self._cancel()
                    continue
                if isinstance(said, _Output):
                    yield from said.taken()
                    continue
                host, offset, future, output = said
                outcome = _outcome(host, offset, future, stopped, self._patience_s)
                host.left -= 1
                if not host.left:
                    active.discard(host)
                    self._finish(host.name)
                if fail_fast and not outcome.ok and not stopped:
                    stopped = f"{outcome.host} failed"
                    self._cancel()
                if output is not None:
                    yield from output.rest()
                yield host.first + offset, outcome
            for host in waiting:
                for offset, text in enumerate(host.commands):
                    yield host.first + offset, HostOutcome(host=host.name, command=text, error=_not_run(host, stopped))
        except (GeneratorExit, SafeError):
            raise  # whoever left the iterator early may not wait here
        except BaseException:
            self._cancel()
            for host in active:  # Ctrl-C leaves nothing behind
                for future in host.futures.values():
                    future.end(self._patience_s)
            raise
        finally:
            self._cancel()
            for host in active:  # left early: the pools are closed when others need the room, not now
                if host.left:
                    self._leave(host.name)

    def _next(self, end: float | None) -> _Ended | _Output | str:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:  # where lines come faster than they are taken, the queue is never empty
            return _TIME_IS_UP
        try:
            with Waiting(self._waits_for, deadline=math.inf if end is None else end):
                return self._came.get(timeout=left)
        except queue.Empty:
            return _TIME_IS_UP

    def _waits_for(self) -> list[Target]:
        futures = (future for host in list(self._active) for future in list(host.futures.values()))
        return [target for future in futures for target in future.waits_for()]

    def _start(self, host: Host, orders: Orders) -> Iterator[Told]:
        pool = self._begin(host.name)
        for offset, command in enumerate(host.commands):
            output = _Output(host, offset) if orders.live else None
            try:
                if output is not None:
                    future = self._stream(pool, output, orders)
                else:
                    future = pool.submit(
                        command, timeout=orders.timeout, retry_safe=orders.retry_safe, input=orders.input
                    )
            except SafeError as error:
                host.left -= 1
                if not host.left:
                    self._finish(host.name)
                yield host.first + offset, HostOutcome(host=host.name, command=command, error=error)
                continue
            host.futures[offset] = future
            ended = lambda f, host=host, offset=offset, output=output: self._came.put((host, offset, f, output))  # noqa: E731
            # Called on a reader thread: putting into a queue is quick, and needs no detour.
            Future.add_done_callback(future, ended)

    def _stream(self, pool: ClientPool, output: _Output, orders: Orders) -> CommandFuture:
        # The stream is there before anybody can have looked into the queue; its reader may be quicker than we are.
        stream = pool.stream(
            output.host.commands[output.offset],
            timeout=orders.timeout,
            input=orders.input,
            window_bytes=_WINDOW_BYTES,
            _tell=lambda: self._came.put(output),
        )
        output.stream.append(stream)
        return stream.future

    def _cancel(self) -> None:
        for host in list(self._active):
            for future in host.futures.values():
                future.cancel()


def _not_run(host: Host, why: str, ending: Ending = Ending.NOT_STARTED) -> NotRun:
    why = why or "the group stopped"
    if ending is Ending.NOT_STARTED:
        return NotRun(f"not run: {why}", ending=ending, host=host.name)
    hint = "look for it there" if ending is Ending.UNKNOWN else None
    return NotRun(f"ended: {why}; {became(ending)}", ending=ending, host=host.name, phase="run", hint=hint)


def _outcome(host: Host, offset: int, future: CommandFuture, stopped: str, patience_s: float) -> HostOutcome:
    command = host.commands[offset]
    result: CommandResult | None = None
    error: SafeError | None = None
    try:
        result = future.result(0)
    except SafeError as trouble:
        error = trouble
        result = getattr(trouble, "result", None)
    except CancelledError:
        # All were cancelled at once, and end at the same time: none is waited for long after another.
        error = _not_run(host, stopped, future.end(patience_s))
    return HostOutcome(host=host.name, command=command, result=result, error=error)
