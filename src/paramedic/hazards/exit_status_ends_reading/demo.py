"""Proof of ``exit-status-ends-reading``: read for as long as the command runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
LIST = "seq 1 20000"
LINES = 20000


def bad(server: DemoServer) -> None:
    """Stop when the exit status is there: the rest of the output is still on its way, or in the buffer."""
    with _connect(server) as client:
        channel = client.get_transport().open_session(timeout=10)
        channel.exec_command(LIST)
        output = b""
        # The status arrives on its own, and says that the command has ended, not that its output was read.
        while not channel.exit_status_ready():
            if channel.recv_ready():
                output += channel.recv(1024)
        print(f"{len(output.splitlines())} of {LINES} lines")


def good(server: DemoServer) -> None:
    """Read until recv() says that there is no more, then take the status."""
    with _connect(server) as client:
        channel = client.get_transport().open_session(timeout=10)
        channel.settimeout(10)
        channel.exec_command(LIST)
        output = b""
        while data := channel.recv(1024):
            output += data
        channel.recv_exit_status()
        print(f"{len(output.splitlines())} of {LINES} lines")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
