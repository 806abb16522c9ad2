"""Proof of ``proxy-command-leak``: many short connections through a ProxyCommand."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
CONNECTIONS = 4

# Stands for ssh -W host:port
RELAY = """
import os, socket, sys, threading
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := os.read(0, 65536):
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := s.recv(65536):
    os.write(1, data)
"""


def bad(server: DemoServer) -> None:
    """close() sends SIGTERM to the relay and no more: it stays a zombie, and its three pipes stay open."""
    proxies = []
    for _ in range(CONNECTIONS):
        client, proxy = _connect_through(server)
        client.close()
        proxies.append(proxy)
    _count(proxies)


def good(server: DemoServer) -> None:
    """After close(): wait for the transport's thread, reap the relay and close its pipes."""
    proxies = []
    for _ in range(CONNECTIONS):
        client, proxy = _connect_through(server)
        transport = client.get_transport()
        client.close()
        transport.join(5)  # it closes the proxy once more when it ends
        proxy.process.communicate(timeout=10)
        proxies.append(proxy)
    _count(proxies)


def _connect_through(server: DemoServer) -> tuple[paramiko.SSHClient, paramiko.ProxyCommand]:
    kwargs = server.connect_kwargs()
    proxy = paramiko.ProxyCommand(shlex.join([sys.executable, "-c", RELAY, kwargs["hostname"], str(kwargs["port"])]))
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**kwargs, sock=proxy, timeout=10)
    return client, proxy


def _count(proxies: list[paramiko.ProxyCommand]) -> None:
    zombies = sum(proxy.process.returncode is None for proxy in proxies)
    pipes = [pipe for proxy in proxies for pipe in (proxy.process.stdin, proxy.process.stdout, proxy.process.stderr)]
    print(f"{zombies} relays not waited for, {sum(not pipe.closed for pipe in pipes)} pipes open")
