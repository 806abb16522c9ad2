"""Proof of ``nagle-stall``: many short commands, one after the other, on one connection."""

from __future__ import annotations

import socket
import statistics
import time
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"fast": True}  # the server answers at once, so that what is slow is the line
COMMANDS = 40


def bad(server: DemoServer) -> None:
    """Paramiko does not set TCP_NODELAY: small requests wait for the peer's delayed acknowledgement, 40 ms."""
    with _connect(server) as client:
        _run_all(server, client)


def good(server: DemoServer) -> None:
    """One option of the socket, right after connect()."""
    with _connect(server) as client:
        _set_no_delay(client)
        _run_all(server, client)


def _set_no_delay(client: paramiko.SSHClient) -> None:
    transport = client.get_transport()
    assert transport is not None
    transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _run_all(server: DemoServer, client: paramiko.SSHClient) -> None:
    """Each command once more on a connection that does not wait: what a busy machine costs is the same for both."""
    with _connect(server) as other:
        _set_no_delay(other)
        lost_s = statistics.median(_second(client) - _second(other) for _ in range(COMMANDS // 2))
    print(f"{'over' if lost_s > 0.008 else 'under'} 8 ms of most commands are lost")


def _second(client: paramiko.SSHClient) -> float:
    """Seconds of the second of two commands: it waits for what the end of the first has not been told yet."""
    _run(client)
    return _run(client)


def _run(client: paramiko.SSHClient) -> float:
    began_s = time.monotonic()
    _, stdout, _ = client.exec_command("true", timeout=10)
    stdout.read()
    stdout.channel.close()
    return time.monotonic() - began_s


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
