"""``ClientPool``: one host, a bounded number of connections, any number of threads.

Commands run on the connections' reader threads: a thread that calls :meth:`ClientPool.run` sleeps until its result is
there, and :meth:`ClientPool.submit` needs no thread at all.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any

import paramiko

from paramedic.safe.clock import Clock
from paramedic.safe.connection import Connector
from paramedic.safe.connections import Borrower
from paramedic.safe.copies import Copies
from paramedic.safe.crew import Crew
from paramedic.safe.destination import Configuration, Credentials, Destination, destination_of
from paramedic.safe.dispatch import Dispatcher
from paramedic.safe.ending import longest_s
from paramedic.safe.errors import BadCommand, PoolClosed, SafeError
from paramedic.safe.feeding import Input, inline_input
from paramedic.safe.future import CommandFuture
from paramedic.safe.known_hosts import KnownHosts
from paramedic.safe.leash import leashed
from paramedic.safe.plan import Sizes
from paramedic.safe.pools import keep
from paramedic.safe.request import all_encoded, encoded, seconds, window
from paramedic.safe.result import CommandResult, Limits, Statistics
from paramedic.safe.shared_client import SharedClient
from paramedic.safe.shelf import Lent, Shelf, wait_for
from paramedic.safe.sink import Collector, Sink
from paramedic.safe.standstill import loan
from paramedic.safe.stream import Channel, Stream
from paramedic.safe.task import Task

_NUMBERS = itertools.count(1)
_WINDOW_BYTES = 2 * 1024 * 1024
_AT_ONCE = 32
"""How many commands are queued in one step: while more are got ready, the first are on their way."""


class ClientPool(Copies):
    """Connections to one host that any number of threads may use at once.

    Use it in a ``with`` block, which waits for what was submitted and ends what is left when the block ends by an
    exception.

    Threads: every method may be called by any thread at any time; those that wait say so. After ``os.fork()`` the child
    cannot use the pool (:class:`~paramedic.safe.errors.PoolClosed`), and the parent goes on as if nothing happened. An
    interpreter that exits ends the commands that still run.
    """

    def __init__(
        self,
        host: str | Destination,
        *,
        port: int | None = None,
        username: str | None = None,
        password: str | None = None,
        pkey: Any = None,
        key_filename: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
        passphrase: str | None = None,
        allow_agent: bool = True,
        look_for_keys: bool = True,
        credentials: Credentials | None = None,
        known_hosts: KnownHosts | None = None,
        config: Configuration | str | os.PathLike[str] | None = None,
        connections: int = 4,
        sessions: int = 10,
        limits: Limits | None = None,
        leash: bool = False,
        runner: bool = False,
        disabled_algorithms: dict[str, Any] | None = None,
        _shared: tuple[Connector, Clock, Crew] | None = None,
    ) -> None:
        """Makes a pool; the first command makes the first connection.

        Args:
            host: ``[user@]host[:port]``, or a destination that was looked up before.
            port: instead of the configuration's.
            username: instead of the configuration's.
            password: for password and keyboard-interactive authentication, and for key files if there is no
                ``passphrase``.
            pkey: a ``paramiko.PKey``, tried first.
            key_filename: one or several private key files.
            passphrase: for key files.
            allow_agent: whether to ask the SSH agent.
            look_for_keys: whether to try the user's default keys if none was named.
            credentials: all of these in one value, instead of them.
            known_hosts: whose keys are trusted: by default the user's and the system's known hosts, strictly.
            config: an ``ssh_config`` file to apply, "" for the user's and the system's; None applies none.
            connections: how many connections there are at most.
            sessions: how many sessions a connection has at most; fewer are learned from the server's refusals.
            limits: how long each step may take.
            leash: run every command so that it ends when its connection does; see :mod:`paramedic.safe.leash`.
            runner: run short commands through a small Python program that stays on the other side, instead of in
                sessions of their own; see :mod:`paramedic.safe.runner`.
            disabled_algorithms: as for ``paramiko.Transport``.

        Raises:
            BadConfiguration: the host, a file or a number makes no sense.

        Threads: any thread; it does not connect. It may read configuration files.
        """
        if connections < 1 or sessions < 1:
            raise ValueError("a pool has at least one connection of at least one session")
        self._name = f"paramedic-pool-{next(_NUMBERS)}"
        limits = limits or Limits()
        destination = destination_of(host, config, username=username, port=port)
        if _shared is None:
            credentials = credentials or Credentials.named(
                key_filename,
                password=password,
                passphrase=passphrase,
                pkey=pkey,
                allow_agent=allow_agent,
                look_for_keys=look_for_keys,
            )
            connector = Connector(credentials, known_hosts, limits, disabled_algorithms=disabled_algorithms)
            self._connector, self._clock, self._crew = connector, Clock(self._name), Crew(self._name)
        else:
            self._connector, self._clock, self._crew = _shared
        self._owns = _shared is None
        self._leash = leash
        self._limits = limits
        self._closed = False
        sizes = Sizes(connections=connections, sessions=sessions)
        self._dispatcher = Dispatcher(
            destination, self._connector, sizes, limits, self._clock, self._crew, runner=runner
        )
        self._shelf = Shelf(self._dispatcher, limits.open)
        self._dispatcher.on_starved = self._shelf.give_way
        keep(self)

    @property
    def host(self) -> str:
        """The host as the caller named it."""
        return self._dispatcher.host

    def __repr__(self) -> str:
        state = self.statistics()
        return (
            f"<ClientPool {self.host}: {state.running} running, {state.queued} queued | "
            f"connections: {state.connections}, {state.connecting} connecting, {state.lent} lent>"
        )

    # -- commands

    def submit(
        self,
        command: str,
        *,
        timeout: float | None = None,
        total_timeout: float | None = None,
        input: Input = None,
        environment: Mapping[str, str] | None = None,
        terminal: bool = False,
        retry_safe: bool = False,
        leash: bool | None = None,
    ) -> CommandFuture:
        """Queues a command and returns at once.

        Args:
            command: as the remote user's shell runs it.
            timeout: seconds that it may run; instead of ``limits.run``.
            total_timeout: seconds from now to its end, waiting and connecting included; instead of ``limits.total``.
            input: its standard input: bytes, text, a binary file, or an iterable of bytes. Files and iterables are read
                on a thread of the pool, as the command takes them. None is an empty input.
            environment: variables to ask for; servers ignore those that they do not expect (AcceptEnv).
            terminal: run it on a pseudo-terminal; both outputs then come as one.
            retry_safe: run it again if the connection is lost while it runs. It may then have run twice.
            leash: instead of the pool's.

        Raises:
            BadCommand: the command is empty or contains NUL, or a leashed one has an input.
            PoolClosed: the pool is closed.

        Threads: any thread; it does not wait for the command, only, for a moment, for a peer that does not read.
        """
        task = self._task(command, Collector(), timeout, total_timeout, input, environment, terminal, retry_safe, leash)
        self._enqueue(task)
        return task.future

    def _enqueue(self, *tasks: Task) -> None:
        try:
            self._dispatcher.enqueue(tasks)
        except PoolClosed:
            raise
        except BaseException:  # Ctrl-C: they may be queued, or run, and nobody would know
            for task in tasks:
                task.future.cancel()
            raise

    def _task(
        self,
        command: str,
        sink: Sink,
        timeout: float | None,
        total_timeout: float | None,
        input: Input,
        environment: Mapping[str, str] | None,
        terminal: bool,
        retry_safe: bool,
        leash: bool | None,
        window_bytes: int = _WINDOW_BYTES,
        sent: tuple[bytes, dict[bytes, bytes] | None] | None = None,
    ) -> Task:
        on_leash = self._leash if leash is None else leash
        sent = sent or encoded(command, environment, self.host)
        if on_leash and input is not None:
            raise BadCommand(
                "a command on a leash has no input", host=self.host, phase="queue", hint="use one or other"
            )
        run_s = self._limits.run if timeout is None else seconds(timeout)
        total_s = self._limits.total if total_timeout is None else seconds(total_timeout)
        now = time.monotonic()
        task = Task(
            pool=self._dispatcher,
            command=command,
            sent_command=leashed(command).encode("utf-8", "surrogateescape") if on_leash else sent[0],
            input=input,
            environment=sent[1],
            terminal=terminal,
            run_s=run_s,
            total_at=None if total_s is None else now + total_s,
            retry_safe=retry_safe and isinstance(sink, Collector),
            leash=on_leash,
            sink=sink,
            window_bytes=window(window_bytes),
            growing_window=isinstance(sink, Collector),
            hangs=not isinstance(sink, Collector) or inline_input(input) is None,
        )
        task.future = CommandFuture(self._crew, task)
        return task

    def run(
        self,
        command: str,
        *,
        timeout: float | None = None,
        total_timeout: float | None = None,
        input: Input = None,
        environment: Mapping[str, str] | None = None,
        terminal: bool = False,
        retry_safe: bool = False,
        leash: bool | None = None,
        check: bool = False,
    ) -> CommandResult:
        """Runs a command and returns how it ended; the arguments are those of :meth:`submit`.

        An exception here, Ctrl-C included, ends the remote process.

        Args:
            command: as the remote user's shell runs it.
            timeout: seconds that it may run.
            total_timeout: seconds from now to its end.
            input: its standard input.
            environment: variables to ask for.
            terminal: run it on a pseudo-terminal.
            retry_safe: run it again if the connection is lost while it runs.
            leash: instead of the pool's.
            check: raise for exit statuses other than 0.

        Raises:
            ConnectFailed: there is no connection; nothing was run.
            CommandTimeout: a limit passed; its ``ending`` says whether the remote process is gone.
            ConnectionLost: the connection died while the command ran.
            SessionRefused: the server runs nothing for us.
            CommandFailed: ``check`` was asked for and the command failed.
            BadCommand: the command cannot be sent.
            PoolClosed: the pool is closed.

        Threads: any thread but callbacks of futures. It blocks.
        """
        task = self._task(command, Collector(), timeout, total_timeout, input, environment, terminal, retry_safe, leash)
        future = task.future
        try:
            self._dispatcher.enqueue_soon(task)
            result = future.result()
        except SafeError:
            raise
        except BaseException:
            future.end(longest_s(self._limits.grace))  # so that Ctrl-C leaves nothing behind
            raise
        return result.check() if check else result

    def _run(self, command: str) -> CommandResult:
        return self.run(command)

    def map(self, commands: Iterable[str], *, timeout: float | None = None) -> Iterator[CommandResult]:
        """Runs commands at the same time and yields their results in the commands' order.

        Leaving the iterator early ends those that still run.

        Args:
            commands: what to run; all are queued at once.
            timeout: seconds that each may run.

        Raises:
            SafeError: as :meth:`run`, from the iterator, when it comes to that command.
            TypeError: it is one string, not several.

        Threads: any thread but callbacks of futures. The iterator blocks.
        """
        checked = all_encoded(commands, self.host)  # one that cannot be sent is told before any is
        futures: deque[CommandFuture] = deque()
        for begins in range(0, len(checked), _AT_ONCE):
            tasks = [
                self._task(command, Collector(), timeout, None, None, None, False, False, None, sent=sent)
                for command, sent in checked[begins : begins + _AT_ONCE]
            ]
            try:
                self._enqueue(*tasks)
            except BaseException:
                _cancel_all(futures)
                raise
            futures.extend(task.future for task in tasks)

        def results() -> Iterator[CommandResult]:
            try:
                while futures:
                    result = futures[0].result()
                    futures.popleft()
                    yield result
            except (GeneratorExit, SafeError):
                raise  # whoever left the iterator early may not wait here
            except BaseException:
                _cancel_all(futures)
                for future in futures:  # as run(): Ctrl-C leaves nothing behind
                    future.end(longest_s(self._limits.grace))
                raise
            finally:
                self._crew.undo(lambda: _cancel_all(futures), lambda: all(future.done() for future in futures))

        return results()

    def stream(
        self,
        command: str,
        *,
        timeout: float | None = None,
        total_timeout: float | None = None,
        input: Input = None,
        environment: Mapping[str, str] | None = None,
        terminal: bool = False,
        leash: bool | None = None,
        window_bytes: int = _WINDOW_BYTES,
        _tell: Callable[[], None] = lambda: None,
    ) -> Stream:
        """Starts a command and returns its output as it comes. At most ``window_bytes`` of it wait in memory.

        Args:
            command: as the remote user's shell runs it.
            timeout: seconds that it may run.
            total_timeout: seconds from now to its end.
            input: its standard input.
            environment: variables to ask for.
            terminal: run it on a pseudo-terminal.
            leash: instead of the pool's.
            window_bytes: raise it for long fat networks: at most this much arrives per round trip.

        Raises:
            BadCommand: the command cannot be sent.
            PoolClosed: the pool is closed.
            ValueError: the window is too small for anything.

        Threads: any thread; it does not block, the stream does.
        """
        sink = Channel(window_bytes, _tell)
        task = self._task(
            command, sink, timeout, total_timeout, input, environment, terminal, False, leash, window_bytes
        )
        # What ended the command must wake whoever waits for output, also if it never got a session.
        Future.add_done_callback(task.future, lambda _: sink.finish())
        self._enqueue(task)
        return Stream(sink, task.future, lambda: task.session, longest_s(self._limits.grace))

    # -- whole clients

    @contextlib.contextmanager
    def client(self, timeout: float | None = 30.0) -> Iterator[paramiko.SSHClient]:
        """Lends a ``paramiko.SSHClient`` on a connection of its own; it is checked before and taken back after.

        Args:
            timeout: seconds to wait until a connection is free; None for no limit.

        Raises:
            PoolTimeout: none was free in time.
            ConnectFailed: none could be made.
            PoolClosed: the pool is closed.

        Threads: the ``with`` block's thread alone uses the client. It blocks.
        """
        borrower, client, lent = Borrower(), SharedClient(), loan("a client")

        def give_back() -> None:
            self._dispatcher.end_loan(lent)
            link, client._transport = client._transport, None
            for channel in list(link._channels.values()) if link is not None else ():
                channel.close()
            self._dispatcher.forgo(borrower)
            borrower.over = True

        try:
            self._dispatcher.ask_for(borrower)
            if not borrower.done():
                self._shelf.clear()  # what nobody uses must not keep the connections from being lent
            # connect() would make its own connection; there is no public way
            client._transport = wait_for(self._dispatcher, borrower, timeout)[1]
            self._dispatcher.begin_loan(lent)
            yield client
        except GeneratorExit:
            self._dispatcher.end_loan(lent)  # now: who asks next is not to be told that it waits for itself
            raise
        finally:
            self._crew.undo(lambda: self._crew.ask(give_back), lambda: borrower.over)

    @contextlib.contextmanager
    def sftp(self, timeout: float | None = 30.0) -> Iterator[paramiko.SFTPClient]:
        """Lends an SFTP client: a session of a connection that others use too. It is kept for the next borrower.

        An answer that takes longer than five minutes ends in a ``TimeoutError``.

        Args:
            timeout: seconds to wait until there is room for a session, and again for the server's answer.

        Raises:
            PoolTimeout: there was no room in time.
            ConnectFailed: no connection could be made.
            SessionRefused: the server has no SFTP, or refuses sessions.
            PoolClosed: the pool is closed.

        Threads: the ``with`` block's thread alone uses the client. It blocks.
        """
        lent = Lent()
        try:
            yield self._shelf.take(lent, timeout)
            lent.is_clean = True
        except GeneratorExit:
            self._shelf.expect(lent)
            raise
        finally:
            self._crew.undo(lambda: self._shelf.put(lent), lambda: lent.is_back)

    def statistics(self) -> Statistics:
        """Counters since the pool was made and its state now, all of one moment.

        Threads: any thread; it does not block.
        """
        return self._dispatcher.statistics()

    def close(self, *, cancel: bool = False, timeout: float | None = None) -> None:
        """Closes the pool: nothing new is taken; commands are waited for, or ended; connections are closed.

        Args:
            cancel: end commands instead of waiting for them.
            timeout: seconds to wait before ending them all the same; None for no limit.

        Threads: any thread but callbacks of futures, any number of times. It blocks; on a thread that the pool needs,
            where only a ``__del__`` can call it, another does it soon.
        """
        self._closed = True
        needed = self._dispatcher.is_inside() or (self._owns and self._crew.has(threading.current_thread()))
        close = functools.partial(self._close, cancel, timeout)
        self._crew.start("close", close) if needed else close()

    def _close(self, cancel: bool, timeout: float | None) -> None:
        self._dispatcher.close(cancel=cancel, timeout=timeout)
        self._shelf.close()
        if self._owns:
            self._connector.close()
            self._clock.close()
            self._crew.close(5.0)

    def __enter__(self) -> ClientPool:
        if self._closed:
            raise PoolClosed("the pool is closed", host=self.host)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(cancel=kind is not None)


def _cancel_all(futures: Iterable[CommandFuture]) -> None:
    for future in futures:
        future.cancel()
