"""What the lenses say of a dump, and of which they say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from stacks import asleep, py_spy

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence
from paramedic.model.report import Report

SOURCE = """\
import threading

lock = threading.Lock()
other = threading.Lock()
slots = threading.BoundedSemaphore(2)


def first(client):
    with lock:
        client.exec_command("true")
        with other:
            pass


def second(client):
    with other:
        with lock:
            pass


def slow(client):
    with lock:
        client.exec_command("sleep 9")[1].read()


def status_first(client):
    _, out, _ = client.exec_command("report")
    code = out.channel.recv_exit_status()
    return code, out.read()


def status_last(client):
    _, out, _ = client.exec_command("report")
    text = out.read()
    return text, out.channel.recv_exit_status()


def borrow(pool):
    client = pool.get()
    client.exec_command("true")
    pool.put(client)


def consume(jobs):
    job = jobs.get()
    print(job)


def tunnel(channel, origin, server):
    with lock:
        channel.close()


def feed(client):
    stdin, out, _ = client.exec_command("cat")
    stdin.write("x" * 9999999)
    return out.read()


def bounded(client):
    with slots:
        return client.exec_command("sleep 5")[1].read()


def wait_for_connection(sock):
    sock.accept()


def wait_for_turn(waiters):
    turn = threading.Lock()
    turn.acquire()
    waiters.append(turn)
    acquire_again(turn)


def acquire_again(turn):
    turn.acquire(True, -1)


class Upload:
    def __init__(self):
        self.state = threading.Lock()

    def start(self, sftp):
        with self.state:
            sftp.put("a", "b", callback=self.progress)

    def progress(self, done, total):
        with self.state:
            self.done = done


def ask(loop, coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()


def nest(pool, job):
    return pool.submit(job).result()
"""


def line(text: str, nth: int = 0) -> int:
    """The number of the line of `SOURCE` with this text."""
    return [n for n, written in enumerate(SOURCE.splitlines(), 1) if text in written][nth]


LOCK, OTHER = line("with lock"), line("with other")
FIRST_OTHER, SECOND_LOCK = OTHER, line("with lock", 1)
FIRST_EXEC = line('exec_command("true")')
SLOW_READ = line("sleep 9")
STATUS_FIRST, STATUS_LAST = line("recv_exit_status()"), line("recv_exit_status()", 1)
BORROW, CONSUME = line("pool.get"), line("jobs.get")
SLOTS = line("with slots")
TUNNEL, FEED, ACCEPT = line("with lock", 3), line("stdin.write"), line("sock.accept")

TURN, AGAIN = line("acquire_again(turn)"), line("turn.acquire(True")
ASK, NEST = line("threadsafe"), line("pool.submit")
STARTS, PROGRESSES = line("sftp.put"), line("with self.state", 1)

# sentence: (threads, hazard, confidence)
FOUND: dict[str, tuple[Mapping[str, str], str, Confidence]] = {
    "the exit status is awaited before the output is read": (
        {"Main": f"exit_status status_first@app.py:{STATUS_FIRST}", "T": "idle"},
        "exit-status-before-output",
        Confidence.POSSIBLE,
    ),
    "a writer whose output nobody reads until it has written": (
        {"Main": f"window feed@app.py:{FEED}", "T": "idle"},
        "undrained-output-while-writing",
        Confidence.ADVICE,
    ),
    "two locks in two orders": (
        {
            "a": f"first@app.py:{FIRST_OTHER} thread",
            "b": f"second@app.py:{SECOND_LOCK} thread",
            "MainThread": "join <module>@app.py:99",
            "T": "idle",
        },
        "lock-order-inversion",
        Confidence.OBSERVED,
    ),
    "two locks in two orders, without the source": (
        {
            "a": "push@gone.py:9 thread",
            "b": "pull@gone.py:19 thread",
            "MainThread": "join <module>@gone.py:99",
            "T": "idle",
        },
        "lock-order-inversion",
        Confidence.POSSIBLE,
    ),
    "a lock and the transport thread's handler": (
        {"Main": f"exec_command first@app.py:{FIRST_EXEC}", "T": f"tunnel@app.py:{TUNNEL} handler"},
        "lock-order-inversion",
        Confidence.OBSERVED,
    ),
    "a login that waits, with the lock that its handler needs": (
        {"Main": f"auth slow@app.py:{SLOW_READ}", "T": f"tunnel@app.py:{TUNNEL} handler"},
        "callback-blocks-transport",
        Confidence.OBSERVED,
    ),
    "a handler that reads from its channel": (
        {"Main": "event", "T": "recv pump@app.py:5 handler"},
        "callback-blocks-transport",
        Confidence.OBSERVED,
    ),
    "a handler that runs a command": (
        {"Main": "event", "T": "exec_command on_hook@app.py:5 handler"},
        "call-on-transport-thread",
        Confidence.OBSERVED,
    ),
    "a logging handler that writes to the connection in the middle of a key exchange": (
        {"Main": "recv main@app.py:5", "T": "event sending emit@app.py:9 log transport.log"},
        "call-on-transport-thread",
        Confidence.OBSERVED,
    ),
    "a transport that answers in the middle of its own key exchange": (
        {"Main": "recv main@app.py:5", "T": "rekey"},
        "rekey-deadlock",
        Confidence.OBSERVED,
    ),
    "a finalizer on the transport thread": (
        {"Main": "exec_command main@app.py:5", "T": "finalizer"},
        "finalizer-deadlock",
        Confidence.OBSERVED,
    ),
    "a signal handler in the middle of a send": (
        {"MainThread": "send_lock on_alarm@app.py:3 add_string main@app.py:9", "T": "idle"},
        "signal-handler-reenters",
        Confidence.OBSERVED,
    ),
    "the transport at a buffer's lock that no thread can let go of": (
        {"MainThread": "recv main@app.py:9", "T": "feed", "T2": "feed"},
        "signal-handler-reenters",
        Confidence.ADVICE,
    ),
    "a reader in PosixPipe.clear with the transport behind it": (
        {"a": "pipe.clear follow@app.py:3 thread", "b": "recv follow@app.py:3 thread", "T": "feed"},
        "select-pipe-race",
        Confidence.OBSERVED,
    ),
    "a request behind a prefetch of the whole file": (
        {"Main": "stat main@app.py:5", "P": "prefetch thread", "T": "idle"},
        "prefetch-stall",
        Confidence.POSSIBLE,
    ),
    "an import that waits for threads that import": (
        {
            "MainThread": "future <module>@fleet.py:23 importing <module>@app.py:1",
            "W_0": "import_lock fact@fleet.py:14 worker",
        },
        "connect-at-import",
        Confidence.OBSERVED,
    ),
    "every worker waits for its own pool": (
        {
            "pool_0": "future host@app.py:3 worker",
            "pool_1": "future host@app.py:3 worker",
            "MainThread": "future main@app.py:9",
            "T": "idle",
        },
        "pool-starvation",
        Confidence.POSSIBLE,
    ),
    "every worker waits for its own pool, which an event loop has started": (
        {
            "pool_0": f"future nest@app.py:{NEST} worker",
            "pool_1": f"future nest@app.py:{NEST} worker",
            "MainThread": "loop main@app.py:9",
            "T": "idle",
        },
        "pool-starvation",
        Confidence.POSSIBLE,
    ),
    "everybody waits to borrow": (
        {
            "w_0": f"queue borrow@app.py:{BORROW} worker",
            "w_1": f"queue borrow@app.py:{BORROW} worker",
            "MainThread": "future main@app.py:9",
            "T": "idle",
        },
        "pool-drained",
        Confidence.POSSIBLE,
    ),
    "main has ended and a thread reads on": (
        {"MainThread": "shutdown", "tail": "recv follow@app.py:4 thread", "T": "idle"},
        "exit-blocked",
        Confidence.ADVICE,
    ),
    "a forked child with its parent's connection": (
        {"MainThread": "exec_command work@app.py:4 forked <module>@app.py:9"},
        "forked-connection",
        Confidence.OBSERVED,
    ),
    "a read in a coroutine": (
        {"MainThread": "file.read state@app.py:4 loop <module>@app.py:9", "T": "idle"},
        "blocking-the-event-loop",
        Confidence.POSSIBLE,
    ),
    "a callback that takes the lock which the call around it holds": (
        {"u": f"progress@app.py:{PROGRESSES} start@app.py:{STARTS} thread", "MainThread": "join <module>@app.py:3"},
        "lock-order-inversion",
        Confidence.POSSIBLE,
    ),
    "an event loop whose callback waits for a future": (
        {"MainThread": "future handle@app.py:3 loop main@app.py:9", "T": "idle"},
        "blocking-the-event-loop",
        Confidence.POSSIBLE,
    ),
    "a real transport thread inside gevent's hub": (
        {"MainThread": "auth main@app.py:4", "Thread-1": "hub idle thread"},
        "gevent-half-patched",
        Confidence.POSSIBLE,
    ),
}

# sentence: threads; nothing above advice
QUIET: dict[str, Mapping[str, str]] = {
    "a reader on a quiet server": {"MainThread": "file.read main@app.py:5", "T": "idle"},
    "a connection over a socket of the program's own": {"MainThread": "recv main@app.py:5", "T": "recv@gone.py:9 idle"},
    "a transport that checks a signature": {
        "MainThread": "recv main@app.py:5",
        "T": "verify@site-packages/cryptography/hazmat/x.py:7 handler",
    },
    "connections of paramedic.safe": {"MainThread": "recv main@app.py:5", "T": "idle_of_safe", "T2": "answer_of_safe"},
    "the exit status after the output": {"MainThread": f"exit_status status_last@app.py:{STATUS_LAST}", "T": "idle"},
    "an exit status that somebody else's reading goes with": {
        "MainThread": "exit_status main@gone.py:3",
        "r": "recv read@gone.py:9 thread",
        "T": "idle",
    },
    "a writer and a reader": {
        "w": "window feed@gone.py:3 thread",
        "r": "recv drain@gone.py:9 thread",
        "MainThread": "join main@gone.py:30",
        "T": "idle",
    },
    "a lock held over a command, seen once": {
        "a": f"file.read slow@app.py:{SLOW_READ} thread",
        "b": f"slow@app.py:{SLOW_READ - 1} thread",
        "T": "idle",
    },
    "one SFTP client for each thread": {
        "a": "stat size@gone.py:3 thread",
        "b": "stat size@gone.py:3 thread",
        "T": "idle",
    },
    "a prefetch that its own file reads": {"MainThread": "getfo main@app.py:3", "P": "prefetch thread", "T": "idle"},
    "idle consumers of a queue of jobs": {
        "a": f"queue consume@app.py:{CONSUME} thread",
        "b": f"queue consume@app.py:{CONSUME} thread",
        "MainThread": "event main@app.py:3",
        "T": "idle",
    },
    "borrowers while others use the connections": {
        "a": f"queue borrow@app.py:{BORROW} thread",
        "b": "recv borrow@app.py:40 thread",
        "MainThread": "join main@app.py:3",
        "T": "idle",
    },
    "two pools, one of them at work": {
        "outer_0": "future host@app.py:3 worker",
        "inner_0": "recv leaf@app.py:9 worker",
        "MainThread": "future main@app.py:12",
        "T": "idle",
    },
    "workers that wait for coroutines of a loop": {
        "pool_0": f"future ask@app.py:{ASK} worker",
        "pool_1": f"future ask@app.py:{ASK} worker",
        "MainThread": "loop main@app.py:9",
        "T": "idle",
    },
    "workers of a loop's own executor, which has room for more": {
        "asyncio_0": f"future nest@app.py:{NEST} worker",
        "MainThread": "loop main@app.py:9",
        "T": "idle",
    },
    "a worker that waits and one that is free": {
        "pool_0": "future host@app.py:3 worker",
        "pool_1": "idle_worker",
        "MainThread": "future main@app.py:12",
        "T": "idle",
    },
    "two threads that wait for connections of their own, and the source says so": {
        "a": f"wait_for_connection@app.py:{ACCEPT} thread",
        "b": f"wait_for_connection@app.py:{ACCEPT} thread",
        "MainThread": "join main@gone.py:3",
        "T": "idle",
    },
    "a thread that is asked for its reply, seen once": {"MainThread": "reply main@app.py:3", "T": "idle"},
    "idle connections of a pool": {"a": "recv main@app.py:3 thread", "T1": "idle", "T2": "idle", "T3": "idle"},
    "sessions that a semaphore bounds": {
        "a": f"file.read bounded@app.py:{SLOTS + 1} thread",
        "b": f"file.read bounded@app.py:{SLOTS + 1} thread",
        "c": f"semaphore bounded@app.py:{SLOTS} thread",
        "MainThread": "join main@app.py:3",
        "T": "idle",
    },
    "a thread that waits for a coroutine of another thread's loop": {
        "MainThread": "future main@app.py:3",
        "loop": "loop serve@app.py:9 thread",
        "T": "idle",
    },
    "a lock that another thread may hold as well": {
        "u": f"progress@app.py:{PROGRESSES} start@app.py:{STARTS} thread",
        "v": f"event start@app.py:{STARTS} thread",
        "T": "idle",
        "MainThread": "join <module>@app.py:3",
    },
    "a coroutine's helper thread": {
        "MainThread": "event main@app.py:3",
        "asyncio_0": "recv state@app.py:4 worker",
        "T": "idle",
    },
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    (folder / "app.py").write_text(SOURCE)
    return folder


def report_of(threads: Mapping[str, str], source: Path, *, times: int = 1) -> Report:
    text = py_spy(threads) * times
    return check_dumps(read_snapshots(text.splitlines()), roots=[source])


@pytest.mark.parametrize("story", FOUND)
def test_found(story: str, source: Path) -> None:
    threads, hazard, confidence = FOUND[story]
    found = {f.hazard: f for f in report_of(threads, source).findings}
    assert hazard in found, found
    assert found[hazard].confidence is confidence
    assert found[hazard].steps and found[hazard].message


@pytest.mark.parametrize("story", FOUND)
def test_a_second_dump_that_is_the_same_takes_nothing_back(story: str, source: Path) -> None:
    threads, hazard, confidence = FOUND[story]
    found = {f.hazard: f.confidence for f in report_of(threads, source, times=2).findings}
    assert found[hazard].rank <= confidence.rank


@pytest.mark.parametrize("story", QUIET)
def test_quiet(story: str, source: Path) -> None:
    loud = [f for f in report_of(QUIET[story], source).findings if f.confidence is not Confidence.ADVICE]
    assert loud == []


@pytest.mark.parametrize(
    "story",
    [
        "sessions that a semaphore bounds", "a reader on a quiet server", "two pools, one of them at work",
        "a connection over a socket of the program's own", "connections of paramedic.safe",
        "a transport that checks a signature", "workers that wait for coroutines of a loop",
        "workers of a loop's own executor, which has room for more",
    ],
)  # fmt: skip
def test_what_stands_still_in_two_dumps_is_quiet_too(story: str, source: Path) -> None:
    loud = [f for f in report_of(QUIET[story], source, times=2).findings if f.confidence is not Confidence.ADVICE]
    assert loud == []


def test_threads_that_moved_are_not_accused(source: Path) -> None:
    before = {"Main": f"exit_status status_first@app.py:{STATUS_FIRST}", "T": "idle"}
    after = {"Main": "event main@app.py:3", "T": "idle"}
    text = py_spy(after) + py_spy(before)
    report = check_dumps(read_snapshots(text.splitlines()), roots=[source])
    assert [f for f in report.findings if f.confidence is not Confidence.ADVICE] == []


def test_threads_with_the_same_story_are_told_once(source: Path) -> None:
    threads = {f"w{n}": f"exit_status status_first@app.py:{STATUS_FIRST} thread" for n in range(48)}
    (finding,) = report_of(threads | {"T": "idle"}, source).findings
    assert finding.count == 48
    assert "47 more threads like this one" in finding.steps[0].what


@pytest.mark.parametrize(("beside", "loud"), [({"T": "idle"}, True), ({}, False)], ids=["connected", "not connected"])
def test_a_lock_is_held_across_a_call_of_a_library_that_polls(
    beside: Mapping[str, str], loud: bool, source: Path
) -> None:
    polling = f"wait@invoke/runners.py:1003 fun@decorator.py:232 slow@app.py:{SLOW_READ} thread"
    threads = {"a": polling, "b": f"slow@app.py:{SLOW_READ - 1} beat@app.py:1 thread", **beside}
    moved = {**threads, "a": polling.replace("1003", "1001")}
    text = py_spy(threads) + py_spy(moved)
    found = check_dumps(asleep(read_snapshots(text.splitlines())), roots=[source]).findings
    held = [f for f in found if f.hazard == "lock-held-across-io"]
    assert [f.confidence for f in held] == ([Confidence.OBSERVED] if loud else [])
    assert all("a call of invoke's" in f.message for f in held)


def test_a_lock_that_serves_as_a_signal_may_be_taken_twice_by_who_waits_for_it(source: Path) -> None:
    threads = {"w": f"acquire_again@app.py:{AGAIN} wait_for_turn@app.py:{TURN} thread", "MainThread": "event idle"}
    lines = []
    for text in py_spy(threads).splitlines():
        lines.append(text)
        if text.endswith((f"(app.py:{AGAIN})", f"(app.py:{TURN})")):
            lines += ["        Locals:", "            turn: <_thread.lock at 0x7f0010>"]
    assert check_dumps(read_snapshots(lines * 2), roots=[source]).findings == ()


def test_names_do_not_matter(source: Path) -> None:
    for threads, hazard, _ in FOUND.values():
        renamed = {f"x{n}" if "_" not in name else f"x_{n}": words for n, (name, words) in enumerate(threads.items())}
        if any(name in threads for name in ("MainThread", "Main")):
            continue  # the main thread is told by its name
        assert hazard in {f.hazard for f in report_of(renamed, source).findings}
