"""Proof of ``shared-channel``: two threads ask questions in one remote shell."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
QUESTIONS = 20


class Shell:
    """A dialogue with a remote shell: a line there, a line back."""

    def __init__(self, client: paramiko.SSHClient, patience_s: float) -> None:
        self.channel = client.get_transport().open_session(timeout=10)
        self.channel.settimeout(patience_s)
        self.channel.exec_command("sh")
        self.rest = b""

    def ask(self, command: str) -> str:
        # Two threads here: both have sent, both wait, and a channel does not know who asked what.
        self.channel.sendall(command.encode() + b"\n")
        while b"\n" not in self.rest:
            # recv() hands the bytes to whoever comes first: the other thread's answer, or half of it.
            data = self.channel.recv(1024)
            if not data:
                raise EOFError("the shell has ended")
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()


def bad(server: DemoServer) -> None:
    """Both threads talk to one shell: answers go to the wrong thread, or are waited for in vain."""
    with _connect(server) as client:
        shell = Shell(client, 1.0)
        _question(shell, shell)


def good(server: DemoServer) -> None:
    """Each thread talks to a shell of its own, on the same connection."""
    with _connect(server) as client:
        _question(Shell(client, 30.0), Shell(client, 30.0))


def _question(first: Shell, second: Shell) -> None:
    start = threading.Barrier(2)

    def work(name: str, shell: Shell) -> None:
        wrong = 0
        start.wait()
        for number in range(QUESTIONS):
            expected = f"{name} {number}"
            try:
                wrong += shell.ask(f"echo {expected}") != expected
            except (OSError, EOFError, ValueError) as error:  # socket.timeout is an OSError
                print(f"{name}: question {number}: {type(error).__name__}: {error}")
                wrong += QUESTIONS - number
                break
        print(f"{name}: {wrong} of {QUESTIONS} answers wrong or missing")

    threads = [
        threading.Thread(target=work, args=("disk", first), name="disk", daemon=True),
        threading.Thread(target=work, args=("load", second), name="load", daemon=True),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
