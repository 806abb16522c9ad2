"""Proof of ``closed-in-use``: the ``with`` block of the client ends before the workers do."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"close_after_eof": True}  # EOF after CLOSE is another story: eof-after-close
JOBS = 12


def bad(server: DemoServer) -> None:
    """The pool outlives the client: jobs that run lose their output, jobs that start later find no transport."""
    pool = ThreadPoolExecutor(4, thread_name_prefix="backup")
    with _connect(server) as client:
        futures = [pool.submit(back_up, client, number) for number in range(JOBS)]
        _, stdout, _ = client.exec_command("echo backups are under way", timeout=10)
        print(stdout.read().decode().strip())
    # The client is closed here, and the first four jobs are in the middle of their commands.
    _collect(futures)
    pool.shutdown()


def good(server: DemoServer) -> None:
    """The pool's block is inside the client's: it ends first, and waits for its jobs."""
    with _connect(server) as client, ThreadPoolExecutor(4, thread_name_prefix="backup") as pool:
        _collect([pool.submit(back_up, client, number) for number in range(JOBS)])


def back_up(client: paramiko.SSHClient, number: int) -> str:
    _, stdout, _ = client.exec_command(f"sleep 0.5; echo saved {number}", timeout=10)
    text = stdout.read().decode().strip()  # b"" if the transport ends: it looks like a command that said nothing
    status = stdout.channel.recv_exit_status()  # -1 then: the only trace
    return text if status == 0 else f"{text!r}, exit status {status}"


def _collect(futures: list[Future[str]]) -> None:
    for number, future in enumerate(futures):
        try:
            answer = future.result(timeout=10)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        if answer != f"saved {number}":
            print(f"job {number}: {answer}")
    print(f"{len(futures)} jobs collected")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
