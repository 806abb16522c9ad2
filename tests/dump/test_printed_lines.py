"""Deadlocks in dumps whose program is not here: told from the lines that the dump itself prints."""

from __future__ import annotations

import pytest

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence, Finding

THREAD = """\
Traceback for thread {number} (python) [] (most recent call last):
    (Python) File "/usr/lib/python3.11/threading.py", line 1002, in _bootstrap
        self._bootstrap_inner()
    (Python) File "/srv/app.py", line {number}, in {function}
        {line}

"""
TRANSPORT = """\
Traceback for thread 99 (python) [] (most recent call last):
    (Python) File "/usr/lib/python3.11/threading.py", line 1002, in _bootstrap
        self._bootstrap_inner()
    (Python) File "/usr/lib/python3.11/site-packages/paramiko/transport.py", line 2059, in run
        ptype, m = self.packetizer.read_message()
    (Python) File "/usr/lib/python3.11/site-packages/paramiko/packet.py", line 322, in read_all
        x = self.__socket.recv(n)

"""
MAIN = """\
Traceback for thread 100 (python) [] (most recent call last):
    (Python) File "/srv/app.py", line 30, in <module>
        {line}
"""


def told(*lines: str, main: str = "time.sleep(1)") -> list[Finding]:
    threads = "".join(THREAD.format(number=n, function=f"f{n}", line=line) for n, line in enumerate(lines, 1))
    text = threads + TRANSPORT + MAIN.format(line=main)
    return list(check_dumps(read_snapshots(text.splitlines())).findings)


@pytest.mark.parametrize("main", ["time.sleep(1)", "with self.a:"])
def test_threads_at_two_locks_and_nobody_at_work(main: str) -> None:
    (found,) = told("with self.a:", "with self.b:", main=main)
    assert (found.hazard, found.confidence) == ("lock-order-inversion", Confidence.POSSIBLE)
    assert "'with self.a:'" in found.message and "'with self.b:'" in found.message
    assert "is a conclusion" in found.why


@pytest.mark.parametrize(
    "lines",
    [
        ("time.sleep(5)", "time.sleep(9)"),
        ("with self.a:", "time.sleep(9)"),
        ("with self.a:", "with self.a:"),
        ("with self.a:", "with self.b:", "total = sum(rows)"),
        ("with open(path) as f:", "data = s.recv(10)"),
    ],
)
def test_sleepers_queues_at_one_lock_and_threads_at_work_are_no_deadlock(lines: tuple[str, ...]) -> None:
    assert [f for f in told(*lines) if f.confidence is not Confidence.ADVICE] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("with self.a, self.b:", "with self.b:"),
        ("with self.lock(host):", "with self.other_lock:"),
        ("self.a.acquire(True)", "self.b.acquire(blocking=True)"),
        ("while not self.a.acquire():", "if self.b.acquire():"),
        ("elif a.acquire(): return", "got = b.acquire()"),
        ("with locks[host]:", "with self.client_lock:"),
    ],
)
def test_a_lock_is_taken_however_it_is_written(one: str, other: str) -> None:
    assert [f.hazard for f in told(one, other)] == ["lock-order-inversion"]


@pytest.mark.parametrize(
    "line",
    [
        "with client:",
        "with self.sftp:",
        "with sock as s:",
        "self.a.acquire(False)",
        "if self.a.acquire(timeout=3):",
        "self.a.acquire(True, 2)",
        "with pool.connection():",
        "with self.lock",
        "acquire()",
    ],
)
def test_a_line_that_takes_no_lock_or_will_not_wait_for_ever(line: str) -> None:
    assert told("with self.a:", line) == []
