"""Proof of ``exit-blocked``: main() is through, and a thread still follows a log.

The program runs as a child, so that this demo can end it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 3.0
FOLLOW = "echo first line; exec sleep 600"  # stands for tail -F: it never ends by itself


def follow_badly(client: paramiko.SSHClient) -> None:
    _, stdout, _ = client.exec_command(FOLLOW)
    started = threading.Event()

    def follow() -> None:
        for _ in stdout:
            started.set()

    # Not a daemon: the interpreter waits for it at its end, and it waits for a line that never comes.
    threading.Thread(target=follow, name="follow").start()
    started.wait(10)


def follow_well(client: paramiko.SSHClient) -> None:
    _, stdout, _ = client.exec_command(FOLLOW)
    started = threading.Event()

    def follow() -> None:
        for _ in stdout:
            started.set()

    thread = threading.Thread(target=follow, name="follow")
    thread.start()
    started.wait(10)
    client.close()  # ends the stream, so the reader ends, so the program can
    thread.join(10)


def bad(server: DemoServer) -> None:
    """The program has said goodbye, and does not go."""
    _run(server, "badly")


def good(server: DemoServer) -> None:
    """The client is closed before main() ends."""
    _run(server, "well")


def _run(server: DemoServer, how: str) -> None:
    settings = {"known_hosts": server.known_hosts_file, "kwargs": server.connect_kwargs()}
    program = subprocess.Popen([sys.executable, __file__, how, json.dumps(settings)])
    try:
        print(f"the program ended with status {program.wait(PATIENCE_S if how == 'badly' else 60)}")
    except subprocess.TimeoutExpired:
        print(f"the program is still there after {PATIENCE_S:.0f} s")
        program.kill()
        program.wait()


def _main() -> None:
    how, settings = sys.argv[1], json.loads(sys.argv[2])
    client = paramiko.SSHClient()
    client.load_host_keys(settings["known_hosts"])
    client.connect(**settings["kwargs"], timeout=10)
    (follow_badly if how == "badly" else follow_well)(client)
    print("main: goodbye", flush=True)


if __name__ == "__main__":
    _main()
