"""A program at work is not hung, however often a dump finds its threads at the same lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence, Finding
from paramedic.model.snapshot import Snapshot

SOURCE = """\
import threading

lock = threading.Lock()


def ask(client, command):
    with lock:
        _, out, _ = client.exec_command(command)
        return out.read()


def look(sftp):
    while True:
        sftp.stat("/etc/passwd")


def beat(client):
    ask(client, "true")
"""
LOCK, READ, STAT, BEAT = 7, 9, 14, 18
READER = """\
    Condition.wait (threading.py:331)
    BufferedPipe.read (paramiko/buffered_pipe.py:150)
    Channel.recv (paramiko/channel.py:697)
        Arguments:
            self: <Channel at 0x7f01>
            nbytes: 8192
    BufferedFile.read (paramiko/file.py:184)
    ask (app.py:9)
        Arguments:
            command: "true"
    Thread._bootstrap (threading.py:1002)
"""
WAITER = """\
    ask (app.py:7)
        Arguments:
            command: "true"
{root}    Thread._bootstrap (threading.py:1002)
"""
STATTER = """\
    Condition.wait (threading.py:331)
    BufferedPipe.read (paramiko/buffered_pipe.py:150)
    Channel.recv (paramiko/channel.py:697)
    BaseSFTP._read_all (paramiko/sftp.py:196)
    BaseSFTP._read_packet (paramiko/sftp.py:212)
    SFTPClient._read_response (paramiko/sftp_client.py:887)
        Arguments:
            waitfor: {request}
    SFTPClient._request (paramiko/sftp_client.py:857)
    SFTPClient.stat (paramiko/sftp_client.py:493)
    look (app.py:14)
    Thread._bootstrap (threading.py:1002)
"""
OTHERS = """\
Thread 8 (idle): "T"
    Packetizer.read_all (paramiko/packet.py:322)
    Packetizer.read_message (paramiko/packet.py:496)
    Transport.run (paramiko/transport.py:2059)
    Thread._bootstrap (threading.py:1002)
Thread 9 (idle): "MainThread"
    Thread._wait_for_tstate_lock (threading.py:1139)
    <module> (app.py:20)
Object Channel at 0x7f01: number={number} unread_bytes=0 unread_stderr_bytes=0
"""


def dump(threads: str, *, number: int = 1, switches: Mapping[str, int] | None = None) -> Snapshot:
    """One look at the process: what its threads do, and how often the kernel says that each has slept."""
    text = "Process 7: python app.py\n" + threads + OTHERS.format(number=number)
    (snapshot,) = read_snapshots(text.splitlines())
    told = switches or {}
    asleep = (replace(t, switches=told.get(t.name), system_call="futex" if told else "") for t in snapshot.threads)
    return replace(snapshot, threads=tuple(asleep))


def behind_a_lock(*waiters: str, holder: str = "a", root: str = "    beat (app.py:18)\n") -> str:
    """Threads of which one holds the lock and reads; the others are heartbeats, unless they begin elsewhere."""
    parts = [f'Thread 1 (idle): "{holder}"\n{READER}']
    parts += [f'Thread {n} (idle): "{name}"\n{WAITER.format(root=root)}' for n, name in enumerate(waiters, 2)]
    return "".join(parts)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder with the program's source."""
    (tmp_path / "app.py").write_text(SOURCE)
    return tmp_path


def findings(source: Path, *looks: Snapshot) -> dict[str, Finding]:
    """What is said of these looks."""
    return {f.hazard: f for f in check_dumps(looks, roots=[source], whole=True).findings}


QUIET = {"T": 50, "MainThread": 2}

# sentence: (number of the channel at the second look, how often each thread slept in between)
TURNS: dict[str, tuple[int, Mapping[str, int], Confidence]] = {
    "one call holds the lock all the time": (1, {"a": 2, "b": 2}, Confidence.OBSERVED),
    "one call holds the lock and gets its output piece by piece": (1, {"a": 40, "b": 2}, Confidence.OBSERVED),
    "the second thread is woken in vain each time a short call lets go": (9, {"a": 60, "b": 8}, Confidence.ADVICE),
    "one hand-over in the whole interval, and nobody woke for it": (2, {"a": 9, "b": 2}, Confidence.POSSIBLE),
}


@pytest.mark.parametrize("sentence", TURNS)
def test_a_lock_that_short_calls_take_in_turn_is_no_finding(sentence: str, source: Path) -> None:
    number, slept, expected = TURNS[sentence]
    before = dump(behind_a_lock("b"), switches={"a": 0, "b": 0, "T": 0, "MainThread": 0})
    after = dump(behind_a_lock("b"), number=number, switches=QUIET | slept)
    found = findings(source, before, after).get("lock-held-across-io")
    assert (found.confidence if found else Confidence.ADVICE) is expected


def test_a_thread_that_sleeps_stands_still_whatever_others_do_to_its_objects(source: Path) -> None:
    root = '    beat (app.py:18)\n        Arguments:\n            jobs: ["true"{}]\n'
    before = dump(behind_a_lock("b", root=root.format("")), switches={"a": 0, "b": 0, "T": 0, "MainThread": 0})
    filled = behind_a_lock("b", root=root.format(', "more"'))
    after = dump(filled, switches=QUIET | {"a": 2, "b": 2})
    assert findings(source, before, after)["lock-held-across-io"].confidence is Confidence.OBSERVED


def test_equal_workers_that_queue_for_a_long_command_are_at_work(source: Path) -> None:
    threads = behind_a_lock("b", "c", root="")
    before = dump(threads, switches={"a": 0, "b": 0, "c": 0, "T": 0, "MainThread": 0})
    found = findings(source, before, dump(threads, switches=QUIET | {"a": 2, "b": 2, "c": 2}))["lock-held-across-io"]
    assert found.confidence is Confidence.ADVICE
    assert "they may only take turns" in found.message


def test_workers_of_an_executor_are_there_to_work_at_the_same_time(source: Path) -> None:
    worker = "    _worker (concurrent/futures/thread.py:83)\n    Thread._bootstrap"
    threads = behind_a_lock("b", "c", root="").replace("    Thread._bootstrap", worker)
    before = dump(threads, switches={"a": 0, "b": 0, "c": 0, "T": 0, "MainThread": 0})
    found = findings(source, before, dump(threads, switches=QUIET | {"a": 2, "b": 2, "c": 2}))["lock-held-across-io"]
    assert found.confidence is Confidence.OBSERVED


def test_two_dumps_of_text_do_not_tell_short_calls_from_a_long_one(source: Path) -> None:
    found = findings(source, dump(behind_a_lock("b")), dump(behind_a_lock("b")))["lock-held-across-io"]
    assert found.confidence is Confidence.ADVICE
    assert "two of many short calls" in found.message


@pytest.mark.parametrize(("woke", "request_number", "told"), [(0, 5, True), (300, 5, False), (0, 6, False)])
def test_a_loop_of_quick_requests_is_at_the_same_line_in_every_dump(
    woke: int, request_number: int, told: bool, source: Path
) -> None:
    def look(request: int, slept: int) -> Snapshot:
        stack = f'Thread 1 (idle): "a"\n{STATTER.format(request=request)}'
        return dump(stack, switches={"a": slept, "T": 0 if not slept else 50, "MainThread": min(slept, 2)})

    found = findings(source, look(5, 0), look(request_number, 2 + woke))
    assert [(f.hazard, f.confidence) for f in found.values()] == (
        [("wait-without-timeout", Confidence.ADVICE)] if told else []  # a slow disk needs seconds as well
    )


def test_idle_workers_of_a_library_s_own_pool_hold_no_locks(source: Path) -> None:
    package = source / "site-packages" / "greenery"
    package.mkdir(parents=True)
    pool = package / "pool.py"
    pool.write_text(
        "class Queue:\n    def get(self):\n        with self._mutex:\n            lock.acquire()\n"
        "            with self._mutex:\n                pass\n"
    )
    text = "Process 7: python app.py\n" + "".join(
        f'Thread {n} (idle): "w{n}"\n    Queue.get ({pool}:{4 + n % 2})\n' for n in range(1, 4)
    )
    text += 'Thread 9 (idle): "MainThread"\n    <module> (app.py:20)\n'
    assert findings(source, *read_snapshots(text.splitlines())) == {}


EVERY_OTHER = """\
from contextlib import ExitStack

def move(nodes):
    with ExitStack() as stack:
        for node in nodes:
            stack.enter_context(node.busy)
            node.ssh.exec_command("true")
"""


def mover(number: int, name: str, line: int = 6) -> str:
    entered = "    _BaseExitStack.enter_context (contextlib.py:517)\n" if line == 6 else ""
    return (
        f'Thread {number} (idle): "{name}"\n{entered}    move (app.py:{line})\n    Thread._bootstrap (threading.py:1)\n'
    )


@pytest.mark.parametrize(
    ("threads", "seconds", "expected"),
    [
        (mover(1, "a") + mover(2, "b"), True, Confidence.POSSIBLE),
        (mover(1, "a") + mover(2, "b"), False, Confidence.ADVICE),
        (mover(1, "a"), True, None),
        (mover(1, "a") + mover(2, "b") + mover(3, "c", 7), True, None),
    ],
    ids=["each at a lock for seconds", "each at a lock in one dump", "one alone", "a third at work"],
)
def test_where_all_wait_for_locks_nobody_is_left_to_let_go(
    threads: str, seconds: bool, expected: Confidence | None, source: Path
) -> None:
    (source / "app.py").write_text(EVERY_OTHER)
    looks = [dump(threads, switches=dict.fromkeys("abcT", 0) | {"MainThread": 0})] * (1 + seconds)
    found = findings(source, *looks).get("lock-order-inversion")
    assert (found.confidence if found else None) is expected


def test_a_decorator_s_self_is_no_name_of_the_module_s(source: Path) -> None:
    """Each host has its own lock: a thread that waits for another's is no part of a ring."""
    (source / "app.py").write_text(
        "def synced(f):\n    def inner(self, *a):\n        with self.mu:\n            return f(self, *a)\n"
        "    return inner\n"
    )
    stack = "    inner (app.py:3)\n    inner (app.py:4)\n    Thread._bootstrap (threading.py:1)\n"
    reads = READER.replace("ask (app.py:9)", "inner (app.py:4)").replace('            command: "true"\n', "")
    threads = f'Thread 1 (idle): "hub"\n{reads}' + "".join(f'Thread {n} (idle): "{n}"\n{stack}' for n in (2, 3))
    assert "lock-order-inversion" not in findings(source, dump(threads))
