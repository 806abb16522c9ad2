"""Classes of a program's own that keep apart the steps of which Paramiko's calls consist, at each level."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paramedic.lab import Manners, Server, lab
from paramedic.lint.own_steps import Keeps, OwnSteps

PROGRAM = """
import contextlib, functools, json, sys, threading
from concurrent.futures import ThreadPoolExecutor
import paramiko

server = json.loads(sys.argv[1])
client = paramiko.SSHClient()
client.load_host_keys(server.pop("known_hosts"))
meeting = threading.Barrier(2, timeout=20)
lock, one, worker = threading.Lock(), threading.Semaphore(1), ThreadPoolExecutor(1)
plain = paramiko.SFTPClient._request


def alone(method):
    @functools.wraps(method)
    def wrapper(*arguments):
        meeting.wait()
        with lock:
            return method(*arguments)

    return wrapper


class Decorated(paramiko.SFTPClient):
    _request = alone(plain)


class InBlock(paramiko.SFTPClient):
    @contextlib.contextmanager
    def turn(self):
        one.acquire()
        yield
        one.release()

    def _request(self, *arguments):
        meeting.wait()
        with self.turn():
            return super()._request(*arguments)


class ByWorker(paramiko.SFTPClient):
    def _request(self, *arguments):
        meeting.wait()
        return worker.submit(super()._request, *arguments).result(20)


class Counted(paramiko.SFTPClient):
    count = 0

    def _request(self, *arguments):
        meeting.wait()
        self.count += 1
        return super()._request(*arguments)


class CountedUnderLock(paramiko.SFTPClient):
    count = 0

    def _request(self, *arguments):
        meeting.wait()
        with lock:
            self.count += 1
        return super()._request(*arguments)


class Wrapped(paramiko.Transport):
    def global_request(self, *arguments, **options):
        meeting.wait()
        with lock:
            return super().global_request(*arguments, **options)


def look():
    with contextlib.suppress(Exception):
        used(".") if kind is not Wrapped else used("127.0.0.1", 0)


kind = globals()[sys.argv[2]]
if kind is Wrapped:
    server["transport_factory"] = Wrapped
client.connect(**server)
if kind is Wrapped:
    used = client.get_transport().request_port_forward
else:
    sftp = kind.from_transport(client.get_transport())
    sftp.get_channel().settimeout(1)
    used = sftp.stat
threads = [threading.Thread(target=look) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
client.close()
worker.shutdown()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A well-mannered SSH server."""
    with lab(Manners()) as running:
        yield running


@pytest.mark.parametrize("level", ["watch", "check"])
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        *dict.fromkeys(("Decorated", "InBlock", "ByWorker", "Wrapped"), "").items(),
        *dict.fromkeys(("Counted", "CountedUnderLock"), "shared-sftp-client").items(),
    ],
)
def test_what_a_class_keeps_apart_did_not_meet(
    server: Server, own_state: Path, tmp_path: Path, level: str, kind: str, told: str
) -> None:
    program, report = tmp_path / "program.py", tmp_path / "report.json"
    program.write_text(PROGRAM)
    words = {**server.connect_kwargs(), "known_hosts": server.known_hosts_file, "timeout": 20}
    command = [
        "run",
        "--level",
        level,
        "--format",
        "json",
        "--output",
        str(report),
        str(program),
        json.dumps(words),
        kind,
    ]
    done = subprocess.run([sys.executable, "-m", "paramedic", *command], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())["findings"]
    assert [f["hazard"] for f in found if f["confidence"] != "advice"] == [told] * bool(told)


SOURCES = {
    "def _request(self, *a):\n    self.count += 1\n    return super()._request(*a)\n": Keeps.NOBODY,
    "def _request(self, *a):\n    with self.lock:\n        return super()._request(*a)\n": Keeps.BY_LOCK,
    "def _request(self, *a):\n    with self.lock:\n        n += 1\n    return super()._request(*a)\n": Keeps.NOBODY,
    "def _request(self, *a):\n    self.lock.acquire()\n    self.n += 1\n    self.lock.release()\n    return super()."
    "_request(*a)\n": Keeps.NOBODY,
    "def _request(self, kind, a):\n    with self.lock:\n        return kind_of(self)(kind, a)\n": Keeps.BY_LOCK,
    "@kept\ndef _request(self, *a):\n    self.turn.acquire()\n    return super()._request(*a)\n": Keeps.BY_LOCK,
    "def _request(self, *a):\n    return self.pool.submit(super()._request, *a).result()\n": Keeps.ELSEWHERE,
    "def _request(self, *a):\n    return self.do(lambda: super()._request(*a))\n": Keeps.ELSEWHERE,
    "def other(self, *a):\n    return super()._request(*a)\n": Keeps.ELSEWHERE,
    "no Python (": Keeps.ELSEWHERE,
}


@pytest.mark.parametrize("source", SOURCES)
def test_how_a_step_keeps_others_out(tmp_path: Path, source: str) -> None:
    file = tmp_path / "own.py"
    file.write_text(source)
    assert OwnSteps().keeps("_request", str(file), 1, "Own._request") is SOURCES[source]
