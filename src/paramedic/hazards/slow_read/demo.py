"""Proof of ``slow-read``: count the lines of a big output."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
LINES = 300_000
LOG = f"yes 'a line of a log file, as long as such lines are' | head -n {LINES}"


def bad(server: DemoServer) -> None:
    """``for line in stdout`` takes each line out of a buffer that it copies, in Python."""
    with _connect(server) as client:
        _, stdout, _ = client.exec_command(LOG, timeout=30)
        began_s = time.thread_time()
        count = 0
        for _ in stdout:
            count += 1
        _tell(count, time.thread_time() - began_s)


def good(server: DemoServer) -> None:
    """Big pieces from the channel, split here."""
    with _connect(server) as client:
        _, stdout, _ = client.exec_command(LOG, timeout=30)
        began_s = time.thread_time()
        count = 0
        rest = b""
        while data := stdout.channel.recv(65536):
            *lines, rest = (rest + data).split(b"\n")
            count += len(lines)
        _tell(count, time.thread_time() - began_s)


def _tell(count: int, cpu_s: float) -> None:
    over = cpu_s > 3 * _cut_in_memory_s()
    print(f"{count} lines, {'over' if over else 'under'} three times the CPU of cutting them out of memory one by one")


def _cut_in_memory_s() -> float:
    """CPU seconds of a plain loop over as many lines: what this machine takes at this moment."""
    text, start = b"a line of a log file, as long as such lines are\n" * 1000, 0
    began_s = time.thread_time()
    for _ in range(LINES):
        end = text.find(b"\n", start) + 1
        _ = text[start:end]
        start = end % len(text)
    return time.thread_time() - began_s


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
