"""Proof of ``lock-held-across-io``: one lock makes a shared client "safe", and all threads wait for each command."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"close_after_eof": True}  # EOF after CLOSE is another story: eof-after-close

REPORT = "sleep 3; echo report"
BEAT = "echo alive"


class LockedRunner:
    """Runs commands on one client, one after the other."""

    def __init__(self, client: paramiko.SSHClient) -> None:
        self.client = client
        self.lock = threading.Lock()

    def run(self, command: str) -> str:
        with self.lock:
            _, stdout, _ = self.client.exec_command(command, timeout=30)
            # The lock is held for as long as the command runs there, not for as long as Python runs here.
            return str(stdout.read(), "utf-8")


class FreeRunner(LockedRunner):
    """Runs commands on one client, each on a channel of its own: that needs no lock."""

    def run(self, command: str) -> str:
        _, stdout, _ = self.client.exec_command(command, timeout=30)
        return str(stdout.read(), "utf-8")


def bad(server: DemoServer) -> None:
    """Heartbeats wait until the slow report is through."""
    with _connect(server) as client:
        _work(LockedRunner(client))


def good(server: DemoServer) -> None:
    """Heartbeats go on beside the report."""
    with _connect(server) as client:
        _work(FreeRunner(client))


def _work(runner: LockedRunner) -> None:
    reported = threading.Event()
    slowest_s = 0.0

    def report() -> None:
        runner.run(REPORT)
        reported.set()

    def beat() -> None:
        nonlocal slowest_s
        while not reported.is_set():
            began_s = time.monotonic()
            runner.run(BEAT)
            slowest_s = max(slowest_s, time.monotonic() - began_s)

    threads = [threading.Thread(target=report, name="report"), threading.Thread(target=beat, name="heartbeat")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"the slowest heartbeat took {'over' if slowest_s > 2.5 else 'under'} 2.5 s")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
