"""Proof of ``proxy-stderr-full``: a talkative ProxyCommand, as with ``ssh -v -W``."""

from __future__ import annotations

import shlex
import sys
import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 3.0
LIMIT_S = 30.0

# Stands for ssh -v -W host:port: relays, and says so on stderr, some words for each piece
RELAY = """
import os, socket, sys, threading
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := os.read(0, 65536):
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := s.recv(4096):
    os.write(2, b"debug2: channel 0: read %d bytes\\n" % len(data) * 8)
    os.write(1, data)
"""


def bad(server: DemoServer) -> None:
    """ProxyCommand takes the relay's stderr into a pipe that nobody reads: 64 KiB later the relay stops."""
    kwargs = server.connect_kwargs()
    relay = shlex.join([sys.executable, "-c", RELAY, kwargs["hostname"], str(kwargs["port"])])
    _copy(server, paramiko.ProxyCommand(relay), PATIENCE_S)


def good(server: DemoServer) -> None:
    """The relay's stderr goes somewhere that takes it."""
    kwargs = server.connect_kwargs()
    relay = shlex.join([sys.executable, "-c", RELAY, kwargs["hostname"], str(kwargs["port"])])
    _copy(server, paramiko.ProxyCommand(shlex.join(["sh", "-c", f"exec {relay} 2>/dev/null"])), LIMIT_S)


def _copy(server: DemoServer, proxy: paramiko.ProxyCommand, patience_s: float) -> None:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), sock=proxy, timeout=10)

    def copy() -> None:
        try:
            _, stdout, _ = client.exec_command("head -c 4000000 /dev/zero", timeout=30)
            print(f"copy: {len(stdout.read())} of 4000000 bytes")
        except (paramiko.SSHException, EOFError, OSError) as error:
            print(f"copy: {type(error).__name__}: {error}")

    worker = threading.Thread(target=copy, name="copy", daemon=True)
    worker.start()
    worker.join(patience_s)
    if worker.is_alive():
        print(f"copy: no end after {patience_s:.0f} s")
    transport = client.get_transport()
    client.close()
    for thread in (worker, transport):
        thread.join(PATIENCE_S)
    # close() sends SIGTERM and no more: reap the relay and close its pipes (see proxy-command-leak)
    proxy.process.kill()
    proxy.process.communicate()
