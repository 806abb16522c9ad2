"""Proof of ``callback-blocks-transport``: a tunnel's handler serves its visitor right where it is called."""

from __future__ import annotations

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


def serve(channel: paramiko.Channel) -> None:
    """Answer one line with its capitals."""
    with channel:
        line = channel.recv(1024)
        channel.sendall(line.upper())


def bad(server: DemoServer) -> None:
    """The handler runs on the transport's thread, and waits there for data that only this thread can bring."""

    def handler(channel: paramiko.Channel, origin: tuple[str, int], where: tuple[str, int]) -> None:
        serve(channel)  # recv() waits for the transport thread, which is the one that waits

    client = _connect(server)
    _visit(client, handler, PATIENCE_S)
    client.close()


def good(server: DemoServer) -> None:
    """The handler hands the channel on, and returns."""
    threads: list[threading.Thread] = []

    def handler(channel: paramiko.Channel, origin: tuple[str, int], where: tuple[str, int]) -> None:
        threads.append(threading.Thread(target=serve, args=(channel,)))
        threads[-1].start()

    with _connect(server) as client:
        _visit(client, handler, LIMIT_S)
        for thread in threads:
            thread.join()


def _visit(client: paramiko.SSHClient, handler: Handler, patience_s: float) -> None:
    transport = client.get_transport()
    assert transport is not None
    port = transport.request_port_forward("127.0.0.1", 0, handler)
    with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as visitor:
        visitor.sendall(b"hello\n")
        try:
            print(f"the tunnel answers: {visitor.recv(1024)!r}")
        except TimeoutError:
            print(f"the tunnel has not answered for {patience_s:.0f} s")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
