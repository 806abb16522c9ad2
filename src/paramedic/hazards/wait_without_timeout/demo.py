"""Proof of ``wait-without-timeout``: the other machine loses its power in the middle of a command."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"silent_after_s": 2.5}  # nothing comes any more, and nobody says goodbye
PATIENCE_S = 4.5
BACKUP = "sleep 3; echo backup done"


def bad(server: DemoServer) -> None:
    """Wait for ever, which is the default: no call of Paramiko has a timeout unless it is given one."""
    client = _connect(server)

    def back_up() -> None:
        _, stdout, _ = client.exec_command(BACKUP)
        said = stdout.read()  # Channel.recv without a timeout; the transport's thread polls a socket that stays silent
        print(f"backup: {said.decode().strip() or 'ended without a word'}")

    worker = threading.Thread(target=back_up, name="backup", daemon=True)
    worker.start()
    worker.join(PATIENCE_S)
    if worker.is_alive():
        print(f"backup: still waiting after {PATIENCE_S} s")
    client.close()
    worker.join(PATIENCE_S)


def good(server: DemoServer) -> None:
    """Give each wait its limit, and take the end of it for what it is."""
    with _connect(server) as client:
        try:
            _, stdout, _ = client.exec_command(BACKUP, timeout=2)  # for the opening and for each read
            print(f"backup: {stdout.read().decode().strip()}")
        except TimeoutError:
            print("backup: no answer within 2 s, and we know it")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
