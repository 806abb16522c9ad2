"""What the user's source adds to stacks: locks behind context managers, loops that poll, whose file it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from stacks import asleep, py_spy

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence, Finding

SOURCE = """\
import contextlib, signal, threading, time
from vendorlib import Storage

LOCKS = {"a": threading.Lock(), "b": threading.Lock()}
state = threading.Lock()


@contextlib.contextmanager
def exclusive(host):
    LOCKS[host].acquire()  # taken
    try:
        yield
    finally:
        LOCKS[host].release()


def copy(client, src, dst):
    with exclusive(src):
        client.exec_command("true")[1].read()  # inside
        with exclusive(dst):  # second
            client.exec_command("true")


class Guard:
    def __init__(self, lock):
        self.lock = lock

    def __enter__(self):
        self.lock.acquire()  # guarded

    def __exit__(self, *_):
        self.lock.release()


def guarded(client):
    with Guard(state):  # guarding
        client.exec_command("true")[1].read()  # in guard


left, right = Guard(LOCKS["a"]), Guard(LOCKS["b"])


def one(client):
    with left:
        with right:  # one
            pass


def other(client):
    with right:
        with left:  # other
            pass


def poll(client):
    _, out, _ = client.exec_command("report")
    while not out.channel.exit_status_ready():
        time.sleep(0.2)  # poll
    return out.read()


def drain(client):
    _, out, _ = client.exec_command("report")
    text = b""
    while not out.channel.exit_status_ready():
        text += out.channel.recv(1000)
        time.sleep(0.2)  # drain
    return text


class Job:
    @property
    def ended(self):
        return self.channel.exit_status_ready()

    def result(self):
        while not self.ended:
            time.sleep(0.2)  # poll by property
        return self.channel.recv(1000)


def mark(*_):
    with state:  # mark
        pass


signal.signal(signal.SIGALRM, mark)
with state:
    time.sleep(9)  # held
"""
LINE = {text.partition("  # ")[2]: n for n, text in enumerate(SOURCE.splitlines(), 1) if "  # " in text}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    (folder / "app.py").write_text(SOURCE)
    return folder


def findings(threads: Mapping[str, str], source: Path, *, times: int = 1) -> list[Finding]:
    words = {name: stack.format(**{k.replace(" ", "_"): v for k, v in LINE.items()}) for name, stack in threads.items()}
    return list(check_dumps(asleep(read_snapshots((py_spy(words) * times).splitlines())), roots=[source]).findings)


TWO_COPIES = {
    "a": "exclusive@app.py:{taken} copy@app.py:{second} thread",
    "b": "exclusive@app.py:{taken} copy@app.py:{second} thread",
    "MainThread": "join main@app.py:1",
    "T": "idle",
}


def test_locks_behind_a_context_manager_close_a_cycle(source: Path) -> None:
    (cycle,) = findings(TWO_COPIES, source)
    assert (cycle.hazard, cycle.confidence) == ("lock-order-inversion", Confidence.POSSIBLE)
    assert {s.thread for s in cycle.steps} == {"a", "b"}
    assert "by the locks' names, not their addresses" in cycle.message


def test_where_a_third_thread_may_hold_the_lock_and_go_on_there_is_no_deadlock(source: Path) -> None:
    threads = TWO_COPIES | {"c": "file.read copy@app.py:{inside} thread"}
    assert [f for f in findings(threads, source) if f.confidence is not Confidence.ADVICE] == []


def test_a_class_that_takes_a_lock_on_entering_holds_it_in_the_body(source: Path) -> None:
    threads = {
        "a": "file.read guarded@app.py:{in_guard} thread",
        "b": "__enter__@app.py:{guarded} guarded@app.py:{guarding} main@app.py:1 thread",
        "T": "idle",
    }
    (held,) = [f for f in findings(threads, source, times=2) if f.hazard == "lock-held-across-io"]
    assert held.confidence is Confidence.POSSIBLE
    assert [s.thread for s in held.steps] == ["a", "b"]


def test_a_lock_of_one_s_own_class_is_held_in_the_body_of_its_with(source: Path) -> None:
    threads = {
        "a": "__enter__@app.py:{guarded} one@app.py:{one} thread",
        "b": "__enter__@app.py:{guarded} other@app.py:{other} thread",
        "MainThread": "join main@app.py:1",
        "T": "idle",
    }
    (cycle,) = findings(threads, source)
    assert (cycle.hazard, cycle.confidence) == ("lock-order-inversion", Confidence.POSSIBLE)


def test_a_loop_that_asks_for_the_exit_status_is_told_as_one(source: Path) -> None:
    threads = {"MainThread": "poll@app.py:{poll} <module>@app.py:1", "T": "idle"}
    (poll,) = findings(threads, source)
    assert (poll.hazard, poll.confidence) == ("exit-status-before-output", Confidence.ADVICE)
    assert "again and again" in poll.message


def test_a_loop_that_asks_through_a_property_is_told_too(source: Path) -> None:
    threads = {"MainThread": "result@app.py:{poll_by_property} <module>@app.py:1", "T": "idle"}
    (poll,) = findings(threads, source)
    assert (poll.hazard, poll.confidence) == ("exit-status-before-output", Confidence.ADVICE)


def test_a_loop_that_reads_as_well_is_not(source: Path) -> None:
    assert findings({"MainThread": "drain@app.py:{drain} <module>@app.py:1", "T": "idle"}, source) == []


def test_a_handler_that_interrupted_the_module_s_own_body_is_known(source: Path) -> None:
    (found,) = findings({"MainThread": "mark@app.py:{mark} <module>@app.py:{held}", "T": "idle"}, source)
    assert (found.hazard, found.confidence) == ("signal-handler-reenters", Confidence.OBSERVED)


REQUESTS = {
    "a handler asks in the middle of a request": ("stat mark@app.py:{mark} stat poll@app.py:{poll}", True),
    "the handler came between two requests": ("stat mark@app.py:{mark} poll@app.py:{poll}", False),
    "a callback asks, which is no handler": ("stat drain@app.py:{drain} stat poll@app.py:{poll}", False),
    "the handler reads a channel of its own": ("recv mark@app.py:{mark} stat poll@app.py:{poll}", False),
}


@pytest.mark.parametrize("how", REQUESTS)
def test_a_handler_that_asks_for_an_sftp_reply_in_the_middle_of_another_request(how: str, source: Path) -> None:
    stack, told = REQUESTS[how]
    found = findings({"MainThread": f"{stack} <module>@app.py:{{held}}", "T": "idle"}, source)
    reentered = [f.confidence for f in found if f.hazard == "signal-handler-reenters"]
    assert reentered == ([Confidence.POSSIBLE] if told else [])
    assert not told or "in the middle of stat()" in found[0].message


def test_handlers_that_a_timer_piles_up_stand_at_the_same_lock(source: Path) -> None:
    once = "mark@app.py:{mark} <module>@app.py:{held}".format(**LINE)
    dumps = [{"MainThread": stack, "T": "idle"} for stack in (once, f"mark@app.py:{LINE['mark']} {once}")]
    text = "".join(py_spy(threads) for threads in dumps)
    (found,) = check_dumps(read_snapshots(text.splitlines()), roots=[source]).findings
    assert (found.hazard, found.confidence) == ("signal-handler-reenters", Confidence.OBSERVED)


def test_a_package_that_is_not_beside_the_user_s_files_is_a_library(source: Path) -> None:
    threads = {f"w{n}": "stat listing@vendorlib/__init__.py:5 drain@app.py:{drain} thread" for n in range(3)}
    (found,) = findings(threads | {"T": "idle"}, source)
    assert found.hazard == "shared-sftp-client"
    assert [str(s.site) for s in found.steps] == [f"app.py:{LINE['drain']}"]


def test_modules_of_the_standard_library_are_known_by_their_short_names(source: Path) -> None:
    threads = {"MainThread": "window copyfileobj@shutil.py:200 copy@app.py:{inside}", "T": "idle"}
    (found,) = [f for f in findings(threads, source) if f.hazard == "undrained-output-while-writing"]
    assert str(found.steps[0].site) == f"app.py:{LINE['inside']}"


def test_a_script_that_is_called_like_one_is_the_user_s_all_the_same() -> None:
    threads = {"MainThread": "stat <module>@copy.py:3", "T": "idle"}
    (found,) = check_dumps(read_snapshots(py_spy(threads).splitlines())).findings
    assert str(found.steps[0].site) == "copy.py:3"


def test_lines_of_code_that_is_not_here_are_said_to_be_missed() -> None:
    threads = {"T": "idle", "a": "move@gone.py:3 thread"}
    (gap,) = check_dumps(read_snapshots(py_spy(threads).splitlines())).gaps
    assert gap.reason == "source-not-found"
    assert "gone.py:3" in gap.detail and "--source DIR" in gap.detail


SIGNALS = """\
def worker():
    with mu:  # worker
        {does}

def main():
    {connects}
    with mu:
        done.wait()  # main
"""


@pytest.mark.parametrize(
    ("does", "connects", "told"),
    [
        ("done.set()", "pass", True),
        ("finish()", "def finish(): done.set()", True),
        ("ready.set()", "pass", True),
        ("print(1)", "client.request_port_forward('', 0, handler=lambda *a: done.set())", False),
        ("ready.set()", "signal.signal(signal.SIGALRM, lambda *a: done.set())", False),
    ],
    ids=["the thread", "what it calls", "by another name", "the transport's callback", "a signal's handler"],
)
def test_who_must_set_an_event_is_the_thread_whose_code_does(
    does: str, connects: str, told: bool, tmp_path: Path
) -> None:
    text = SIGNALS.format(does=does, connects=connects)
    (tmp_path / "app.py").write_text(text)
    lines = {w: next(n for n, s in enumerate(text.splitlines(), 1) if s.endswith(f"# {w}")) for w in ("worker", "main")}
    threads = {
        "a": f"worker@app.py:{lines['worker']} thread",
        "T": "idle",
        "MainThread": f"event main@app.py:{lines['main']}",
    }
    found = check_dumps(read_snapshots(py_spy(threads).splitlines()), roots=[tmp_path]).findings
    assert [f.hazard for f in found] == (["lock-order-inversion"] if told else [])


def test_a_script_called_like_a_module_of_the_standard_library_is_the_users_in_every_thread() -> None:
    threads = {"a": "exit_status fetch@sched.py:21 thread", "T": "idle", "MainThread": "join <module>@sched.py:90"}
    found = check_dumps(read_snapshots(py_spy(threads).splitlines())).findings
    assert {(s.site.file, s.site.line) for f in found for s in f.steps if s.site} == {("sched.py", 21)}
