"""Proof of ``connect-storm``: a program starts, and all its workers log in to one server at once."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import paramiko

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from paramedic.model.proof import DemoServer

MANNERS = {"max_startups": 10, "auth_delay_s": 0.5}  # OpenSSH's default is 10:30:100; logins take their time
WORKERS = 40


def bad(server: DemoServer) -> None:
    """Forty logins at once: the server drops those beyond ten that are under way."""
    _connect_all(server, nullcontext())


def good(server: DemoServer) -> None:
    """The same forty, five at a time."""
    _connect_all(server, threading.BoundedSemaphore(5))


def _connect_all(server: DemoServer, gate: AbstractContextManager[Any]) -> None:
    start = threading.Barrier(WORKERS)
    clients: list[paramiko.SSHClient] = []
    errors: list[str] = []

    def work() -> None:
        client = paramiko.SSHClient()
        clients.append(client)
        client.load_host_keys(server.known_hosts_file)
        start.wait()
        try:
            with gate:
                client.connect(**server.connect_kwargs(), timeout=10)
        except (paramiko.SSHException, EOFError, OSError) as error:
            errors.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, daemon=True) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    print(f"{WORKERS - len(errors)} of {WORKERS} workers are connected")
    for text in sorted(set(errors)):
        print(text)
    for client in clients:
        client.close()
