"""``Group``: one command, or several, on many hosts."""

from __future__ import annotations

import itertools
import math
import os
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeAlias

from paramedic.safe import chunks
from paramedic.safe.clock import Clock
from paramedic.safe.connection import Connector
from paramedic.safe.crew import Crew
from paramedic.safe.destination import Configuration, Credentials, Destination, destination_of
from paramedic.safe.ending import longest_s
from paramedic.safe.errors import BadConfiguration, NotRun, PoolClosed, SafeError
from paramedic.safe.future import CommandFuture
from paramedic.safe.group_copies import GroupCopies
from paramedic.safe.known_hosts import KnownHosts
from paramedic.safe.outcome import GroupResult, HostOutcome
from paramedic.safe.pool import ClientPool
from paramedic.safe.result import CommandResult, Ending, Limits
from paramedic.safe.standstill import Target, Waiting
from paramedic.safe.verdict import became

_NUMBERS = itertools.count(1)


@dataclass(slots=True, eq=False)
class _Host:
    """One host's part of a run."""

    name: str
    first: int
    commands: Sequence[str]
    futures: dict[int, CommandFuture] = field(default_factory=dict)
    left: int = 0


_Done: TypeAlias = "queue.SimpleQueue[tuple[_Host, int, CommandFuture] | str]"
"""What has ended, or why everything is to end."""


class Group(GroupCopies):
    """Many hosts, of which at most ``concurrency`` are worked on at once, with no thread per command.

    Connections stay open for the next command, at most ``concurrency`` of them; the ``with`` block's end closes them.

    Threads: every method may be called by any thread, several at once; those that wait say so.
    """

    def __init__(
        self,
        hosts: Iterable[str | Destination],
        *,
        concurrency: int = 64,
        threads: int = 8,
        connections: int = 1,
        sessions: int = 10,
        username: str | None = None,
        port: int | None = None,
        password: str | None = None,
        pkey: Any = None,
        key_filename: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
        passphrase: str | None = None,
        allow_agent: bool = True,
        look_for_keys: bool = True,
        credentials: Credentials | None = None,
        known_hosts: KnownHosts | None = None,
        config: Configuration | str | os.PathLike[str] | None = None,
        limits: Limits | None = None,
        leash: bool = False,
        disabled_algorithms: dict[str, Any] | None = None,
        executor: Executor | None = None,
        chunk_size: int = 50,
        worker_setup: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        """Names the hosts; nothing is connected.

        Args:
            hosts: each ``[user@]host[:port]``, or a destination; one that is named twice counts once.
            concurrency: how many hosts are worked on at once, and how many connected ones are kept.
            threads: how many threads copy files; commands need none.
            connections: how many connections each host has at most.
            sessions: how many sessions a connection has at most.
            username: as for :class:`~paramedic.safe.pool.ClientPool`, like the arguments that follow.
            port: instead of the configuration's.
            password: for password and keyboard-interactive authentication.
            pkey: a ``paramiko.PKey``.
            key_filename: one or several private key files.
            passphrase: for key files.
            allow_agent: whether to ask the SSH agent.
            look_for_keys: whether to try the user's default keys if none was named.
            credentials: all of these in one value.
            known_hosts: whose keys are trusted.
            config: an ``ssh_config`` file to apply, "" for the user's and the system's.
            limits: how long each step may take.
            leash: run every command so that it ends when its connection does.
            disabled_algorithms: as for ``paramiko.Transport``.
            executor: run chunks of hosts on it, on other machines perhaps (Dask's ``Client.get_executor(pure=False)``),
                instead of in this process. Credentials do not travel: see ``worker_setup``.
            chunk_size: hosts per task of the executor.
            worker_setup: a function that can be pickled; called on each worker, it returns arguments for this class
                (``password``, ``key_filename``, ``config``, …). By default a worker uses its own agent and keys.

        Raises:
            BadConfiguration: a host or a file makes no sense, or credentials were given together with an executor.

        Threads: any thread. It may read configuration files.
        """
        if concurrency < 1 or chunk_size < 1:
            raise ValueError("concurrency and chunk_size are at least 1")
        if executor is not None and (password or passphrase or pkey is not None or credentials is not None):
            raise BadConfiguration(
                "secrets do not travel to an executor's workers", hint="return them from worker_setup, on the worker"
            )
        self._credentials = credentials or Credentials.named(
            key_filename,
            password=password,
            passphrase=passphrase,
            pkey=pkey,
            allow_agent=allow_agent,
            look_for_keys=look_for_keys,
        )
        if config is not None and not isinstance(config, Configuration):
            config = Configuration(config) if config else Configuration()
        self._destinations: OrderedDict[str, Destination] = OrderedDict()
        for host in hosts:
            found = destination_of(host, config, username=username, port=port)
            self._destinations.setdefault(found.host, found)
        self._name = f"paramedic-group-{next(_NUMBERS)}"
        self._concurrency = concurrency
        self._threads = max(1, min(threads, concurrency))
        self._connections, self._sessions = connections, sessions
        self._limits = limits or Limits()
        self._leash = leash
        self._known_hosts = known_hosts
        self._executor = executor
        self._chunk_size = chunk_size
        self._worker_setup = worker_setup
        self._connector = Connector(
            self._credentials, known_hosts, self._limits, disabled_algorithms=disabled_algorithms
        )
        self._clock, self._crew = Clock(self._name), Crew(self._name)
        # The garbage collector may end the iterator of a run in the middle of what holds it, and then waits for itself.
        self._lock = threading.RLock()
        self._pools: OrderedDict[str, ClientPool] = OrderedDict()
        self._users: dict[str, int] = {}
        self._runs: set[_Done] = set()
        self._halted = ""
        self._closed = False

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts, in the order in which they were named."""
        return tuple(self._destinations)

    def run(
        self,
        command: str | Sequence[str] | Mapping[str, str | Sequence[str]],
        *,
        timeout: float | None = None,
        deadline: float | None = None,
        fail_fast: bool = False,
        check: bool = False,
        retry_safe: bool = False,
        input: bytes | None = None,
    ) -> GroupResult:
        """Runs a command, or several, on every host, and waits for all.

        Args:
            command: one for all hosts, several for all, or a mapping from host to its own; hosts that it lacks are left
                out.
            timeout: seconds that each may run.
            deadline: seconds for everything; what has not ended by then is ended and counts as failed.
            fail_fast: stop everything at the first failure, a status other than 0 included.
            check: raise if anything failed.
            retry_safe: run a command again if its connection is lost.
            input: standard input for every command.

        Raises:
            GroupError: ``check`` was asked for, and something failed.
            PoolClosed: the group is closed.
            BadConfiguration: the mapping names a host that is not in the group.

        Threads: any thread. It blocks.
        """
        found = dict(
            self._outcomes(command, timeout, deadline, fail_fast=fail_fast, retry_safe=retry_safe, input=input)
        )
        result = GroupResult(outcomes=tuple(found[index] for index in sorted(found)))
        return result.check() if check else result

    def as_completed(
        self,
        command: str | Sequence[str] | Mapping[str, str | Sequence[str]],
        *,
        timeout: float | None = None,
        deadline: float | None = None,
        fail_fast: bool = False,
        retry_safe: bool = False,
        input: bytes | None = None,
    ) -> Iterator[HostOutcome]:
        """As :meth:`run`, but yields what became of each as it ends. Leaving the iterator early ends the rest.

        A slow consumer slows down the beginning of further hosts, nothing else.

        Args:
            command: as for :meth:`run`, like all arguments.
            timeout: seconds that each may run.
            deadline: seconds for everything.
            fail_fast: stop everything at the first failure.
            retry_safe: run a command again if its connection is lost.
            input: standard input for every command.

        Raises:
            PoolClosed: the group is closed.
            BadConfiguration: the mapping names a host that is not in the group.

        Threads: one thread takes from the iterator. It blocks.
        """
        for _, outcome in self._outcomes(
            command, timeout, deadline, fail_fast=fail_fast, retry_safe=retry_safe, input=input
        ):
            yield outcome

    def pool(self, host: str) -> ClientPool:
        """The pool of one host, for whatever a group has no method for. It is closed with the group.

        Raises:
            KeyError: there is no such host.
            PoolClosed: the group is closed.

        Threads: any thread; it does not connect.
        """
        return self._begin(host)

    # -- inside

    def _plan(self, command: str | Sequence[str] | Mapping[str, str | Sequence[str]]) -> list[_Host]:
        if isinstance(command, Mapping):
            unknown = [host for host in command if host not in self._destinations]
            if unknown:
                raise BadConfiguration(f"not in this group: {', '.join(unknown[:5])}", hint="name them when making it")
            each = {host: command[host] for host in self._destinations if host in command}
        else:
            each = dict.fromkeys(self._destinations, command)
        hosts: list[_Host] = []
        first = 0
        for name, wanted in each.items():
            commands = [wanted] if isinstance(wanted, str) else list(wanted)
            if commands:
                hosts.append(_Host(name, first, commands, left=len(commands)))
                first += len(commands)
        return hosts

    def _outcomes(
        self,
        command: str | Sequence[str] | Mapping[str, str | Sequence[str]],
        timeout: float | None,
        deadline: float | None,
        *,
        fail_fast: bool,
        retry_safe: bool,
        input: bytes | None,
    ) -> Iterator[tuple[int, HostOutcome]]:
        hosts = self._plan(command)
        end = None if deadline is None else time.monotonic() + deadline
        if self._executor is not None:
            spec = chunks.Spec(
                timeout=timeout,
                retry_safe=retry_safe,
                input=input,
                limits=self._limits,
                leash=self._leash,
                connections=self._connections,
                sessions=self._sessions,
                fail_fast=fail_fast,
            )
            work = [(host.first, self._destinations[host.name], tuple(host.commands)) for host in hosts]
            yield from chunks.outcomes(self._executor, self._worker_setup, spec, work, self._chunk_size, end)
            return
        yield from self._local(hosts, timeout, end, fail_fast, retry_safe, input)

    def _local(
        self,
        hosts: list[_Host],
        timeout: float | None,
        end: float | None,
        fail_fast: bool,
        retry_safe: bool,
        input: bytes | None,
    ) -> Iterator[tuple[int, HostOutcome]]:
        done: _Done = queue.SimpleQueue()
        waiting = iter(hosts)
        active: set[_Host] = set()
        with self._lock:
            self._runs.add(done)
            stopped = self._halted
        try:
            while True:
                while not stopped and len(active) < self._concurrency and (host := next(waiting, None)) is not None:
                    active.add(host)
                    yield from self._start(host, done, timeout, retry_safe, input)
                    if not host.left:
                        active.discard(host)
                if not active:
                    break
                try:
                    left = None if end is None or stopped else max(0.0, end - time.monotonic())
                    with Waiting(lambda: _waits_for(active), deadline=math.inf if end is None else end):
                        said = done.get(timeout=left)
                except queue.Empty:
                    said = "the time for the whole group was up"
                if isinstance(said, str):
                    stopped = stopped or said
                    self._cancel(active)
                    continue
                host, offset, future = said
                outcome = _outcome(host, offset, future, stopped, longest_s(self._limits.grace))
                host.left -= 1
                if not host.left:
                    active.discard(host)
                    self._finish(host.name)
                if fail_fast and not outcome.ok and not stopped:
                    stopped = f"{outcome.host} failed"
                    self._cancel(active)
                yield host.first + offset, outcome
            for host in waiting:
                for offset, text in enumerate(host.commands):
                    yield host.first + offset, HostOutcome(host=host.name, command=text, error=_not_run(host, stopped))
        except (GeneratorExit, SafeError):
            raise  # whoever left the iterator early may not wait here
        except BaseException:
            self._cancel(active)
            for host in active:  # Ctrl-C leaves nothing behind
                for future in host.futures.values():
                    future.end(longest_s(self._limits.grace))
            raise
        finally:
            self._cancel(active)
            with self._lock:
                self._runs.discard(done)
                for host in active:  # left early: the pools are closed when others need the room, not now
                    if host.left and self._users.get(host.name):
                        self._users[host.name] -= 1

    def _halt(self, why: str) -> None:
        """Ends what runs, on another thread's behalf, and has those that wait for it told why."""
        with self._lock:
            self._halted = why
            runs = list(self._runs)
        for done in runs:
            done.put(why)

    def _start(
        self,
        host: _Host,
        done: _Done,
        timeout: float | None,
        retry_safe: bool,
        input: bytes | None,
    ) -> Iterator[tuple[int, HostOutcome]]:
        pool = self._begin(host.name)
        for offset, command in enumerate(host.commands):
            try:
                future = pool.submit(command, timeout=timeout, retry_safe=retry_safe, input=input)
            except SafeError as error:
                host.left -= 1
                if not host.left:
                    self._finish(host.name)
                yield host.first + offset, HostOutcome(host=host.name, command=command, error=error)
                continue
            host.futures[offset] = future
            # Called on a reader thread: putting into a queue is quick, and needs no detour.
            Future.add_done_callback(future, lambda f, host=host, offset=offset: done.put((host, offset, f)))  # type: ignore[misc]

    @staticmethod
    def _cancel(active: Iterable[_Host]) -> None:
        for host in list(active):
            for future in host.futures.values():
                future.cancel()

    def _begin(self, name: str) -> ClientPool:
        with self._lock:
            if self._closed:
                raise PoolClosed("the group is closed", phase="queue")
            pool = self._pools.get(name)
            if pool is None:
                pool = self._pools[name] = ClientPool(
                    self._destinations[name],
                    limits=self._limits,
                    leash=self._leash,
                    _shared=(self._connector, self._clock, self._crew),
                    connections=self._connections,
                    sessions=self._sessions,
                )
            self._pools.move_to_end(name)
            self._users[name] = self._users.get(name, 0) + 1
        return pool

    def _finish(self, name: str) -> None:
        doomed: list[ClientPool] = []
        with self._lock:
            self._users[name] -= 1
            spare = len(self._pools) - self._concurrency
            for other in list(self._pools):
                if spare <= 0:
                    break
                if not self._users.get(other):
                    doomed.append(self._pools.pop(other))
                    spare -= 1
        for pool in doomed:
            pool.close(cancel=True)

    def close(self, *, cancel: bool = False) -> None:
        """Closes all connections; waits for what is under way, or ends it.

        Args:
            cancel: end commands instead of waiting for them.

        Threads: any thread but callbacks of futures, any number of times. It blocks.
        """
        with self._lock:
            self._closed = True
            pools = list(self._pools.values())
            self._pools.clear()
        if cancel:
            # All at once: each takes a moment to end its remote processes.
            threads = [self._crew.start("close", lambda pool=pool: pool.close(cancel=True)) for pool in pools]  # type: ignore[misc]
            for thread in threads:
                if thread is not None:
                    thread.join()
        for pool in pools:
            pool.close(cancel=cancel)
        self._connector.close()
        self._clock.close()
        self._crew.close(5.0)

    def __enter__(self) -> Group:
        if self._closed:
            raise PoolClosed("the group is closed")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(cancel=kind is not None)


def _waits_for(active: Iterable[_Host]) -> list[Target]:
    return [target for host in list(active) for future in list(host.futures.values()) for target in future.waits_for()]


def _not_run(host: _Host, why: str, ending: Ending = Ending.NOT_STARTED) -> NotRun:
    why = why or "the group stopped"
    if ending is Ending.NOT_STARTED:
        return NotRun(f"not run: {why}", ending=ending, host=host.name)
    hint = "look for it there" if ending is Ending.UNKNOWN else None
    return NotRun(f"ended: {why}; {became(ending)}", ending=ending, host=host.name, phase="run", hint=hint)


def _outcome(host: _Host, offset: int, future: CommandFuture, stopped: str, patience_s: float) -> HostOutcome:
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
