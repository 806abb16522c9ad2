"""Proof of ``gil-starved-transport``: crunch numbers in Python beside a dialogue with a server."""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"fast": True, "close_after_eof": True}
COMMANDS = 12
CRUNCH = "while True: sum(i * i for i in range(10000))"
BESIDE = """
import json, sys
from paramedic.hazards.gil_starved_transport import demo
with demo.connect(*json.loads(sys.argv[1])) as client:
    for _ in sys.stdin:
        print(demo.run(client), flush=True)
"""
"""The same dialogue in a process of its own, in turns: what a busy machine costs is the same for both."""


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
        _compare(server, client)
        stop.set()
        for thread in threads:
            thread.join()


def good(server: DemoServer) -> None:
    """The same work in processes of their own: they have GILs of their own."""
    programs = [subprocess.Popen([sys.executable, "-c", CRUNCH]) for _ in range(3)]
    try:
        with _connect(server) as client:
            _compare(server, client)
    finally:
        for program in programs:
            program.kill()
            program.wait()


def _compare(server: DemoServer, client: paramiko.SSHClient) -> None:
    words = json.dumps([server.connect_kwargs(), server.known_hosts_file])
    command, pipe = [sys.executable, "-c", BESIDE, words], subprocess.PIPE
    slower = []
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as beside:
        assert beside.stdin is not None and beside.stdout is not None
        for _ in range(COMMANDS):
            beside.stdin.write("next\n")
            there_s = float(beside.stdout.readline())
            slower.append(run(client) / there_s)
    over = statistics.median(slower) > 2
    print(f"most commands took {'over' if over else 'under'} twice as long as in a process beside")


def run(client: paramiko.SSHClient) -> float:
    """How many seconds a command takes.

    Threads: any; blocks.
    """
    began_s = time.monotonic()
    _, stdout, _ = client.exec_command("true", timeout=30)
    stdout.read()
    stdout.channel.close()
    return time.monotonic() - began_s


def connect(how: Mapping[str, Any], known_hosts_file: str) -> paramiko.SSHClient:
    """A client, connected.

    Args:
        how: arguments of ``connect()``.
        known_hosts_file: with the server's key.

    Threads: any; blocks.
    """
    client = paramiko.SSHClient()
    client.load_host_keys(known_hosts_file)
    client.connect(**how, timeout=30)
    transport = client.get_transport()
    assert transport is not None
    transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # so that it is not the line that is slow
    return client


def _connect(server: DemoServer) -> paramiko.SSHClient:
    return connect(server.connect_kwargs(), server.known_hosts_file)
