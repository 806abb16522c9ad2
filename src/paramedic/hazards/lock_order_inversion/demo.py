"""Proof of ``lock-order-inversion``: two threads copy between the same two hosts, in opposite directions."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"addresses": ("127.0.0.1", "127.0.0.2")}
PATIENCE_S = 3.0
LIMIT_S = 30.0


class Machine:
    """A host that serves one task at a time, which its lock is for."""

    def __init__(self, server: DemoServer, host: str) -> None:
        self.host = host
        self.lock = threading.Lock()
        self.client = paramiko.SSHClient()
        self.client.load_host_keys(server.known_hosts_file)
        self.client.connect(**server.connect_kwargs(host), timeout=10)

    def run(self, command: str) -> bytes:
        _, stdout, _ = self.client.exec_command(command, timeout=10)
        output: bytes = stdout.read()
        return output


def copy(source: Machine, target: Machine) -> None:
    with source.lock:
        data = source.run("sleep 0.5; date")  # a remote command under a lock: the window is as wide as this takes
        # The other thread holds this one and waits for ours.
        with target.lock:
            target.run(f"echo '{data.decode().strip()}' > copy")


def copy_in_order(source: Machine, target: Machine) -> None:
    # One order for all threads, whichever way the data goes
    first, second = sorted((source, target), key=lambda machine: machine.host)
    with first.lock, second.lock:
        data = source.run("sleep 0.5; date")
        target.run(f"echo '{data.decode().strip()}' > copy")


def bad(server: DemoServer) -> None:
    """East to west and west to east at once: each thread holds what the other one waits for."""
    east, west = Machine(server, server.hosts[0]), Machine(server, server.hosts[1])
    threads = [
        threading.Thread(target=copy, args=(east, west), name="east-to-west", daemon=True),
        threading.Thread(target=copy, args=(west, east), name="west-to-east", daemon=True),
    ]
    _run(threads, PATIENCE_S)
    stuck = [thread.name for thread in threads if thread.is_alive()]
    print(f"stuck for ever: {', '.join(stuck)}" if stuck else "both copied this time")
    for machine in (east, west):
        machine.client.close()  # helps nobody: it is not Paramiko that they wait for


def good(server: DemoServer) -> None:
    """The same copies, with the locks taken in one order."""
    east, west = Machine(server, server.hosts[0]), Machine(server, server.hosts[1])
    with east.client, west.client:
        _run(
            [
                threading.Thread(target=copy_in_order, args=(east, west), name="east-to-west"),
                threading.Thread(target=copy_in_order, args=(west, east), name="west-to-east"),
            ],
            LIMIT_S,
        )
        print("both copied")


def _run(threads: list[threading.Thread], patience_s: float) -> None:
    for thread in threads:
        thread.start()
    threads[0].join(patience_s)
    threads[1].join(0.5 if threads[0].is_alive() else patience_s)
