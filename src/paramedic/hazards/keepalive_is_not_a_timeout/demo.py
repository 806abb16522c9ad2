"""Proof of ``keepalive-is-not-a-timeout``: keepalives are sent to a peer that is long dead."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"silent_after_s": 2.5}
PATIENCE_S = 4.5
WATCH = "sleep 3; echo event"


def bad(server: DemoServer) -> None:
    """Rely on set_keepalive(): it sends, and never looks whether anybody answers."""
    client = _connect(server)
    transport = client.get_transport()
    assert transport is not None
    transport.set_keepalive(1)  # a global request with wait=False: it keeps a firewall open, and checks nothing

    def watch() -> None:
        _, stdout, _ = client.exec_command(WATCH)
        print(f"watch: {stdout.read().decode().strip() or 'ended without a word'}")

    worker = threading.Thread(target=watch, name="watch", daemon=True)
    worker.start()
    worker.join(PATIENCE_S)
    if worker.is_alive():
        print(f"watch: still waiting; the transport says that it is {'active' if transport.is_active() else 'dead'}")
    client.close()
    worker.join(PATIENCE_S)


def good(server: DemoServer) -> None:
    """Keepalives for the firewall, and a limit for the wait."""
    with _connect(server) as client:
        transport = client.get_transport()
        assert transport is not None
        transport.set_keepalive(1)
        try:
            _, stdout, _ = client.exec_command(WATCH, timeout=2)
            print(f"watch: {stdout.read().decode().strip()}")
        except TimeoutError:
            print("watch: nothing for 2 s, and we know it")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
