"""Groups on other machines: chunks of hosts as tasks of any ``concurrent.futures.Executor``.

A task is a function of this module and values that can be pickled; no secret is among them. What a worker needs to
authenticate, it finds on its own machine, or a function of the caller's returns it there.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future, TimeoutError, as_completed
from dataclasses import dataclass
from typing import Any

from paramedic.safe.destination import Destination
from paramedic.safe.ending import longest_s
from paramedic.safe.errors import BadConfiguration, ConnectionLost, NotRun, SafeError
from paramedic.safe.outcome import HostOutcome
from paramedic.safe.result import Ending, Limits
from paramedic.safe.signal_safe import SignalSafeEvent

_ASK_S = 1.0
_MAY_HAVE_RUN = "its commands may have run"
Work = tuple[int, Destination, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What all hosts have in common.

    Threads: a value; share it freely.
    """

    timeout: float | None
    retry_safe: bool
    input: bytes | None
    limits: Limits
    leash: bool
    connections: int
    sessions: int
    deadline: float | None = None
    """Seconds; a worker's clock is not ours."""
    fail_fast: bool = False
    token: str = ""
    """Names this sending of this chunk: it is begun once."""
    stop: str = ""
    """Names the event that ends all chunks of this run."""


def worker_arguments(
    known_hosts_files: Sequence[str],
    host_key_policy: str,
    key_filenames: Sequence[str],
    config: str | None,
    **more: Any,
) -> dict[str, Any]:
    """A ``worker_setup`` for settings that are no secrets, bound with ``functools.partial``: files are read there.

    Args:
        known_hosts_files: empty for those of the hosts' configuration, or the worker's own.
        host_key_policy: "strict", "accept-new" or "off"; "" for that of the hosts' configuration, or "strict".
        key_filenames: private key files on the worker.
        config: an ``ssh_config`` file on the worker, "" for its user's, None for none.
        more: further arguments of ``Group``.

    Threads: any thread of any process; it does not block.
    """
    from typing import cast

    from paramedic.safe.known_hosts import KnownHosts, Policy

    known = None
    if known_hosts_files or host_key_policy:
        known = KnownHosts(*known_hosts_files, policy=cast(Policy, host_key_policy or "strict"))
    return {
        "known_hosts": known,
        "key_filename": list(key_filenames),
        "config": config,
        **more,
    }


def run_chunk(
    work: Sequence[Work], spec: Spec, setup: Callable[[], Mapping[str, Any]] | None
) -> list[tuple[int, HostOutcome]]:
    """Runs one chunk, on a worker; what goes wrong with a host is part of what is returned.

    Raises:
        RuntimeError: it was begun before, by a worker that was lost; nothing is run a second time.

    Threads: any thread of any process. It blocks.
    """
    from paramedic.safe.group import Group

    if not _begins(spec.token):
        raise RuntimeError("another worker had begun it and was lost")
    by_host = {destination.host: (first, commands) for first, destination, commands in work}
    try:
        arguments = dict(setup()) if setup is not None else {}
        made = Group(
            [destination for _, destination, _ in work],
            limits=spec.limits,
            leash=spec.leash,
            connections=spec.connections,
            sessions=spec.sessions,
            **{"concurrency": len(work), **arguments},
        )
    except Exception as error:
        wrong = f"worker_setup is no good on the worker: {type(error).__name__}: {error}"
        return list(_failed(work, BadConfiguration(wrong, hint="nothing was run: call it there by hand")))
    with made as group, _stopped_by(spec.stop, group._halt):
        result = group.run(
            {host: list(commands) for host, (_, commands) in by_host.items()},
            timeout=spec.timeout,
            deadline=spec.deadline,
            fail_fast=spec.fail_fast,
            retry_safe=spec.retry_safe,
            input=spec.input,
        )
    counts: dict[str, int] = {}
    found: list[tuple[int, HostOutcome]] = []
    for outcome in result:
        offset = counts.get(outcome.host, 0)
        counts[outcome.host] = offset + 1
        found.append((by_host[outcome.host][0] + offset, outcome))
    return found


def _begins(token: str) -> bool:
    # Dask runs a lost worker's tasks again without a word (distributed.scheduler.allowed-failures is 3). The scheduler
    # remembers what was begun; one small entry per chunk stays there.
    distributed = sys.modules.get("distributed")
    if distributed is None or not token:
        return True
    try:
        distributed.get_worker()
    except ValueError:
        return True
    begun = distributed.Event(f"paramedic-{token}")
    if begun.is_set():
        return False
    begun.set()
    return True


@contextlib.contextmanager
def _stopped_by(name: str, halt: Callable[[str], None]) -> Iterator[None]:
    # Dask lets a task that runs go on when its future is cancelled; its worker asks the scheduler.
    distributed = sys.modules.get("distributed")
    if distributed is None or not name:
        yield
        return
    try:
        distributed.get_worker()
    except ValueError:
        yield
        return
    event: Any = distributed.Event(name, client=distributed.get_client())
    over = SignalSafeEvent()

    def watch() -> None:
        with contextlib.suppress(Exception):  # the scheduler is gone: then nobody waits for the results either
            while not over.is_set():
                if event.wait(timeout=_ASK_S):
                    halt("the group stopped")
                    return

    thread = threading.Thread(target=watch, name="paramedic-stop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_ASK_S + 5)


def _dask_client(executor: Executor) -> Any:
    distributed = sys.modules.get("distributed")
    client = getattr(executor, "_client", None)
    return client if distributed is not None and isinstance(client, distributed.Client) else None


def _stopper(executor: Executor, name: str) -> Callable[[], bool]:
    """What ends the chunks that run on Dask's workers; says whether it could."""

    def stop() -> bool:
        client = _dask_client(executor)
        if client is None:
            return False
        try:
            event: Any = sys.modules["distributed"].Event(name, client=client)
            event.set()
        except Exception:  # the scheduler is gone
            return False
        return True

    return stop


def outcomes(
    executor: Executor,
    setup: Callable[[], Mapping[str, Any]] | None,
    spec: Spec,
    work: Sequence[Work],
    chunk_size: int,
    end: float | None,
) -> Iterator[tuple[int, HostOutcome]]:
    """Sends the chunks and yields what comes back, chunk by chunk.

    A chunk whose worker is lost counts as failed on all its hosts, for its commands may have run; if they are
    ``retry_safe``, it is sent once more.

    Threads: one thread. It blocks.
    """
    import dataclasses

    pending: dict[Future[list[tuple[int, HostOutcome]]], tuple[Sequence[Work], int]] = {}

    def send(part: Sequence[Work], attempt: int) -> None:
        limit = None if end is None else max(0.0, end - time.monotonic())
        own = dataclasses.replace(spec, deadline=limit, token=os.urandom(16).hex(), stop=name)
        pending[executor.submit(run_chunk, part, own, setup)] = (part, attempt)

    name = f"paramedic-stop-{os.urandom(16).hex()}"
    stop = _stopper(executor, name)
    stopped = ""
    try:
        for at in range(0, len(work), chunk_size):
            send(work[at : at + chunk_size], 1)
        while pending:
            left = None if end is None or stopped else max(0.0, end - time.monotonic()) + longest_s(spec.limits.grace)
            try:
                future = next(as_completed(list(pending), timeout=left))
            except TimeoutError:
                stopped = "the time for the whole group was up"
                for part, _ in pending.values():
                    yield from _failed(part, NotRun(stopped, ending=Ending.UNKNOWN, phase="run"))
                return
            part, attempt = pending.pop(future)
            try:
                found = future.result()
            except CancelledError:
                if _dask_client(executor) is None:  # others cancel what has not begun, and nothing else
                    yield from _failed(part, NotRun(f"not run: {stopped or 'cancelled'}", ending=Ending.NOT_STARTED))
                else:
                    yield from _failed(part, ConnectionLost("the cluster was lost", hint=_MAY_HAVE_RUN))
                continue
            except Exception as error:
                lost = f"the worker failed: {type(error).__name__}: {error}"
                if spec.retry_safe and attempt == 1 and not stopped:
                    try:
                        send(part, attempt + 1)
                        continue
                    except Exception as trouble:  # a pool of processes takes no more when one of them was killed
                        lost += f"; it could not be sent again: {trouble}"
                yield from _failed(part, ConnectionLost(lost, hint=_MAY_HAVE_RUN))
                continue
            for index, outcome in found:
                yield index, outcome
                if spec.fail_fast and not outcome.ok and not stopped:
                    stopped = f"{outcome.host} failed"
                    if pending and not stop():  # Dask's tell what became of their commands
                        for other in pending:
                            other.cancel()
    finally:
        if pending:  # Ctrl-C, the deadline, or the iterator was left
            stop()
        for other in pending:
            other.cancel()


def _failed(part: Sequence[Work], error: SafeError) -> Iterator[tuple[int, HostOutcome]]:
    import copy

    for first, destination, commands in part:
        for offset, command in enumerate(commands):
            own = copy.copy(error)
            own.host = destination.host
            yield first + offset, HostOutcome(host=destination.host, command=command, error=own)
