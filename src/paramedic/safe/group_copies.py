"""Files to and from many hosts."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from paramedic.safe import copying
from paramedic.safe.errors import BadConfiguration, GroupError, NotRun, SafeError, TransferError
from paramedic.safe.pool import ClientPool
from paramedic.safe.result import Ending
from paramedic.safe.signal_safe import SignalSafeEvent
from paramedic.safe.standstill import Waiting
from paramedic.safe.transfer import CopyResult, Halt, Options, Verify

_PATIENCE_S = 10.0
"""How long copies that are stopped have to remove what is of no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOutcome:
    """What became of a copy to or from one host.

    Threads: a value; share it freely.
    """

    host: str
    result: CopyResult | None = None
    error: SafeError | None = None

    @property
    def ok(self) -> bool:
        """Whether everything was copied."""
        return self.error is None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCopyResult:
    """What became of all hosts, in the order in which they were named.

    Threads: a value; share it freely.
    """

    outcomes: tuple[CopyOutcome, ...]

    @property
    def ok(self) -> bool:
        """Whether everything was copied."""
        return all(outcome.ok for outcome in self.outcomes)

    @property
    def succeeded(self) -> tuple[CopyOutcome, ...]:
        """Those where everything was copied."""
        return tuple(outcome for outcome in self.outcomes if outcome.ok)

    @property
    def failed(self) -> tuple[CopyOutcome, ...]:
        """All others."""
        return tuple(outcome for outcome in self.outcomes if not outcome.ok)

    def check(self) -> GroupCopyResult:
        """Returns itself if everything was copied.

        Raises:
            GroupError: something was not; it has one error for each host.

        Threads: any thread; it does not block.
        """
        errors = [outcome.error for outcome in self.failed if outcome.error is not None]
        if errors:
            raise GroupError(f"{len(errors)} of {len(self.outcomes)} failed", errors)
        return self


class GroupCopies:
    """``upload`` and ``download``; :class:`~paramedic.safe.group.Group` has them.

    Threads: every method may be called by any thread; they block.
    """

    _threads: int

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts, in the order in which they were named."""
        raise NotImplementedError

    def _begin(self, name: str) -> ClientPool:
        raise NotImplementedError

    def _finish(self, name: str) -> None:
        raise NotImplementedError

    def upload(
        self,
        local: str | os.PathLike[str],
        remote: str | os.PathLike[str],
        *,
        resume: bool = False,
        preserve: bool = True,
        follow_symlinks: bool = False,
        verify: Verify = "size",
        fail_fast: bool = False,
    ) -> GroupCopyResult:
        """Copies a file or a tree to every host; the arguments are those of ``ClientPool.upload``.

        Args:
            local: a file or a directory.
            remote: its name there.
            resume: go on with what an earlier attempt left.
            preserve: keep permissions and times.
            follow_symlinks: copy what links in a tree point to.
            verify: compare sizes, or SHA-256 sums too.
            fail_fast: stop everything at the first failure.

        Raises:
            PoolClosed: the group is closed.

        Threads: any thread. It blocks; at most as many threads copy as ``threads`` says.
        """

        def one(pool: ClientPool, host: str, halt: Halt) -> CopyResult:
            options = Options(resume=resume, preserve=preserve, follow_symlinks=follow_symlinks, halt=halt)
            return copying.upload(pool._dispatcher, pool._run, local, remote, options, verify).check()

        return self._gather(one, fail_fast)

    def download(
        self,
        remote: str | os.PathLike[str],
        local: str | os.PathLike[str],
        *,
        resume: bool = False,
        preserve: bool = True,
        follow_symlinks: bool = False,
        verify: Verify = "size",
        fail_fast: bool = False,
    ) -> GroupCopyResult:
        """Copies a file or a tree from every host into a directory named after it.

        Args:
            remote: a file or a directory there.
            local: a directory here; it gets one directory per host.
            resume: go on with what an earlier attempt left.
            preserve: keep permissions and times.
            follow_symlinks: copy what links in a tree point to.
            verify: compare sizes, or SHA-256 sums too.
            fail_fast: stop everything at the first failure.

        Raises:
            PoolClosed: the group is closed.
            BadConfiguration: a host's name cannot be one of a directory.

        Threads: any thread. It blocks; at most as many threads copy as ``threads`` says.
        """
        for host in self.hosts:
            if "/" in host or host in (".", "..") or os.sep in host:
                raise BadConfiguration(
                    f"no directory can be named {host!r}", host=host, phase="copy", hint="give it a Host in ssh_config"
                )

        def one(pool: ClientPool, host: str, halt: Halt) -> CopyResult:
            folder = os.path.join(os.fspath(local), host)
            copying.make_folder(folder, host)
            options = Options(resume=resume, preserve=preserve, follow_symlinks=follow_symlinks, halt=halt)
            target = os.path.join(folder, "")
            return copying.download(pool._dispatcher, pool._run, remote, target, options, verify).check()

        return self._gather(one, fail_fast)

    def _gather(self, one: Callable[[ClientPool, str, Halt], CopyResult], fail_fast: bool) -> GroupCopyResult:
        found = dict(self._copies(one, self.hosts, fail_fast))
        return GroupCopyResult(outcomes=tuple(found[host] for host in self.hosts))

    def _copies(
        self, one: Callable[[ClientPool, str, Halt], CopyResult], hosts: Sequence[str], fail_fast: bool
    ) -> Iterator[tuple[str, CopyOutcome]]:
        waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[str, CopyOutcome]] = queue.SimpleQueue()
        stopped = SignalSafeEvent()

        halt = Halt()

        def work() -> None:
            while (host := waiting.get()) is not None:
                outcome = CopyOutcome(
                    host=host, error=NotRun("not copied: another host failed", ending=Ending.NOT_STARTED, host=host)
                )
                if not stopped.is_set():
                    found = self._copy(one, host, halt)
                    if not (halt.called and isinstance(found.error, SafeError)):
                        outcome = found
                    if fail_fast and not found.ok:
                        stopped.set()
                        halt.call()
                done.put((host, outcome))

        threads = [
            threading.Thread(target=work, name=f"paramedic-copy-{n}", daemon=True)
            for n in range(min(self._threads, len(hosts)))
        ]
        for each in (*hosts, *(None for _ in threads)):
            waiting.put(each)
        try:
            for n, thread in enumerate(threads):
                try:
                    thread.start()
                except RuntimeError:  # too many threads run: those that there are do it
                    if not n:
                        raise
                    break
            for _ in hosts:
                with Waiting(lambda: [thread for thread in threads if thread.is_alive()]):
                    found = done.get()
                yield found
        finally:
            stopped.set()
            halt.call()
            deadline = time.monotonic() + _PATIENCE_S  # one that still connects ends when the group is closed
            for thread in filter(threading.Thread.is_alive, threads):
                thread.join(max(0.0, deadline - time.monotonic()))

    def _copy(self, one: Callable[[ClientPool, str, Halt], CopyResult], host: str, halt: Halt) -> CopyOutcome:
        try:
            pool = self._begin(host)
        except SafeError as error:
            return CopyOutcome(host=host, error=error)
        try:
            return CopyOutcome(host=host, result=one(pool, host, halt))
        except SafeError as error:
            return CopyOutcome(host=host, error=error, result=getattr(error, "result", None))
        except Exception as error:  # a full disk, a directory that cannot be made
            return CopyOutcome(host=host, error=TransferError(f"{type(error).__name__}: {error}", host=host))
        finally:
            self._finish(host)
