"""A fork while other threads are in the middle of recording: neither process disturbs the other's file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from twice import Run

from paramedic.model.event import Kind

FORKS = """
import os, sys, threading
sys.setswitchinterval(1e-5)
stop, fork = False, os.fork
def busy():
    while not stop:
        with threading.Lock(): pass
threads = [threading.Thread(target=busy) for _ in range(3)]
for t in threads: t.start()
def child():
    with threading.Lock(): pass
    t = threading.Thread(target=lambda: [threading.Lock() for _ in range(200)]); t.start(); t.join()
bad = 0
for number in range(25):
    pid = fork()
    if pid == 0:
        try: child()
        finally: os._exit(0 if sys.exc_info()[0] is None else 1)
    bad += os.waitpid(pid, 0)[1] != 0
stop = True
for t in threads: t.join()
print("bad", bad)
"""


def test_each_process_writes_its_own_file_whole(recorded: Run) -> None:
    done = recorded("-W", "ignore", "-c", FORKS)
    assert (done.status, done.out, done.err) == (0, "bad 0\n", "")
    assert not done.gaps()
    traces = done.traces()
    assert len(traces) == 26
    children = 0
    for trace in traces:
        events = list(trace.events())
        operation = trace.header["operations"].index("Lock.__init__")
        kinds = Counter(event.kind for event in events)
        times: dict[int, int] = {}
        for event in events:
            assert event.t_ns >= times.get(event.thread, 0)
            times[event.thread] = event.t_ns
        if kinds[Kind.FORK]:
            children += 1
            locks = sum(event.kind == Kind.NEW and event.op == operation for event in events)
            assert (locks, kinds[Kind.GOT], kinds[Kind.START]) == (201, 1, 1) and kinds[Kind.JOINED]
            assert trace.header["forked"] and trace.header["parent"]
        else:
            # the parent's threads: every lock that was taken was let go, no row of a child's is among them
            held = Counter(e.obj for e in events if e.kind == Kind.GOT)
            held.subtract(Counter(e.obj for e in events if e.kind == Kind.FREE))
            assert not +held and not -held
    assert children == 25


HOOKS = """
import os, threading
lock = threading.Lock()
os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
for _ in range(5):
    pid = os.fork()
    if pid == 0:
        with lock: os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), lock.locked())
"""


def test_the_programs_own_fork_hooks_run_as_ever(plain: Run, recorded: Run) -> None:
    done = recorded("-c", HOOKS)
    assert not done.unlike(plain("-c", HOOKS))
    assert not done.gaps()


def test_a_child_whose_file_cannot_be_made_runs_unrecorded(recorded: Run, tmp_path: Path) -> None:
    program = """
import os, shutil, threading
folder = [os.path.dirname(p) for p in __import__("glob").glob(os.environ["WHERE"] + "/recording-*/*.pmrec")][0]
with threading.Lock(): pass
os.rename(folder, folder + "-gone"); open(folder, "w").close()
pid = os.fork()
if pid == 0:
    for _ in range(5000):
        with threading.Lock(): pass
    os._exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
os.remove(folder); os.rename(folder + "-gone", folder)
for _ in range(20):
    with threading.Lock(): pass
"""
    import os

    done = recorded("-c", program, env={**os.environ, "WHERE": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "c")})
    assert (done.status, done.out, done.err) == (0, "5\n", "")
    (trace,) = done.traces()
    assert done.kinds()["GOT"] == 21, "nothing of the child's is in the parent's file"
    assert trace.header["process"]


@pytest.mark.parametrize("how", ["preexec_fn=os.getpid", "close_fds=False", "start_new_session=True"])
def test_a_subprocess_of_another_program(how: str, plain: Run, recorded: Run) -> None:
    program = f"import os, subprocess; print(subprocess.run(['echo', 'x'], {how}, capture_output=True).stdout)"
    done = recorded("-W", "ignore", "-c", program)
    assert not done.unlike(plain("-W", "ignore", "-c", program))
    assert not done.gaps()


IDLE = """
import os, subprocess, sys, threading
lock = threading.Lock()
def child(does):
    pid = os.fork()
    if pid == 0:
        does()
        os._exit(0)
    os.waitpid(pid, 0)
child(lambda: None)
child(lambda: sys.exit)
subprocess.run(["true"], preexec_fn=os.setsid, check=True)
subprocess.run([sys.executable, "-c", "import os"], check=True)
print(os.getpid())
"""


def test_children_that_have_nothing_to_record_leave_no_file(recorded: Run) -> None:
    done = recorded("-c", IDLE)
    assert not done.err
    assert [trace.header["process"] for trace in done.traces()] == [int(done.out)]


def test_a_child_of_an_idle_child_has_the_things_of_its_grandparent(recorded: Run) -> None:
    done = recorded("-c", IDLE + "child(lambda: child(lock.acquire))")
    assert not done.err and not done.gaps()
    first, second = done.traces()
    assert (second.header["parent"], second.header["forked"]) == (first.header["process"], True)
    kinds = [(event.kind, event.obj) for event in second.events()]
    made = next(event.obj for event in first.events() if event.kind == Kind.NEW)
    assert (Kind.GOT, made) in kinds


def test_a_child_whose_file_cannot_be_made_goes_on_without(plain: Run, recorded: Run) -> None:
    """Its folder has become a file meanwhile."""
    words = (
        "import os, sys, threading\nlock = threading.Lock()\npid = os.fork()\nif pid == 0:\n"
        "    folder = os.environ.get('PARAMEDIC_RECORD', '').rpartition('\\x1f')[2]\n"
        "    if folder: os.rename(folder, folder + '.away'); open(folder, 'w').close()\n"
        "    with lock: print('child', flush=True)\n"
        "    if folder: os.remove(folder); os.rename(folder + '.away', folder)\n"
        "    os._exit(3)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    done = recorded("-c", words)
    assert not done.unlike(plain("-c", words))
    assert len(done.traces()) == 1
