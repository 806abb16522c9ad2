"""Proof of ``signal-handler-reenters``: a signal handler reports progress through the channel that is being written to.

Signals reach the main thread alone, and this hang can only be ended from outside: the program runs as a child.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 3.0
LINES = 20000
INTERVAL_S = 0.005


def upload_badly(channel: paramiko.Channel) -> None:
    def report(number: int, frame: Any) -> None:
        # Runs between two bytecodes of the main thread: also of Channel.send() itself, while it holds Channel.lock,
        # a plain Lock, so that the handler waits for its own thread; or while it is half through a packet.
        channel.sendall(b"# progress\n")
        signal.setitimer(signal.ITIMER_REAL, INTERVAL_S)

    signal.signal(signal.SIGALRM, report)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL_S)
    for number in range(LINES):
        channel.sendall(b"line %d\n" % number)


def upload_well(channel: paramiko.Channel) -> None:
    due = False

    def report(number: int, frame: Any) -> None:
        nonlocal due
        due = True  # the handler leaves a note, and the loop acts on it
        signal.setitimer(signal.ITIMER_REAL, INTERVAL_S)

    signal.signal(signal.SIGALRM, report)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL_S)
    for number in range(LINES):
        channel.sendall(b"line %d\n" % number)
        if due:
            due = False
            channel.sendall(b"# progress\n")
        signal.setitimer(signal.ITIMER_REAL, INTERVAL_S)


def bad(server: DemoServer) -> None:
    """The upload stops for ever, in the handler, or the handler's packet lands inside another one."""
    _run(server, "badly")


def good(server: DemoServer) -> None:
    """The handler sets a flag."""
    _run(server, "well")


def _run(server: DemoServer, how: str) -> None:
    settings = {"known_hosts": server.known_hosts_file, "kwargs": server.connect_kwargs()}
    began_s = time.monotonic()
    program = subprocess.Popen([sys.executable, __file__, how, json.dumps(settings)])
    try:
        status = program.wait(PATIENCE_S if how == "badly" else 60)
        print(f"the upload ended with status {status}")
    except subprocess.TimeoutExpired:
        print(f"the upload hangs: no end after {time.monotonic() - began_s:.0f} s")
        program.kill()
        program.wait()


def _main() -> None:
    how, settings = sys.argv[1], json.loads(sys.argv[2])
    with paramiko.SSHClient() as client:
        client.load_host_keys(settings["known_hosts"])
        client.connect(**settings["kwargs"], timeout=10)
        channel = client.get_transport().open_session(timeout=10)
        channel.settimeout(30)
        channel.exec_command("cat >/dev/null")
        try:
            (upload_badly if how == "badly" else upload_well)(channel)
        except (OSError, EOFError, paramiko.SSHException, RecursionError) as error:
            sys.exit(f"upload: {type(error).__name__}: {error}")
        finally:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        channel.shutdown_write()
        channel.recv_exit_status()


if __name__ == "__main__":
    _main()
