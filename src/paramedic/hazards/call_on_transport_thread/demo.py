"""Proof of ``call-on-transport-thread``: a tunnel's handler asks the same connection who is there."""

from __future__ import annotations

import queue
import socket
import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramedic.model.proof import DemoServer

    Handler = Callable[[paramiko.Channel, tuple[str, int], tuple[str, int]], None]

MANNERS: dict[str, object] = {}
PATIENCE_S = 3.0
LIMIT_S = 30.0


def greet(client: paramiko.SSHClient, channel: paramiko.Channel) -> None:
    """Say the remote machine's name to whoever has come through the tunnel."""
    with channel:
        _, stdout, _ = client.exec_command("uname -s", timeout=10)
        channel.sendall(stdout.read())


def bad(server: DemoServer) -> None:
    """exec_command() waits for the transport's thread, and is called on it."""
    client = _connect(server)

    def handler(channel: paramiko.Channel, origin: tuple[str, int], where: tuple[str, int]) -> None:
        try:
            greet(client, channel)
        except (paramiko.SSHException, EOFError, OSError) as error:
            print(f"handler: {type(error).__name__}: {error}")

    _visit(client, handler, PATIENCE_S)
    client.close()  # open_channel() looks every 0.1 s whether the transport is still active: this ends it


def good(server: DemoServer) -> None:
    """The handler puts the channel into a queue; a thread of our own does the talking."""
    arrived: queue.Queue[paramiko.Channel | None] = queue.Queue()

    def receptionist() -> None:
        while (channel := arrived.get()) is not None:
            greet(client, channel)

    with _connect(server) as client:
        thread = threading.Thread(target=receptionist, name="receptionist")
        thread.start()
        _visit(client, lambda channel, origin, where: arrived.put(channel), LIMIT_S)
        arrived.put(None)
        thread.join()


def _visit(client: paramiko.SSHClient, handler: Handler, patience_s: float) -> None:
    transport = client.get_transport()
    assert transport is not None
    port = transport.request_port_forward("127.0.0.1", 0, handler)
    with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as visitor:
        try:
            print(f"the tunnel says: {visitor.recv(1024).decode().strip()}")
        except TimeoutError:
            print(f"the tunnel has said nothing for {patience_s:.0f} s")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
