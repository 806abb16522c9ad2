"""Proof of ``select-pipe-race``: a program selects on a channel, and reads its two streams in two threads."""

from __future__ import annotations

import select
import sys
import threading
import time
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramedic.model.proof import DemoServer

    Receive = Callable[[int], bytes]

MANNERS: dict[str, object] = {}
PATIENCE_S = 4.0
CHATTER = "while :; do echo out; echo err >&2; done"


def bad(server: DemoServer) -> None:
    """After fileno() the two streams share a pipe of one byte: both readers clear it, and one waits for ever."""
    client = _connect(server)
    channel = client.get_transport().open_session(timeout=10)
    channel.exec_command(CHATTER)
    select.select([channel], [], [], 1.0)  # asks for fileno(): from here on there is a pipe to keep in step
    counts = {"stdout": 0, "stderr": 0}

    def read(name: str, receive: Receive) -> None:
        # BufferedPipe.read() clears the pipe with os.read(), under the buffer's lock, when the buffer runs dry. The
        # other reader may have taken the byte: then this one sits in os.read(), and the transport waits for its lock.
        while receive(64):
            counts[name] += 1

    threads = [
        threading.Thread(target=read, args=("stdout", channel.recv), daemon=True),
        threading.Thread(target=read, args=("stderr", channel.recv_stderr), daemon=True),
    ]
    switch_interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # a busy program's scheduling, so that seconds show what takes production days
    try:
        for thread in threads:
            thread.start()
        print("stopped: no stream moves any more" if _stands_still(counts) else "both streams moved on this time")
    finally:
        sys.setswitchinterval(switch_interval_s)
        # close() itself waits for the buffer's lock, so not even this gets out of it
        closing = threading.Thread(target=client.close, daemon=True)
        closing.start()
        closing.join(1.0)


def good(server: DemoServer) -> None:
    """Two reader threads and no fileno(): separate buffers, nothing to keep in step."""
    with _connect(server) as client:
        channel = client.get_transport().open_session(timeout=10)
        channel.settimeout(10)
        channel.exec_command("seq 1 2000 | while read n; do echo out; echo err >&2; done")
        counts = {"stdout": 0, "stderr": 0}

        def read(name: str, receive: Receive) -> None:
            while data := receive(64):
                counts[name] += data.count(b"\n")

        threads = [
            threading.Thread(target=read, args=("stdout", channel.recv)),
            threading.Thread(target=read, args=("stderr", channel.recv_stderr)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{counts['stdout']} lines of output, {counts['stderr']} of errors")


def _stands_still(counts: dict[str, int]) -> bool:
    deadline_s = time.monotonic() + PATIENCE_S
    before: dict[str, int] = {}
    while time.monotonic() < deadline_s and counts != before:
        before = dict(counts)
        time.sleep(0.4)
    return counts == before


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
