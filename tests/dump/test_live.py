"""Running processes: dumped twice, looked into, asked by signal, watched. Real processes; no SSH server is needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paramedic.check.hung_process import Look, check_process
from paramedic.dump import kernel
from paramedic.dump.assembly import read_snapshots
from paramedic.dump.live import DumpError, Tools, take, tools
from paramedic.dump.memory import Memory, Reference, Unreadable, python_version
from paramedic.model.finding import Confidence

HERE = Path(__file__).resolve().parent
LIMIT_S = 90

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
HAVE = tools()
NOTHING = Tools(py_spy="", pystack="")
py_spy = pytest.mark.skipif(not HAVE.py_spy, reason="py-spy is not installed")

Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program that prints a line once it is where the test wants it."""
    started: list[subprocess.Popen[str]] = []

    def run(text: str) -> subprocess.Popen[str]:
        program = tmp_path / "app.py"
        program.write_text(text)
        with open(tmp_path / "stderr.txt", "w") as errors:
            process = subprocess.Popen(
                [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=errors, text=True, cwd=tmp_path
            )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait(LIMIT_S)
        assert process.stdout is not None
        process.stdout.close()


def ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line
    return line


TWO_LOCKS = """\
import threading

registry, journal = threading.Lock(), threading.Lock()
both = threading.Barrier(3)


def first():
    with registry:
        both.wait()
        with journal:
            pass


def second():
    with journal:
        both.wait()
        with registry:
            pass


pair = [threading.Thread(target=first), threading.Thread(target=second)]
for t in pair:
    t.start()
both.wait()
print("ready", flush=True)
for t in pair:
    t.join()
"""


def paramedic(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "paramedic.cli.main", "dump", *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
    )


@linux
@py_spy
def test_a_deadlock_of_two_locks_is_told_from_the_process_alone(start: Start, tmp_path: Path) -> None:
    process = start(TWO_LOCKS)
    ready(process)
    done = paramedic(str(process.pid), "--interval", "0.3", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    found = {f["hazard"]: f for f in report["findings"]}
    cycle = found["lock-order-inversion"]
    assert cycle["confidence"] == "observed"
    assert {s["site"]["line"] for s in cycle["steps"]} == {10, 17}
    assert report["source"]["kind"] == "process"


def test_no_such_process() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(LIMIT_S)
    done = paramedic(str(gone.pid))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"no process {gone.pid}" in done.stderr


@linux
@py_spy
def test_a_process_that_is_no_python() -> None:
    # A shell that catches SIGUSR1: its handler writes no dump, so nobody is told to send it.
    script = "trap : USR1; echo ready; read line"
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "ready\n"
        try:
            done = paramedic(str(other.pid))
        finally:
            other.kill()
    assert done.returncode == 2
    assert "is not a Python program" in done.stderr
    assert "USR1" not in done.stderr
    assert "Traceback" not in done.stderr


@linux
def test_without_tools_the_advice_says_what_to_install(start: Start) -> None:
    process = start("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    ready(process)
    with pytest.raises(DumpError, match="pip install py-spy"):
        take(process.pid, NOTHING)


@linux
def test_a_signal_that_nobody_catches_is_not_sent(start: Start) -> None:
    process = start("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    ready(process)
    with pytest.raises(DumpError, match="no handler for SIGUSR1"):
        take(process.pid, NOTHING, send=signal.SIGUSR1)
    assert process.poll() is None


@linux
def test_a_process_with_faulthandler_is_asked_by_signal(start: Start) -> None:
    process = start(
        "import faulthandler, signal, time\nfaulthandler.register(signal.SIGUSR1)\n"
        "print('ready', flush=True)\ntime.sleep(60)\n"
    )
    ready(process)
    snapshot = take(process.pid, NOTHING, send=signal.SIGUSR1)
    assert snapshot.form == "faulthandler"
    assert snapshot.process == process.pid
    assert process.poll() is None


@linux
def test_a_program_whose_source_registers_the_signal_is_asked_without_being_told(start: Start) -> None:
    process = start(
        "import faulthandler, signal, time\nfaulthandler.register(\n    signal.SIGUSR1, all_threads=True)\n"
        "print('ready', flush=True)\ntime.sleep(60)\n"
    )
    ready(process)
    assert take(process.pid, NOTHING).form == "faulthandler"
    assert process.poll() is None


@linux
def test_a_signal_that_may_be_for_something_else_is_not_sent_unasked(start: Start) -> None:
    process = start(
        "import signal, sys, time\nsignal.signal(signal.SIGUSR1, lambda *_: sys.exit('reopened the logs'))\n"
        "print('ready', flush=True)\ntime.sleep(60)\n"
    )
    ready(process)
    with pytest.raises(DumpError, match="dump --signal USR1"):
        take(process.pid, NOTHING)
    assert process.poll() is None


@linux
def test_a_dump_in_another_file_than_stderr_is_found(start: Start) -> None:
    process = start(
        "import faulthandler, signal, time\nfaulthandler.register(signal.SIGUSR1, file=open('stacks.log', 'w'))\n"
        "print('ready', flush=True)\ntime.sleep(60)\n"
    )
    ready(process)
    assert take(process.pid, NOTHING, send=signal.SIGUSR1).form == "faulthandler"


@linux
def test_where_the_dump_went_that_cannot_be_read_is_said() -> None:
    program = (
        "import faulthandler, signal\nfaulthandler.register(signal.SIGUSR1)\nprint('r', flush=True)\nsignal.pause()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        ready(process)
        with pytest.raises(DumpError, match=rf"a pipe to process {os.getpid()} .*kill -USR1 {process.pid}"):
            take(process.pid, NOTHING, send=signal.SIGUSR1)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate(timeout=LIMIT_S)


@linux
def test_a_zombie_is_told_as_such() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    try:
        with pytest.raises(DumpError, match="ended already"):
            take(process.pid, NOTHING)
    finally:
        process.wait(LIMIT_S)


@linux
@py_spy
def test_a_stopped_process_is_told_as_such(start: Start) -> None:
    process = start("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    ready(process)
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    report = check_process(process.pid, Look(interval_s=0), HAVE)
    assert [g.detail for g in report.gaps if g.reason == "process-stopped"][0].endswith(f"'kill -CONT {process.pid}'")
    assert kernel.stopped(process.pid)


@linux
@py_spy
def test_the_recording_of_a_process_is_joined_in(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "program.py").write_text(TWO_LOCKS.replace('"ready"', "os.getpid()").replace("import", "import os,", 1))
    main = f"main(['run', '--recording', '{tmp_path}/rec', 'program.py'])"
    runner = start(f"import sys\nfrom paramedic.cli.main import main\nsys.exit({main})")
    process = int(ready(runner))
    try:
        report = check_process(process, Look(interval_s=0.3), HAVE)
        (cycle,) = [f for f in report.findings if f.hazard == "lock-order-inversion"]
        assert cycle.confidence is Confidence.OBSERVED
        assert {(Path(s.file).name, s.line) for s in cycle.sites} >= {("program.py", 10), ("program.py", 17)}
        assert all(s.at_s is not None for s in cycle.steps)
        assert [Path(p).suffix for p in report.source["recordings"]] == [".pmrec"]
        assert not [f for f in report.findings if any("paramedic" in s.file for s in f.sites)]
        monkeypatch.setattr("paramedic.check.joining.MAX_BYTES", 1)  # nobody waits for the reading of a very long one
        left = check_process(process, Look(interval_s=0.3), HAVE)
        assert [g.reason for g in left.gaps] == ["recording-not-joined"]
        assert "lock-order-inversion" in {f.hazard for f in left.findings}
    finally:
        os.kill(process, signal.SIGKILL)  # its two threads wait for ever, also without its runner


@linux
def test_this_command_itself_is_refused() -> None:
    with pytest.raises(DumpError, match="this command itself"):
        take(os.getpid(), HAVE)


INSIDE = """\
import array, threading, time


class Thing:
    def __init__(self):
        self.count, self.negative, self.ratio = 2097152, -5, 2.5
        self.none, self.yes, self.big = None, True, 10**14
        self.data = array.array("B", b"x" * 1234)


class Many(Thing):
    def __init__(self):
        super().__init__()
        for number in range(40):
            setattr(self, f"a{number}", number)


plain, many, written = Thing(), Many(), Thing()
written.__dict__["late"] = 7
timer = threading.Timer(60, many.__init__)
print(id(plain), id(many), id(written), id(timer), flush=True)
time.sleep(60)
"""


@linux
def test_attributes_are_read_from_another_process(start: Start) -> None:
    process = start(INSIDE)
    plain, many, written, timer = map(int, ready(process).split())
    try:
        memory = Memory(process.pid)
    except Unreadable as reason:
        pytest.skip(str(reason))
    try:
        for address in (plain, many, written):
            attributes = memory.attributes(address)
            assert (attributes["count"], attributes["negative"], attributes["ratio"]) == (2097152, -5, 2.5)
            assert (attributes["none"], attributes["yes"], attributes["big"]) == (None, True, 10**14)
            data = attributes["data"]
            assert isinstance(data, Reference)
            assert memory.length(data.address) == 1234
        assert memory.attributes(written)["late"] == 7
        function = memory.attributes(timer)["function"]
        assert isinstance(function, Reference)
        assert memory.called(function.address) == "Many.__init__"
        with pytest.raises(Unreadable):
            memory.attributes(plain + 8)
        with pytest.raises(Unreadable):
            memory.attributes(1)
    finally:
        memory.close()


@linux
def test_the_version_of_a_process_s_python(start: Start) -> None:
    process = start("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    ready(process)
    assert python_version(process.pid) in (sys.version_info[:2], None)


@linux
@pytest.mark.parametrize("line_bytes", [200_000, 2_100, 60], ids="{} bytes a line".format)
def test_a_pipe_that_is_full_is_seen(line_bytes: int) -> None:
    """Lines that do not fit into the rest of a page take a new one: a pipe may be full with half of its bytes."""
    child = subprocess.Popen(
        [sys.executable, "-c", f"import os\nwhile True: os.write(2, b'x' * {line_bytes})"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert child.stderr is not None
    looked, filled = threading.Event(), threading.Event()

    def look() -> None:
        while not looked.is_set():
            if any(s.get("stderr_full") for s in kernel.full_pipes(os.getpid())):
                filled.set()
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        assert filled.wait(LIMIT_S)
    finally:
        looked.set()
        thread.join(LIMIT_S)
        child.kill()
        child.wait(LIMIT_S)
        child.stderr.close()
    assert not thread.is_alive()


WATCHED = """\
import os, signal, sys, threading, time
sys.path[:0] = [{package!r}]
import paramedic
import paramiko.buffered_pipe

seen = threading.Event()
signal.signal(signal.SIGUSR1, lambda *_: seen.set())
watch = paramedic.watch(timeout={timeout})
threading.Thread(target=paramiko.buffered_pipe.BufferedPipe().read, args=(10,), daemon=True, name="reader").start()
{more}
"""


def watched(start: Start, more: str, timeout: float | None = None) -> tuple[subprocess.Popen[str], str]:
    import paramedic

    package = str(Path(paramedic.__file__).resolve().parents[1])
    process = start(WATCHED.format(package=package, timeout=timeout, more=more))
    return process, ready(process)


@linux
def test_watch_writes_both_dumps_on_the_signal_and_keeps_the_handler(start: Start, tmp_path: Path) -> None:
    process, line = watched(
        start, "os.kill(os.getpid(), signal.SIGUSR1); print(seen.wait(20), flush=True); watch.stop()"
    )
    assert line == "True\n"
    process.wait(LIMIT_S)
    with open(tmp_path / "stderr.txt") as lines:
        forms = [s.form for s in read_snapshots(lines)]
    assert forms[0] == "faulthandler"


@linux
def test_the_watchdog_tells_of_a_call_that_blocks(start: Start, tmp_path: Path) -> None:
    more = "print('ready', flush=True); time.sleep(60)"
    watched(start, more, timeout=0.2)
    told = tmp_path / "stderr.txt"
    limit = threading.Event()
    for _ in range(LIMIT_S * 10):
        if "Thread" in told.read_text() and told.read_text().endswith("\n\n"):
            break
        limit.wait(0.1)
    snapshots = list(read_snapshots(told.read_text().splitlines()))
    assert "reader has been in one Paramiko call" in told.read_text()
    assert "reader" in {t.name for s in snapshots for t in s.threads}


@linux
def test_watch_works_in_a_forked_child(start: Start, tmp_path: Path) -> None:
    more = (
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os.kill(os.getpid(), signal.SIGUSR1)\n"
        "    os._exit(0 if seen.wait(20) else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
    )
    _, line = watched(start, more)
    assert line == "0\n"


@linux
def test_on_windows_the_watchdog_works_without_the_signal(start: Start, tmp_path: Path) -> None:
    """Simulated: what Windows' Python lacks is taken away before paramedic is imported."""
    import paramedic

    package = str(Path(paramedic.__file__).resolve().parents[1])
    process = start(
        "import faulthandler, os, signal, sys, threading, time\n"
        f"sys.path[:0] = [{package!r}]\n"
        "import paramiko.buffered_pipe\n"
        "del faulthandler.register, faulthandler.unregister, os.register_at_fork, signal.SIGUSR1\n"
        "sys.platform = 'win32'\n"
        "import paramedic\n"
        "watch = paramedic.watch(timeout=0.2)\n"
        "read = paramiko.buffered_pipe.BufferedPipe().read\n"
        "threading.Thread(target=read, args=(10,), daemon=True, name='reader').start()\n"
        "print('ready', flush=True); time.sleep(60)\n"
    )
    ready(process)
    told = tmp_path / "stderr.txt"
    limit = threading.Event()
    for _ in range(LIMIT_S * 10):
        if "Thread" in told.read_text() and told.read_text().endswith("\n\n"):
            break
        limit.wait(0.1)
    assert "reader has been in one Paramiko call" in told.read_text()


@linux
def test_asked_by_signal_a_watched_program_tells_names_ages_and_who_holds_which_lock(
    start: Start, tmp_path: Path
) -> None:
    more = (
        "mine, free = threading.RLock(), threading.Lock(); mine.acquire()\n"
        "def wait(): lock, other = mine, free; print('ready', flush=True); time.sleep(60)\n"
        "wait()"
    )
    process, _ = watched(start, more, timeout=30)
    snapshot = take(process.pid, NOTHING, send=signal.SIGUSR1)
    assert {"MainThread", "reader"} <= {t.name for t in snapshot.threads}
    variables = [v for t in snapshot.threads for f in t.frames for v in f.variables]
    assert any(n == "lock" and v.startswith("<RLock held by MainThread at 0x") for n, v in variables)
    assert any(n == "other" and v.startswith("<lock free at 0x") for n, v in variables)


def test_watch_refuses_a_limit_that_is_none() -> None:
    import paramedic

    with pytest.raises(ValueError, match="more than 0"):
        paramedic.watch(timeout=0)
