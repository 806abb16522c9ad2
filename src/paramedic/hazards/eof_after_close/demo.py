"""Proof of ``eof-after-close``: a feeder ends a command's input while a supervisor ends the command."""

from __future__ import annotations

import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS: dict[str, object] = {}
PATIENCE_S = 4.0
AT_ONCE = 4


def bad(server: DemoServer) -> None:
    """Feed jobs until the connection breaks: one thread sends EOF, another one closes, and nobody orders them."""
    client = _connect(server)
    transport = client.get_transport()
    assert transport is not None
    transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # more jobs, so that seconds are enough
    switch_interval_s = sys.getswitchinterval()
    sys.setswitchinterval(
        1e-6
    )  # a busy program's scheduling, so that a demo of seconds shows what takes production days
    jobs = 0
    deadline_s = time.monotonic() + PATIENCE_S
    try:
        while time.monotonic() < deadline_s:
            jobs += AT_ONCE
            channels = [transport.open_session(timeout=2) for _ in range(AT_ONCE)]
            for channel in channels:
                channel.exec_command("cat >/dev/null")
            go = threading.Barrier(2 * AT_ONCE)

            def feed(channel: paramiko.Channel, go: threading.Barrier = go) -> None:
                channel.sendall(b"work\n")
                go.wait()
                # makes its EOF message under the channel's lock, lets go of the lock, then sends the message, for which
                # it waits until the other threads have sent theirs:
                channel.shutdown_write()

            def supervise(channel: paramiko.Channel, go: threading.Barrier = go) -> None:
                go.wait()
                # CLOSE goes in between, EOF goes after it, and the server drops the whole connection.
                channel.close()

            threads = [threading.Thread(target=part, args=(c,)) for c in channels for part in (feed, supervise)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(2.0)
        print(f"{jobs} jobs, and the race was not lost this time")
    except (paramiko.SSHException, EOFError, OSError) as error:
        print(f"{jobs} jobs, and one of them lost the connection for all: {type(error).__name__}: {error}")
    finally:
        sys.setswitchinterval(switch_interval_s)
        client.close()


def good(server: DemoServer) -> None:
    """The same jobs; the supervisor closes after the feeder has ended."""
    with _connect(server) as client:
        for _ in range(10):
            channel = client.get_transport().open_session(timeout=2)
            channel.exec_command("cat >/dev/null")

            def feed(channel: paramiko.Channel = channel) -> None:
                channel.sendall(b"work\n")
                channel.shutdown_write()

            feeder = threading.Thread(target=feed)
            feeder.start()
            feeder.join()  # EOF is out, so CLOSE comes after it
            channel.close()
        print("10 jobs fed and closed")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
