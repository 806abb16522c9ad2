"""Proof of ``shared-agent``: one connection to ssh-agent signs for several logins at once.

Needs ssh-agent and ssh-add.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 3.0
LIMIT_S = 30.0
WORKERS = 12


def bad(server: DemoServer) -> None:
    """Take the key out of the agent once, and log in with it everywhere: requests and replies of the logins mix."""

    def keys() -> Callable[[], paramiko.PKey]:
        agent = paramiko.Agent()
        key = agent.get_keys()[0]  # holds the agent's one socket; signing writes to it and reads from it with no lock
        return lambda: key

    _log_in(server, keys, PATIENCE_S)


def good(server: DemoServer) -> None:
    """An agent connection for each login."""
    _log_in(server, lambda: lambda: paramiko.Agent().get_keys()[0], LIMIT_S)


def _log_in(server: DemoServer, keys: Callable[[], Callable[[], paramiko.PKey]], patience_s: float) -> None:
    if not (shutil.which("ssh-agent") and shutil.which("ssh-add")):
        print("ssh-agent is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/agent"
        before = os.environ.get("SSH_AUTH_SOCK")
        agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
        os.environ["SSH_AUTH_SOCK"] = socket  # what paramiko.Agent() looks at
        try:
            while not os.path.exists(socket):
                time.sleep(0.01)
            subprocess.run(["ssh-add", "-q", server.connect_kwargs()["key_filename"]], check=True, timeout=10)
            _log_in_all(server, keys(), patience_s)
        finally:
            os.environ.pop("SSH_AUTH_SOCK")
            if before is not None:
                os.environ["SSH_AUTH_SOCK"] = before
            agent.kill()
            agent.wait()


def _log_in_all(server: DemoServer, key: Callable[[], paramiko.PKey], patience_s: float) -> None:
    start = threading.Barrier(WORKERS)
    errors: list[str] = []
    lasted: list[str] = []

    def work() -> None:
        kwargs = {name: value for name, value in server.connect_kwargs().items() if name != "key_filename"}
        start.wait()
        with paramiko.SSHClient() as client:
            client.load_host_keys(server.known_hosts_file)
            try:
                client.connect(**kwargs, pkey=key(), timeout=10, auth_timeout=patience_s)
                lasted.append("in")
            except (paramiko.SSHException, EOFError, OSError) as error:
                errors.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, daemon=True) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience_s + 1)
    print(f"{len(lasted)} of {WORKERS} workers are logged in")
    for text in sorted(set(errors)):
        print(text)
