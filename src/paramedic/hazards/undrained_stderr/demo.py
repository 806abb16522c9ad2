"""Proof of ``undrained-stderr``: read a build's output, then its warnings."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 3.0

# A build that warns a lot: 4 MB on stderr before its one line on stdout.
BUILD = "yes 'warning: something is deprecated' | head -c 4000000 >&2; echo done"


def bad(server: DemoServer) -> None:
    """Read stdout to its end while nobody reads stderr: both streams share one window, and stderr has filled it."""
    client = _connect(server)

    def build() -> None:
        _, stdout, stderr = client.exec_command(BUILD)
        output = stdout.read()  # waits for the end of stdout, which waits for room for stderr
        warnings = stderr.read()  # never comes to this
        print(f"build: {len(output)} bytes of output, {len(warnings)} of warnings")

    worker = threading.Thread(target=build, name="build", daemon=True)
    worker.start()
    worker.join(PATIENCE_S)
    if worker.is_alive():
        print(f"build: still reading stdout after {PATIENCE_S:.0f} s, with the window full of stderr")
    client.close()
    worker.join(PATIENCE_S)


def good(server: DemoServer) -> None:
    """Read both streams at once: two readers of two streams are safe."""
    with _connect(server) as client:
        _, stdout, stderr = client.exec_command(BUILD, timeout=30)
        warnings: list[bytes] = []
        drain = threading.Thread(target=lambda: warnings.append(stderr.read()), name="warnings")
        drain.start()
        output = stdout.read()
        drain.join()
        print(f"build: {len(output)} bytes of output, {len(warnings[0])} of warnings")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
