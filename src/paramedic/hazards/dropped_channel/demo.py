"""Proof of ``dropped-channel``: start a long job on a terminal, and keep nothing of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"close_after_eof": True}  # EOF after CLOSE is another story: eof-after-close
PATIENCE_S = 3.0


def job(mark: Path) -> str:
    """Something that takes its time, and says when it is done."""
    return f"sleep 1; echo done >{mark}"


def bad(server: DemoServer) -> None:
    """The streams are dropped, the channel is finalized, the terminal goes, and SIGHUP ends the job."""
    mark = Path(server.home, "bad.done")
    with _connect(server) as client:
        client.exec_command(job(mark), get_pty=True)  # the result is not kept: Channel.__del__ closes the channel
        _look_around(client)  # and it happens here, when the transport's thread turns to another channel
        _wait_for(mark)


def good(server: DemoServer) -> None:
    """Keep a stream for as long as the job runs, and see how it ends."""
    mark = Path(server.home, "good.done")
    with _connect(server) as client:
        _, stdout, _ = client.exec_command(job(mark), get_pty=True, timeout=10)
        _look_around(client)
        stdout.channel.recv_exit_status()
        _wait_for(mark)


def _look_around(client: paramiko.SSHClient) -> None:
    _, stdout, _ = client.exec_command("uptime", timeout=10)
    stdout.read()


def _wait_for(mark: Path) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not mark.exists() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    print("the job is done" if mark.exists() else "the job died on the way, and nobody was told")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
