"""However a program ends, its end is its own, and all that it did until then can be read."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from twice import Done, Run, environment

from paramedic.model.event import Kind
from paramedic.record import launch
from paramedic.record.session import Options

WORK = """
import atexit, faulthandler, os, signal, sys, threading
def work():
    for _ in range(100):
        with threading.Lock(): pass
thread = threading.Thread(target=work, name="worker"); thread.start(); thread.join(); work()
atexit.register(print, "atexit")
print("worked", flush=True)
"""
ENDS = {
    "by os._exit": "os._exit(5)",
    "by SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "by SIGTERM": "os.kill(os.getpid(), signal.SIGTERM); signal.pause()",
    "by SIGTERM, in a thread": (
        "def f():\n    with threading.Lock(): os.kill(os.getpid(), 15); threading.Event().wait()\n"
        "t = threading.Thread(target=f); t.start(); t.join()"
    ),
    "by SIGINT, which Python turns into an exception": "os.kill(os.getpid(), signal.SIGINT); signal.pause()",
    "by SIGINT, whose default is set": "signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), 2); signal.pause()",
    "by SIGHUP": "os.kill(os.getpid(), signal.SIGHUP); signal.pause()",
    "by SIGQUIT": "os.kill(os.getpid(), signal.SIGQUIT); signal.pause()",
    "by SIGPIPE": "r, w = os.pipe(); os.close(r); signal.signal(13, signal.SIG_DFL); os.write(w, b'x')",
    "by SIGALRM": "signal.alarm(1); signal.pause()",
    "by a segmentation fault": "faulthandler._sigsegv()",
    "by a segmentation fault that is told": "faulthandler.enable(); faulthandler._read_null()",
    "by abort": "os.abort()",
    "by a fatal error of the interpreter": "faulthandler._fatal_error_c_thread()",
    "by an overflow of the C stack": "faulthandler._stack_overflow()",
    "with closed descriptors": "os.closerange(0, 4096)",
    "with closed descriptors, and more work": "os.closerange(0, 4096); work(); os._exit(3)",
    "with closed standard streams": "sys.stdout.close(); sys.stderr.close(); work()",
    "with an exit in a thread": "t = threading.Thread(target=os._exit, args=(4,)); t.start(); t.join()",
    "with an exit": "sys.exit('words')",
    "with an exit by a number": "sys.exit(300)",
    "with an exit by an object": "class E:\n    def __str__(self): return 'object'\nraise SystemExit(E())",
    "with an exception": "try: 1 / 0\nexcept ZeroDivisionError as e: raise KeyError('k') from e",
    "with a group of exceptions": "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
    "with an exception in atexit": "atexit.register(lambda: 1 / 0)",
    "with an exit in atexit": "atexit.register(os._exit, 9)",
    "with a thread that is not waited for": (
        "threading.Thread(target=lambda: (threading.Event().wait(0.1), work(), print('late', flush=True))).start()"
    ),
    "with work in atexit": "atexit.register(work)",
    "as another program": "os.execv('/bin/sh', ['sh', '-c', 'echo $0; exit 6'])",
    "with its memory exhausted": (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))\n"
        "try: x = bytearray(1 << 30)\nexcept MemoryError: print('no memory', flush=True)\nwork()"
    ),
    "with no descriptor left": (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))\n"
        "held = []\n"
        "try:\n    while True: held.append(os.open('/dev/null', 0))\n"
        "except OSError as e: print(e, len(held))\n"
        "for _ in range(500): work()\n"
        "os.close(held.pop())\n"
        "for _ in range(500): work()\n"
        "print('still')"
    ),
}  # fmt: skip
QUIET_CORE = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))}


@pytest.mark.parametrize("name", ENDS)
def test_it_ends_the_same(name: str, plain: Run, recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(WORK + ENDS[name] + "\n")
    expected = plain("app.py", cwd=tmp_path, **QUIET_CORE)
    assert expected.out.startswith("worked\n")
    done = recorded("app.py", cwd=tmp_path, **QUIET_CORE)
    assert not _placeless(done).unlike(_placeless(expected))
    kinds = done.kinds()
    assert kinds["NEW"] >= 200 and kinds["GOT"] >= 200 and kinds["FREE"] >= 200
    assert kinds["START"] >= 1 and kinds["JOINED"] >= 1
    assert {gap.reason for gap in done.gaps()} <= {"chunk-dropped"} if "descriptor left" in name else not done.gaps()


def _placeless(done: Done) -> Done:
    """Without the addresses of threads, and the depth of a stack's overflow, which no two runs share."""
    import re

    text = re.sub(r"0x[0-9a-f]+", "0x", done.err)
    text = re.sub(r"(?m)^Extension modules: .*\n", "", text)
    return Done(status=done.status, out=done.out, err=text, folder=done.folder)


def test_killed_in_the_middle_the_recording_is_whole(tmp_path: Path) -> None:
    program = (
        WORK + "print('ready', flush=True)\nthreads = [threading.Thread(target=lambda: [work() for _ in range(10**6)])"
    )
    program += " for _ in range(4)]\nfor t in threads: t.start()\nprint('begun', flush=True)\n"
    folder = tmp_path / "recording"
    command, ours = launch.command(["-c", program], Options(directory=str(folder)), environment(tmp_path))
    process = subprocess.Popen(command, env=ours, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(3)] == ["worked\n", "ready\n", "begun\n"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    done = Done(status=process.returncode, out="", err="", folder=folder)
    assert done.status == -signal.SIGKILL
    assert not done.gaps()
    held: dict[tuple[int, int], int] = {}
    times: dict[int, int] = {}
    for event in done.events():
        assert event.t_ns >= times.get(event.thread, 0), "each thread's events are in order"
        times[event.thread] = event.t_ns
        if event.kind in (Kind.GOT, Kind.FREE):
            key = (event.thread, event.obj)
            held[key] = held.get(key, 0) + (1 if event.kind == Kind.GOT else -1)
            assert held[key] in (0, 1), "no row is missing in the middle"
    assert sum(held.values()) <= 5


def test_a_full_disk_stops_the_recording_with_one_line(plain: Run, recorded: Run) -> None:
    program = WORK + "for _ in range(600): work()\nprint('done')\n"
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))}
    expected, done = plain("-c", program), recorded("-c", program, **limit)
    assert (done.status, done.out) == (expected.status, expected.out)
    assert done.err.splitlines() == [
        "paramedic: the recording is incomplete: the limit of a file's size is reached (ulimit -f)"
    ]
    assert [gap.reason for gap in done.gaps()] == ["chunk-dropped", "disk-full"]
    assert done.kinds()["GOT"] > 10_000, "the beginning is kept"


def test_a_real_disk_that_is_full(tmp_path: Path, plain: Run) -> None:
    """A file system of 4 MB, in a name space of its own."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare(1) here")
    small = tmp_path / "small"
    small.mkdir()
    program = WORK + "for _ in range(900): work()\nprint('done')\n"
    (tmp_path / "app.py").write_text(program)
    command, ours = launch.command([str(tmp_path / "app.py")], Options(directory=f"{small}/r"), environment(tmp_path))
    script = f'mount -t tmpfs -o size=4m none {small} || exit 77; "$@"; status=$?; ls {small}/r; exit $status'
    how = ["unshare", *(() if os.geteuid() == 0 else ("-r",)), "-m", "sh", "-c", script, "sh", *command]
    done = subprocess.run(how, env=ours, capture_output=True, text=True, timeout=100)
    if done.returncode in (1, 77):
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "paramedic: the recording is incomplete: no space left on device\n")
    assert done.stdout.startswith("worked\ndone\natexit\n")


FINISHED_FIRST = """
import threading
def work(n):
    for _ in range(n):
        with threading.Lock(): pass
for number in range(60):
    t = threading.Thread(target=work, args=(600,), name=f"early {number}"); t.start(); t.join()
work(300)
print("main")
"""


def test_beyond_the_size_the_oldest_of_finished_threads_go_first(recorded: Run) -> None:
    done = recorded("-c", FINISHED_FIRST, max_size_bytes=3 << 20)
    assert (done.status, done.out, done.err) == (0, "main\n", "")
    (trace,) = done.traces()
    assert trace.path.stat().st_size <= 3 << 20
    (gap,) = [gap for gap in done.gaps() if gap.reason == "chunk-dropped"]
    assert gap.count > 1000 and "--max-size" in gap.detail
    events = list(trace.events())
    last = max(event.thread for event in events)
    main = [event for event in events if event.thread == 1]
    assert sum(1 for e in main if e.kind == Kind.START) == 60, "the living thread's rows are all there"
    got: dict[int, int] = {}
    for event in events:
        if event.kind == Kind.GOT:
            got[event.thread] = got.get(event.thread, 0) + 1
    assert got[last] == 600 and got[1] == 300
    assert 2 not in got or got[2] < 600, "the first to end is the first to go"


@pytest.mark.parametrize("folder", ["file/below", "closed/below"])
def test_where_no_recording_can_be_made_the_program_runs(folder: str, tmp_path: Path, plain: Run) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "closed").mkdir(mode=0o500)
    if folder.startswith("closed") and os.access(tmp_path / "closed", os.W_OK):
        pytest.skip("the superuser writes everywhere")
    command, ours = launch.command(["-c", WORK], Options(directory=str(tmp_path / folder)), environment(tmp_path))
    done = subprocess.run(command, env=ours, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (0, plain("-c", WORK).out)
    assert done.stderr.startswith("paramedic: not recording: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "value", ["", "nonsense", "check\x1f-5\x1f0\x1f\x1f/tmp", "deep\x1f1\x1f0\x1f1\x1e0\x1f/tmp/x"]
)
def test_a_broken_configuration_is_a_line(value: str, tmp_path: Path, plain: Run) -> None:
    _, ours = launch.command(["-c", WORK], Options(directory=str(tmp_path)), environment(tmp_path))
    ours[launch.VARIABLE] = value
    done = subprocess.run([sys.executable, "-c", WORK], env=ours, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (0, plain("-c", WORK).out)
    assert done.stderr.count("\n") == (1 if value else 0) and "Traceback" not in done.stderr
