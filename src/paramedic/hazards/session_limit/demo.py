"""Proof of ``session-limit``: more threads than the server lets have a session on one connection."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"max_sessions": 10, "close_after_eof": True}  # 10 is OpenSSH's default
WORKERS = 16


def bad(server: DemoServer) -> None:
    """16 commands at once on one connection: from the eleventh on, the server refuses."""
    _run_all(server, gate=None)


def good(server: DemoServer) -> None:
    """The same 16 commands, five at a time."""
    # Half of the limit, not all of it: a session that was closed here still counts there for a moment, so that for each
    # one that is about to open there may be one that is about to go.
    _run_all(server, gate=threading.BoundedSemaphore(5))


def _run_all(server: DemoServer, gate: threading.BoundedSemaphore | None) -> None:
    start = threading.Barrier(WORKERS)
    client = _connect(server)

    def work(number: int) -> str:
        start.wait()
        with gate or nullcontext():
            # open_session() behind this: without the gate, six threads get ChannelException(2, ...), or only
            # "Unable to open channel.", because the reason is kept in one place for all threads.
            _, stdout, _ = client.exec_command(f"sleep 1; echo {number}", timeout=10)
            with stdout:
                answer = str(stdout.read(), "utf-8").strip()
                stdout.channel.close()  # gives the session back before the gate opens
            return answer

    with client, ThreadPoolExecutor(WORKERS, thread_name_prefix="probe") as pool:
        futures = [pool.submit(work, number) for number in range(WORKERS)]
        errors = [error for future in futures if (error := future.exception()) is not None]
    print(f"{WORKERS - len(errors)} of {WORKERS} commands ran")
    for text in sorted({f"{type(error).__name__}: {error}" for error in errors}):
        print(text)


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
