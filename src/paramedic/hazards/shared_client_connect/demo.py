"""Proof of ``shared-client-connect``: one client in a base class, and a thread for each host connects with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"addresses": ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")}
PATIENCE_S = 4.0
LIMIT_S = 60.0

WHERE_AM_I = 'echo "$SSH_CONNECTION" | cut -d" " -f3'


class Target:
    """One machine to look after."""

    # One client for the class, so one for all targets: it was meant as a default and is shared.
    client = paramiko.SSHClient()
    patience_s = 2.0

    def __init__(self, host: str) -> None:
        self.host = host

    def look(self, server: DemoServer) -> str:
        self.client.load_host_keys(server.known_hosts_file)
        # connect() puts its transport into client._transport. All threads are here at once: the last one wins,
        limit_s = self.patience_s
        self.client.connect(
            **server.connect_kwargs(self.host), timeout=limit_s, banner_timeout=limit_s, auth_timeout=limit_s
        )
        # and this runs on the winner's machine, whatever self.host is.
        _, stdout, _ = self.client.exec_command(WHERE_AM_I, timeout=limit_s)
        return str(stdout.read(), "utf-8").strip()


class OwnTarget(Target):
    """The same with a client for each target."""

    patience_s = 20.0

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.client = paramiko.SSHClient()

    def look(self, server: DemoServer) -> str:
        with self.client:
            return super().look(server)


def bad(server: DemoServer) -> None:
    """Ask each machine for its address; some answers come from the wrong machine, some logins never end."""
    _ask_all([Target(host) for host in server.hosts], server, PATIENCE_S)
    Target.client.close()  # closes the last transport; those of the losers live on


def good(server: DemoServer) -> None:
    """Ask each machine with a client of its own."""
    _ask_all([OwnTarget(host) for host in server.hosts], server, LIMIT_S)


def _ask_all(targets: list[Target], server: DemoServer, patience_s: float) -> None:
    start = threading.Barrier(len(targets))

    def ask(target: Target) -> None:
        start.wait()
        try:
            answer = target.look(server)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        print(f"{target.host}: {'ok' if answer == target.host else answer or 'no answer'}")

    _run_for(patience_s, [partial(ask, target) for target in targets])


def _run_for(limit_s: float, jobs: list[Callable[[], None]]) -> None:
    # daemon threads and joins with a limit: a demo of a hang has to end
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(limit_s)
