"""Proof of ``exit-status-before-output``: check that a command went well, then read what it wrote."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 3.0

# 8 MB of "log"; a channel's window is 2 MiB. With a small log the same program works for years.
EXPORT = "yes 'a line of the log' | head -c 8000000"


def bad(server: DemoServer) -> None:
    """Wait for the exit status first: it never comes, because the command waits for a reader."""
    client = _connect(server)

    def export() -> None:
        _, stdout, _ = client.exec_command(EXPORT)
        # The command stops at a full window, so it does not end, so there is no status. No timeout ends this wait.
        if stdout.channel.recv_exit_status() == 0:
            print(f"exported {len(stdout.read())} bytes")
        else:
            print("export: the connection ended before the command did")

    worker = threading.Thread(target=export, name="export", daemon=True)
    worker.start()
    worker.join(PATIENCE_S)
    if worker.is_alive():
        print(f"export: still waiting for the exit status after {PATIENCE_S:.0f} s")
    client.close()  # what ends the wait is the end of the connection
    worker.join(PATIENCE_S)


def good(server: DemoServer) -> None:
    """Read to the end, then ask for the status: by then it is there."""
    with _connect(server) as client:
        _, stdout, _ = client.exec_command(EXPORT, timeout=30)
        exported = stdout.read()
        if stdout.channel.recv_exit_status() == 0:
            print(f"exported {len(exported)} bytes")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
