"""Proof of ``forward-handler-replaced``: two tunnels on one connection, each with a handler of its own."""

from __future__ import annotations

import queue
import socket
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
Address = tuple[str, int]


def bad(server: DemoServer) -> None:
    """The second handler replaces the first: a visitor of the web tunnel is served by the database's."""
    with _connect(server) as client:
        transport = client.get_transport()
        assert transport is not None
        visits: queue.Queue[tuple[str, paramiko.Channel]] = queue.Queue()

        def web(channel: paramiko.Channel, origin: Address, where: Address) -> None:
            visits.put(("web", channel))

        def database(channel: paramiko.Channel, origin: Address, where: Address) -> None:
            visits.put(("database", channel))

        web_port = transport.request_port_forward("127.0.0.1", 0, web)
        # Transport._tcp_handler is one slot: from here on, all channels of all tunnels go to database()
        transport.request_port_forward("127.0.0.1", 0, database)
        _visit(web_port, visits)


def good(server: DemoServer) -> None:
    """One handler for the connection, which looks at the port that was called."""
    with _connect(server) as client:
        transport = client.get_transport()
        assert transport is not None
        visits: queue.Queue[tuple[str, paramiko.Channel]] = queue.Queue()
        names: dict[int, str] = {}

        def dispatch(channel: paramiko.Channel, origin: Address, where: Address) -> None:
            visits.put((names[where[1]], channel))

        web_port = transport.request_port_forward("127.0.0.1", 0, dispatch)
        database_port = transport.request_port_forward("127.0.0.1", 0, dispatch)
        names |= {web_port: "web", database_port: "database"}
        _visit(web_port, visits)


def _visit(web_port: int, visits: queue.Queue[tuple[str, paramiko.Channel]]) -> None:
    with socket.create_connection(("127.0.0.1", web_port), timeout=10):
        name, channel = visits.get(timeout=10)
        channel.close()
    print(f"the visitor of the web tunnel met: {name}")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
