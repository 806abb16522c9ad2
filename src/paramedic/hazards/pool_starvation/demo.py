"""Proof of ``pool-starvation``: tasks of a thread pool that wait for tasks of the same pool."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"close_after_eof": True}  # EOF after CLOSE is another story: eof-after-close
PATIENCE_S = 3.0
LIMIT_S = 30.0
HOSTS = 4
CHECKS = ("uptime", "df", "date")


def check(client: paramiko.SSHClient, command: str) -> int:
    _, stdout, _ = client.exec_command(f"{command} >/dev/null 2>&1", timeout=10)
    status: int = stdout.channel.recv_exit_status()
    stdout.channel.close()
    return status


def check_host(client: paramiko.SSHClient, pool: ThreadPoolExecutor) -> int:
    """See whether the host answers; then all its checks side by side, each a task of its own."""
    check(client, "true")
    futures = [pool.submit(check, client, command) for command in CHECKS]
    # If every worker of the pool is here, nobody is left for the tasks that they wait for.
    return len([future.result() for future in futures])


def bad(server: DemoServer) -> None:
    """One pool for hosts and checks: four hosts take all four workers."""
    with _connect(server) as client:
        pool = ThreadPoolExecutor(HOSTS, thread_name_prefix="pool")
        _collect([pool.submit(check_host, client, pool) for _ in range(HOSTS)], PATIENCE_S)
        pool.shutdown(cancel_futures=True)  # the checks that nobody began are cancelled: only this ends the wait


def good(server: DemoServer) -> None:
    """A pool of its own for the inner tasks."""
    with (
        _connect(server) as client,
        ThreadPoolExecutor(HOSTS, thread_name_prefix="checks") as inner,
        ThreadPoolExecutor(HOSTS, thread_name_prefix="hosts") as outer,
    ):
        _collect([outer.submit(check_host, client, inner) for _ in range(HOSTS)], LIMIT_S)


def _collect(futures: list[Future[int]], patience_s: float) -> None:
    done, waiting = wait(futures, timeout=patience_s)
    try:
        checks = sum(future.result() for future in done)
    except CancelledError:
        checks = 0
    print(f"{checks} of {HOSTS * len(CHECKS)} checks done, {len(waiting)} hosts wait")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
