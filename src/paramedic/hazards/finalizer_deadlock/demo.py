"""Proof of ``finalizer-deadlock``: jobs that are dropped, with their streams in a reference cycle."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"fast": True}
PATIENCE_S = 4.0


class Job:
    """A command that was sent. Its steps point back to it, as a parent link or a kept traceback makes them."""

    def __init__(self, client: paramiko.SSHClient, command: str) -> None:
        self.steps = [self]  # the cycle: only the garbage collector can clear this away
        self.stdin, self.stdout, self.stderr = client.exec_command(command, timeout=2)


def bad(server: DemoServer) -> None:
    """Drop the jobs: the collector closes their stdin wherever it happens to run, also under the channel's own lock."""
    client = _connect(server)
    transport = client.get_transport()
    assert transport is not None
    transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # more jobs, so that seconds are enough
    sent: list[int] = []
    deadline_s = time.monotonic() + PATIENCE_S

    def notify() -> None:
        try:
            while time.monotonic() < deadline_s:
                # BufferedFile.__del__ -> close() -> shutdown_write() takes Channel.lock. If the collector runs on the
                # transport's thread, in _handle_close() of this channel, that thread holds the lock already.
                Job(client, f"notify {len(sent)}")
                sent.append(1)
        except (paramiko.SSHException, EOFError, OSError, AttributeError) as error:
            print(f"notify: {type(error).__name__}: {error}")

    workers = [threading.Thread(target=notify, name=f"notify-{number}", daemon=True) for number in range(4)]
    for worker in workers:
        worker.start()
    workers[0].join(PATIENCE_S + 0.5)
    closing = threading.Thread(target=client.close, daemon=True)  # close() itself may wait for the lock
    closing.start()
    transport.join(1.0)
    print(f"{len(sent)} jobs sent; the transport's thread {'is stuck' if transport.is_alive() else 'has ended'}")


def good(server: DemoServer) -> None:
    """Close what exec_command() gave, in the thread that asked for it: the collector finds nothing to do."""
    with _connect(server) as client:
        for number in range(100):
            job = Job(client, f"notify {number}")
            job.stdout.channel.recv_exit_status()
            job.stdout.channel.close()  # first: what sends EOF by itself may do so after CLOSE (eof-after-close)
            for stream in (job.stdin, job.stdout, job.stderr):
                stream.close()
        print("100 jobs sent and closed")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
