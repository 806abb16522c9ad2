"""Proof of ``pool-drained``: clients in a queue, and a task that fails before it puts its client back."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramedic.model.proof import DemoServer

    Pool = queue.Queue[paramiko.SSHClient]
    Task = Callable[[Pool, str], str]

MANNERS = {"close_after_eof": True}  # EOF after CLOSE is another story: eof-after-close
PATIENCE_S = 3.0
LIMIT_S = 30.0
COMMANDS = ["echo a", "exit 1", "echo b", "exit 1", "echo c", "echo d"]


def run(client: paramiko.SSHClient, command: str) -> str:
    _, stdout, _ = client.exec_command(command, timeout=10)
    output = str(stdout.read(), "utf-8").strip()
    if stdout.channel.recv_exit_status() != 0:
        raise RuntimeError(f"{command!r} failed")
    return output


def bad(server: DemoServer) -> None:
    """Each failure takes a client out of the pool for ever; then the rest of the tasks wait."""

    def task(pool: Pool, command: str) -> str:
        client = pool.get()  # no timeout: nobody thought that it could be empty for long
        output = run(client, command)
        pool.put(client)  # not reached when run() raises
        return output

    _work(server, task, PATIENCE_S)


def good(server: DemoServer) -> None:
    """The client goes back whatever happens."""

    def task(pool: Pool, command: str) -> str:
        client = pool.get(timeout=10)
        try:
            return run(client, command)
        finally:
            pool.put(client)

    _work(server, task, LIMIT_S)


def _work(server: DemoServer, task: Task, patience_s: float) -> None:
    clients = [_connect(server), _connect(server)]
    pool: Pool = queue.Queue()
    for client in clients:
        pool.put(client)

    def attempt(command: str) -> None:
        try:
            task(pool, command)
        except RuntimeError as error:
            print(error)

    first = [
        threading.Thread(target=attempt, args=(command,), daemon=True) for command in COMMANDS if "exit" in command
    ]
    rest = [threading.Thread(target=attempt, args=(command,), daemon=True) for command in COMMANDS if "echo" in command]
    for threads, limit_s in (first, LIMIT_S), (rest, patience_s / len(rest)):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(limit_s)
    stuck = [thread for thread in rest if thread.is_alive()]
    print(f"{len(stuck)} tasks wait for a client, {pool.qsize()} of {len(clients)} are in the pool")
    for _ in stuck:
        pool.put(clients[0])  # so that this demo can end
    for thread in stuck:
        thread.join(PATIENCE_S)
    for client in clients:
        client.close()


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
