"""Proof of ``blocking-the-event-loop``: a web service runs a remote command in a coroutine."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
REPORT = "sleep 3; echo report"


def run(client: paramiko.SSHClient) -> str:
    """An ordinary, blocking function."""
    _, stdout, _ = client.exec_command(REPORT, timeout=10)
    return str(stdout.read(), "utf-8").strip()


def bad(server: DemoServer) -> None:
    """The coroutine waits without saying so, and the loop stands still: no heartbeat, no other request."""

    async def report(client: paramiko.SSHClient) -> str:
        return run(client)  # exec_command() and read() block the thread, and the thread is the event loop's

    with _connect(server) as client:
        asyncio.run(_serve(report(client)))


def good(server: DemoServer) -> None:
    """The wait is done by another thread."""

    async def report(client: paramiko.SSHClient) -> str:
        return await asyncio.to_thread(run, client)

    with _connect(server) as client:
        asyncio.run(_serve(report(client)))


async def _serve(report: Coroutine[None, None, str]) -> None:
    slowest_s = 0.0

    async def beat() -> None:
        nonlocal slowest_s
        while True:
            began_s = time.monotonic()
            await asyncio.sleep(0.05)
            slowest_s = max(slowest_s, time.monotonic() - began_s)

    heart = asyncio.create_task(beat())
    await asyncio.sleep(0.1)
    text = await report
    await asyncio.sleep(0.1)
    heart.cancel()
    print(f"{text}; the slowest heartbeat took {'over' if slowest_s > 2.5 else 'under'} 2.5 s")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
