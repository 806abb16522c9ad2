"""A peer that is gone, or whose program reads nothing, is proven by what the kernel says of the connection."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from paramedic.check.hung_process import Look, check_process
from paramedic.dump.live import tools
from paramedic.dump.sockets import Sockets, Tcp
from paramedic.lab import lab
from paramedic.model.finding import Confidence, Finding

LIMIT_S = 30
SO_ATTACH_FILTER, DROP_EVERYTHING = 26, 0x06  # linux/filter.h: BPF_RET | BPF_K with 0

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not tools().py_spy, reason="reads /proc; py-spy is needed (pip install py-spy)"
)

PROGRAM = """\
import sys
import paramiko

host, port, user, key = sys.argv[1:]
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect(host, int(port), user, key_filename=key, allow_agent=False, look_for_keys=False)
stdin, stdout, _ = client.exec_command("cat > /dev/null")
print("ready", client.get_transport().sock.fileno(), flush=True)
input()
{then}
"""


class Filter(ctypes.Structure):
    """linux/filter.h, struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


class Link:
    """A relay to a server: its host can vanish, and its program can stop to read."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port = self._listening.getsockname()[1]
        self._target = target
        self._reading = threading.Event()
        self._reading.set()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        try:
            near, _ = self._listening.accept()
        except OSError:
            return  # closed before anybody came
        far = socket.create_connection(self._target)
        self._sockets += [near, far]
        for one, other in ((near, far), (far, near)):
            self._threads.append(threading.Thread(target=self._pump, args=(one, other), daemon=True))
            self._threads[-1].start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(4096):
                self._reading.wait()
                other.sendall(data)

    def vanish(self) -> None:
        """From now on every segment that comes is dropped before TCP sees it."""
        code = (ctypes.c_uint64 * 1)(DROP_EVERYTHING)
        program = Filter(1, ctypes.cast(code, ctypes.c_void_p))
        self._sockets[0].setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))

    def stop_reading(self) -> None:
        """From now on the program behind the socket takes nothing."""
        self._reading.clear()

    def close(self) -> None:
        """Ends it."""
        self._reading.set()
        for one in [self._listening, *self._sockets]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(LIMIT_S)
            assert not thread.is_alive()


@pytest.fixture
def link() -> Iterator[tuple[Link, list[str]]]:
    with lab() as server:
        link = Link((server.host, server.port))
        try:
            yield link, [server.host, str(link.port), server.user, str(server.key_file)]
        finally:
            link.close()


def told(
    folder: Path, words: list[str], then: str, trouble: Callable[[], None], until: Callable[[Tcp], bool]
) -> list[Finding]:
    """What is said of a program that meets the trouble, once the kernel knows of it."""
    (folder / "app.py").write_text(PROGRAM.format(then=then))
    process = subprocess.Popen(
        [sys.executable, str(folder / "app.py"), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        descriptor = int(process.stdout.readline().split()[1])
        trouble()
        process.stdin.write("\n")
        process.stdin.flush()
        for _ in range(LIMIT_S * 10):
            state = Sockets(process.pid).tcp(descriptor)
            if state is not None and until(state):
                break
            threading.Event().wait(0.1)
        return [
            f
            for f in check_process(process.pid, Look(interval_s=0.3), tools()).findings
            if f.confidence is not Confidence.ADVICE
        ]
    finally:
        process.kill()
        process.wait(LIMIT_S)
        process.stdin.close()
        process.stdout.close()


@pytest.mark.parametrize(
    "then", ['client.exec_command("true")', 'stdin.write("x")\nstdout.channel.recv_exit_status()'], ids=["open", "exit"]
)
def test_a_host_that_acknowledges_nothing_is_gone(link: tuple[Link, list[str]], tmp_path: Path, then: str) -> None:
    relay, words = link
    (found,) = told(tmp_path, words, then, relay.vanish, lambda tcp: tcp.retransmissions >= 4)
    assert (found.hazard, found.confidence) == ("wait-without-timeout", Confidence.OBSERVED)
    assert "has not acknowledged" in found.message and "is gone" in found.message


def test_a_program_that_reads_nothing_is_told(link: tuple[Link, list[str]], tmp_path: Path) -> None:
    relay, words = link
    then = 'stdin.write("x" * (8 << 20))'
    (found,) = told(tmp_path, words, then, relay.stop_reading, lambda tcp: tcp.window_closed)
    assert (found.hazard, found.confidence) == ("wait-without-timeout", Confidence.OBSERVED)
    assert "the peer's program reads nothing" in found.message


def test_what_is_no_connection_is_none() -> None:
    ours = Sockets(os.getpid())
    with open(os.devnull) as file, socket.socket() as unconnected:
        assert ours.tcp(file.fileno()) is None
        assert ours.tcp(unconnected.fileno()) is None
    assert ours.tcp(99999) is None
