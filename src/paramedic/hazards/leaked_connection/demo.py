"""Proof of ``leaked-connection``: one client for each thread, in threading.local, and no word about closing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"close_after_eof": True}  # EOF after CLOSE is another story: eof-after-close
ROUNDS = 3
WORKERS = 4


def bad(server: DemoServer) -> None:
    """The threads end and their locals go; the transports are threads of their own, and stay."""
    own = threading.local()

    def probe(number: int) -> str:
        if not hasattr(own, "client"):
            own.client = _connect(server)  # nobody closes it: a client that is dropped does not close (since 2.2)
        return _run(own.client, f"echo {number}")

    before = _transports()
    for _ in range(ROUNDS):
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(probe, range(WORKERS * 2)))
    print(f"{_transports() - before} connections outlive their workers")


def good(server: DemoServer) -> None:
    """What a worker opens is written down, and closed when the pool has ended."""
    own = threading.local()
    opened: list[paramiko.SSHClient] = []
    lock = threading.Lock()

    def begin() -> None:
        own.client = _connect(server)
        with lock:
            opened.append(own.client)

    def probe(number: int) -> str:
        return _run(own.client, f"echo {number}")

    before = _transports()
    for _ in range(ROUNDS):
        with ThreadPoolExecutor(WORKERS, initializer=begin) as pool:
            list(pool.map(probe, range(WORKERS * 2)))
        while opened:
            client = opened.pop()
            transport = client.get_transport()
            client.close()
            transport.join(5)
    print(f"{_transports() - before} connections outlive their workers")


def _transports() -> int:
    return sum(isinstance(thread, paramiko.Transport) for thread in threading.enumerate())


def _run(client: paramiko.SSHClient, command: str) -> str:
    _, stdout, _ = client.exec_command(command, timeout=10)
    return str(stdout.read(), "utf-8")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
