"""``Group``: one command, or several, on many hosts."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from types import TracebackType
from typing import Any, TypeAlias

from paramedic.safe import chunks
from paramedic.safe.clock import Clock
from paramedic.safe.connection import Connector
from paramedic.safe.crew import Crew
from paramedic.safe.destination import Configuration, Credentials, Destination, destination_of
from paramedic.safe.ending import longest_s
from paramedic.safe.errors import BadConfiguration, PoolClosed
from paramedic.safe.group_copies import GroupCopies
from paramedic.safe.group_run import GroupRun, Host, Orders, Told
from paramedic.safe.known_hosts import KnownHosts
from paramedic.safe.outcome import GroupResult, HostLine, HostOutcome
from paramedic.safe.pool import ClientPool
from paramedic.safe.result import Limits

Commands: TypeAlias = str | Sequence[str] | Mapping[str, str | Sequence[str]]
"""One command for all hosts, several for all, or a mapping from host to its own."""
_NUMBERS = itertools.count(1)


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
                instead of in this process. Keys and known_hosts do not travel: see ``worker_setup``; those that are
                given here are for copies and :meth:`pool`, which work from this process.
            chunk_size: hosts per task of the executor.
            worker_setup: a function that can be pickled; called on each worker, it returns arguments for this class
                (``password``, ``key_filename``, ``config``, …). By default a worker uses its own agent and keys.

        Raises:
            BadConfiguration: a host or a file makes no sense, or credentials were given together with an executor.

        Threads: any thread. It may read configuration files.
        """
        if isinstance(hosts, str):  # each of its letters would be a host
            raise TypeError(f"hosts are to be several: Group([{hosts!r}])")
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
        self._runs: set[GroupRun] = set()
        self._halted = ""
        self._closed = False

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts, in the order in which they were named."""
        return tuple(self._destinations)

    def run(
        self,
        command: Commands,
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
        orders = Orders(timeout=timeout, retry_safe=retry_safe, input=input)
        found = dict(self._outcomes(command, deadline, fail_fast, orders))
        result = GroupResult(outcomes=tuple(found[index] for index in sorted(found)))
        return result.check() if check else result

    def as_completed(
        self,
        command: Commands,
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
        orders = Orders(timeout=timeout, retry_safe=retry_safe, input=input)
        for _, outcome in self._outcomes(command, deadline, fail_fast, orders):
            yield outcome

    def lines(
        self,
        command: Commands,
        *,
        timeout: float | None = None,
        deadline: float | None = None,
        fail_fast: bool = False,
        input: bytes | None = None,
    ) -> Iterator[HostLine | HostOutcome]:
        """As :meth:`as_completed`, but yields each line as it comes, and then an outcome whose result has no output.

        Memory is bounded: what a slow consumer has not taken, the hosts have to wait with.

        Args:
            command: as for :meth:`run`, like all arguments.
            timeout: seconds that each may run.
            deadline: seconds for everything.
            fail_fast: stop everything at the first failure.
            input: standard input for every command.

        Raises:
            PoolClosed: the group is closed.
            BadConfiguration: the mapping names a host that is not in the group, or an executor does the work: its
                workers send results only.

        Threads: one thread takes from the iterator. It blocks.
        """
        if self._executor is not None:
            raise BadConfiguration("an executor's workers send no lines", hint="as_completed() tells of each host")
        for _, told in self._told(command, deadline, fail_fast, Orders(timeout=timeout, input=input, live=True)):
            yield told

    def pool(self, host: str) -> ClientPool:
        """The pool of one host, for whatever a group has no method for. It is closed with the group.

        Raises:
            KeyError: there is no such host.
            PoolClosed: the group is closed.

        Threads: any thread; it does not connect.
        """
        return self._begin(host)

    # -- inside

    def _plan(self, command: Commands) -> list[Host]:
        if isinstance(command, Mapping):
            unknown = [host for host in command if host not in self._destinations]
            if unknown:
                raise BadConfiguration(f"not in this group: {', '.join(unknown[:5])}", hint="name them when making it")
            each = {host: command[host] for host in self._destinations if host in command}
        else:
            each = dict.fromkeys(self._destinations, command)
        hosts: list[Host] = []
        first = 0
        for name, wanted in each.items():
            commands = [wanted] if isinstance(wanted, str) else list(wanted)
            if commands:
                hosts.append(Host(name, first, commands, left=len(commands)))
                first += len(commands)
        return hosts

    def _outcomes(
        self, command: Commands, deadline: float | None, fail_fast: bool, orders: Orders
    ) -> Iterator[tuple[int, HostOutcome]]:
        if self._executor is None:
            for number, told in self._told(command, deadline, fail_fast, orders):
                assert isinstance(told, HostOutcome)
                yield number, told
            return
        spec = chunks.Spec(
            timeout=orders.timeout,
            retry_safe=orders.retry_safe,
            input=orders.input,
            limits=self._limits,
            leash=self._leash,
            connections=self._connections,
            sessions=self._sessions,
            fail_fast=fail_fast,
        )
        work = [(host.first, self._destinations[host.name], tuple(host.commands)) for host in self._plan(command)]
        yield from chunks.outcomes(self._executor, self._worker_setup, spec, work, self._chunk_size, _end(deadline))

    def _told(self, command: Commands, deadline: float | None, fail_fast: bool, orders: Orders) -> Iterator[Told]:
        hosts, end = self._plan(command), _end(deadline)
        run = GroupRun(
            self._begin,
            self._finish,
            self._leave,
            concurrency=self._concurrency,
            patience_s=longest_s(self._limits.grace),
        )
        with self._lock:
            self._runs.add(run)
            stopped = self._halted
        try:
            yield from run.told(hosts, orders, end=end, stopped=stopped, fail_fast=fail_fast)
        finally:
            with self._lock:
                self._runs.discard(run)

    def _halt(self, why: str) -> None:
        """Ends what runs, on another thread's behalf, and has those that wait for it told why."""
        with self._lock:
            self._halted = why
            runs = list(self._runs)
        for run in runs:
            run.halt(why)

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

    def _leave(self, name: str) -> None:
        with self._lock:
            if self._users.get(name):
                self._users[name] -= 1

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


def _end(deadline: float | None) -> float | None:
    return None if deadline is None else time.monotonic() + deadline
