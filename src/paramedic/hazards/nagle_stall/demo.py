"""Proof of ``nagle-stall``: many short commands, one after the other, on one connection."""

from __future__ import annotations

import socket
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
        _run_all(client)


def good(server: DemoServer) -> None:
    """One option of the socket, right after connect()."""
    with _connect(server) as client:
        transport = client.get_transport()
        assert transport is not None
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _run_all(client)


def _run_all(client: paramiko.SSHClient) -> None:
    began_s = time.monotonic()
    for _ in range(COMMANDS):
        _, stdout, _ = client.exec_command("true", timeout=10)
        stdout.read()
        stdout.channel.close()
    each_ms = (time.monotonic() - began_s) / COMMANDS * 1000
    print(f"{'over' if each_ms > 20 else 'under'} 20 ms for a command")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
