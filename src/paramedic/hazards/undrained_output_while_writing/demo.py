"""Proof of ``undrained-output-while-writing``: send a big input to a filter, then read what comes out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 3.0
DATA = b"a line to be filtered\n" * 500_000  # 11 MB: more than both windows and all pipes hold


def bad(server: DemoServer) -> None:
    """Write everything first: the filter stops reading when nobody reads its output, and both sides wait."""
    client = _connect(server)

    def filter_it() -> None:
        stdin, stdout, _ = client.exec_command("tr a-z A-Z")
        try:
            stdin.write(DATA)  # waits for a window that the server gives back when tr reads, which waits for us to read
        except OSError as error:
            print(f"filter: {type(error).__name__}: {error}")
            return
        stdin.channel.shutdown_write()
        print(f"filter: {len(stdout.read())} bytes")

    worker = threading.Thread(target=filter_it, name="filter", daemon=True)
    worker.start()
    worker.join(PATIENCE_S)
    if worker.is_alive():
        print(f"filter: still writing after {PATIENCE_S:.0f} s")
    client.close()
    worker.join(PATIENCE_S)


def good(server: DemoServer) -> None:
    """One thread writes while another one reads: one writer and one reader on a channel are safe."""
    with _connect(server) as client:
        stdin, stdout, _ = client.exec_command("tr a-z A-Z", timeout=30)

        def feed() -> None:
            stdin.write(DATA)
            stdin.channel.shutdown_write()

        feeder = threading.Thread(target=feed, name="feeder")
        feeder.start()
        output = stdout.read()
        feeder.join()
        print(f"filter: {len(output)} bytes, {'all right' if output == DATA.upper() else 'wrong'}")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
