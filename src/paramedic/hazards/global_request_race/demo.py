"""Proof of ``global-request-race``: two threads ask for tunnels on one connection at the same time."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import paramiko

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from paramedic.model.proof import DemoServer

MANNERS = {"round_trip_s": 0.02}  # a network, so that two requests are on their way at once
PATIENCE_S = 4.0
LIMIT_S = 30.0
THREADS = 4
TUNNELS = 10


def bad(server: DemoServer) -> None:
    """The replies share one slot: two threads get the same port, none, or an answer that never comes."""
    _open_tunnels(server, nullcontext(), PATIENCE_S)


def good(server: DemoServer) -> None:
    """A lock makes request and reply one step."""
    _open_tunnels(server, threading.Lock(), LIMIT_S)


def _open_tunnels(server: DemoServer, one_at_a_time: AbstractContextManager[Any], patience_s: float) -> None:
    client = _connect(server)
    transport = client.get_transport()
    assert transport is not None
    ports: list[int] = []
    errors: list[str] = []
    start = threading.Barrier(THREADS)

    def work() -> None:
        start.wait()
        try:
            for _ in range(TUNNELS):
                with one_at_a_time:
                    # global_request() has one completion_event and one global_response for the whole transport.
                    ports.append(transport.request_port_forward("127.0.0.1", 0))
        except (paramiko.SSHException, TypeError) as error:
            errors.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience_s)
    stuck = sum(thread.is_alive() for thread in threads)
    client.close()
    for thread in threads:
        thread.join(1.0)
    print(f"{len(set(ports) - {0})} different ports for {THREADS * TUNNELS} tunnels, {stuck} threads stuck")
    for text in sorted(set(errors)):
        print(text)


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
