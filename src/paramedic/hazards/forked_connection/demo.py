"""Proof of ``forked-connection``: connect, then fork a worker that uses the connection, as pre-fork servers do."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 2
LIMIT_S = 20


def bad(server: DemoServer) -> None:
    """The child has the socket and the session's keys, and no thread that reads: it hangs, and breaks the parent's."""
    client = _connect(server)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE_S)  # a hang of a demo has to end
        _work(
            client, "child", PATIENCE_S + 1
        )  # sent with the parent's sequence numbers; the answer goes to the parent's transport
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        print(f"child: no answer for {PATIENCE_S} s")
    _work(client, "parent", PATIENCE_S + 1)
    client.close()


def good(server: DemoServer) -> None:
    """Each process connects for itself, after the fork."""
    child = os.fork()
    if child == 0:
        try:
            with _connect(server) as own:
                _work(own, "child", LIMIT_S)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    with _connect(server) as client:
        _work(client, "parent", LIMIT_S)


def _work(client: paramiko.SSHClient, name: str, patience_s: float) -> None:
    try:
        _, stdout, _ = client.exec_command(f"echo the {name} works", timeout=patience_s)
        print(stdout.read().decode().strip() or f"{name}: an empty answer", flush=True)
    except (paramiko.SSHException, EOFError, OSError) as error:
        print(f"{name}: {type(error).__name__}: {error}", flush=True)


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
