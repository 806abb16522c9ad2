"""Proof of ``gil-starved-transport``: crunch numbers in Python beside a dialogue with a server."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"fast": True, "close_after_eof": True}
COMMANDS = 20
CRUNCH = "while True: sum(i * i for i in range(10000))"


def bad(server: DemoServer) -> None:
    """The transport is a thread like any other: it waits for the GIL, 5 ms and more, several times for each command."""
    stop = threading.Event()

    def crunch() -> None:
        while not stop.is_set():
            sum(i * i for i in range(10000))  # never lets go of the GIL by itself

    threads = [threading.Thread(target=crunch, daemon=True) for _ in range(3)]
    with _connect(server) as client:
        for thread in threads:
            thread.start()
        _talk(client)
        stop.set()
        for thread in threads:
            thread.join()


def good(server: DemoServer) -> None:
    """The same work in processes of their own: they have GILs of their own."""
    programs = [subprocess.Popen([sys.executable, "-c", CRUNCH]) for _ in range(3)]
    try:
        with _connect(server) as client:
            _talk(client)
    finally:
        for program in programs:
            program.kill()
            program.wait()


def _talk(client: paramiko.SSHClient) -> None:
    transport = client.get_transport()
    assert transport is not None
    transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # so that it is not the line that is slow
    took_ms = []
    for _ in range(COMMANDS):
        began_s = time.monotonic()
        _, stdout, _ = client.exec_command("true", timeout=10)
        stdout.read()
        stdout.channel.close()
        took_ms.append((time.monotonic() - began_s) * 1000)
    # not the mean: on a busy machine any command may take long for other reasons
    slow = sorted(took_ms)[COMMANDS // 4] > 25
    print("three quarters of the commands took over 25 ms" if slow else "a quarter of the commands took under 25 ms")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
