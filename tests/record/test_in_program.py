"""`paramedic.recording`, `start` and `stop`: what is seen, of what was there before too, and that all is back after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PREAMBLE = """
import os, sys, threading
import paramiko
import paramedic
from paramedic.lab import Manners, lab as any_lab

def lab():
    return any_lab(Manners(close_after_eof=True))  # short commands must not end their connection

def connected(server):
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=20)
    return client

def together(*works):
    # each does its part between two barriers, so that the calls overlap or come in a known order
    threads = [threading.Thread(target=w, name=f"worker-{n}") for n, w in enumerate(works, 1)]
    for t in threads: t.start()
    for t in threads: t.join(30)
    assert not any(t.is_alive() for t in threads)

def inside_paramiko(thread):
    frame = sys._current_frames().get(thread.ident)
    while frame is not None and not frame.f_code.co_filename.endswith("buffered_pipe.py"):
        frame = frame.f_back
    return frame is not None

def one_after_the_other(first, second):
    # ordered in time by something that nobody watches: two orders are possible, this run shows one
    r, w = os.pipe()
    def a():
        first(); os.write(w, b"x")
    def b():
        os.read(r, 1); second()
    together(a, b)
"""

STORIES = {
    "a task's error that nobody had asked for by the end of it": (
        """
from concurrent.futures import ThreadPoolExecutor
with lab() as server, connected(server) as client:
    def task():
        _, stdout, _ = client.exec_command("exit 3")
        if stdout.channel.recv_exit_status():
            raise RuntimeError("the command failed")
    with paramedic.recording("rec") as rec, ThreadPoolExecutor(1) as pool:
        pool.submit(task)
""",
        {"lost-exception": "possible"},
        "1 task ended with RuntimeError",
    ),
    "clients that the collector drops, two of them tied to themselves, and one that is kept": (
        """
import gc
with lab() as server:
    with paramedic.recording("rec") as rec:
        for _ in range(2):
            client = connected(server)
            client.itself = client
            del client
        connected(server)  # Paramiko ties it to frames of its own, where a key was refused before the password was not
        gc.collect()
        kept = connected(server)
    kept.close()
""",
        {"leaked-connection": "observed"},
        "4 connections were never closed: the clients of 3 are gone",
    ),
    "an SFTP client made before is shared": (
        """
with lab() as server, connected(server) as client:
    sftp = client.open_sftp()
    with paramedic.recording("rec") as rec:
        one_after_the_other(lambda: sftp.listdir("."), lambda: sftp.stat("."))
""",
        {"shared-sftp-client": "possible"},
        "SFTP client #1 to 127.0.0.1",
    ),
    "a listing that is read as it comes shares its client as long as it is read": (
        """
with lab() as server, connected(server) as client:
    sftp = client.open_sftp()
    entries = sftp.listdir_iter(".")  # this asks for nothing yet: the thread that goes through it does
    with paramedic.recording("rec") as rec:
        one_after_the_other(lambda: list(entries), lambda: sftp.stat("."))
""",
        {"shared-sftp-client": "possible"},
        "listdir_iter()",
    ),
    "a listing that is only made in another thread, and one that is read behind a lock": (
        """
def main():
    lock = threading.Lock()
    with lab() as server, connected(server) as client:
        sftp = client.open_sftp()
        def listed():
            with lock: list(sftp.listdir_iter("."))
        def asked():
            with lock: sftp.stat(".")
        with paramedic.recording("rec") as rec:
            one_after_the_other(lambda: sftp.listdir_iter("."), lambda: sftp.stat("."))
            together(listed, asked)
    return rec
rec = main()
""",
        {},
        "",
    ),
    "the same behind a lock that a module has made before": (
        """
LOCK = threading.Lock()
def locked(work):
    def inner():
        with LOCK: work()
    return inner
with lab() as server, connected(server) as client:
    sftp = client.open_sftp()
    with paramedic.recording("rec") as rec:
        assert type(LOCK) is not type(__import__("_thread").allocate_lock())
        one_after_the_other(locked(lambda: sftp.listdir(".")), locked(lambda: sftp.stat(".")))
    assert type(LOCK) is type(__import__("_thread").allocate_lock())
""",
        {},
        "",
    ),
    "behind a lock that is a local variable of main": (
        """
def main():
    lock = threading.RLock()
    with lab() as server, connected(server) as client:
        sftp = client.open_sftp()
        def work(call, lock):
            with lock: call(".")
        with paramedic.recording("rec") as rec:
            one_after_the_other(lambda: work(sftp.listdir, lock), lambda: work(sftp.stat, lock))
    return rec
rec = main()
""",
        {},
        "",
    ),
    "behind a lock in an object with slots, in a list, in a closure, of a class": (
        """
class Guard:
    __slots__ = ("lock",)
    everybodys = threading.RLock()
    def __init__(self): self.lock = threading.Lock()
guard, several = Guard(), {"a": [threading.Lock()]}
def closed():
    lock = threading.Lock()
    return lambda: lock
kept = closed()
condition = threading.Condition()
def under(get, call):
    def inner():
        with get(): call(".")
    return inner
with lab() as server:
    clients = [connected(server) for _ in range(5)]
    with paramedic.recording("rec") as rec:
        for client, get in zip(clients, (lambda: guard.lock, lambda: several["a"][0], kept, lambda: Guard.everybodys,
                                         lambda: condition)):
            sftp = client.open_sftp()
            one_after_the_other(under(get, sftp.listdir), under(get, sftp.stat))
    for client in clients: client.close()
""",
        {},
        "",
    ),
    "behind a lock in a tuple: not judged, and said": (
        """
PAIR = (threading.Lock(),)
def locked(work):
    def inner():
        with PAIR[0]: work()
    return inner
with lab() as server, connected(server) as client:
    sftp = client.open_sftp()
    with paramedic.recording("rec") as rec:
        one_after_the_other(locked(lambda: sftp.listdir(".")), locked(lambda: sftp.stat(".")))
""",
        {},
        "cannot be watched",
    ),
    "a worker that waits for its first item since before": (
        """
import queue
work, done = queue.Queue(), queue.Queue()
def worker():
    while (call := work.get()) is not None:
        call(); done.put(1)
thread = threading.Thread(target=worker, name="old worker"); thread.start()
with lab() as server, connected(server) as client:
    sftp = client.open_sftp()
    with paramedic.recording("rec") as rec:
        sftp.stat(".")
        work.put(lambda: sftp.listdir("."))
        done.get()
        sftp.stat(".")
    work.put(None); thread.join(20)
""",
        {},
        "",
    ),
    "a worker that is inside a call when it begins": (
        """
with lab() as server, connected(server) as client:
    stdin, out, _ = client.exec_command("read line; echo $line")
    reader = threading.Thread(target=out.read); reader.start()
    while not inside_paramiko(reader):
        pass
    with paramedic.recording("rec") as rec:
        client.exec_command("true")[1].read()
        stdin.channel.sendall(b"done\\n"); stdin.channel.shutdown_write()
        reader.join(20)
    assert not reader.is_alive()
""",
        {},
        "1 call into Paramiko was under way",
    ),
    "an inner recording has only what happened in it": (
        """
with lab() as server, connected(server) as client:
    one, two = client.open_sftp(), client.open_sftp()
    with paramedic.recording("outer") as outer:
        one_after_the_other(lambda: one.listdir("."), lambda: one.stat("."))
        with paramedic.recording("rec") as rec:
            one_after_the_other(lambda: two.listdir("."), lambda: two.lstat("."))
        one_after_the_other(lambda: one.mkdir("a"), lambda: one.rmdir("a"))
    assert [f.count for f in outer.findings() if f.hazard == "shared-sftp-client"], outer.text()
    found = [f for f in rec.findings() if f.hazard == "shared-sftp-client"]
    assert len(found) == 1 and "#2" in found[0].objects[0], found
""",
        {"shared-sftp-client": "possible"},
        "SFTP client #2",
    ),
    "begun again and again, the same objects each time": (
        """
LOCK = threading.Lock()
import _thread
with lab() as server, connected(server) as client:
    sftp = client.open_sftp()
    codes = [f.__code__ for f in vars(paramiko.SFTPClient).values() if hasattr(f, "__code__")]
    for turn in range(4):
        with paramedic.recording("rec") as rec:
            made = threading.RLock()
            with LOCK, made: client.exec_command("true")[1].read()
            one_after_the_other(lambda: sftp.listdir("."), lambda: sftp.stat("."))
        assert [f.__code__ for f in vars(paramiko.SFTPClient).values() if hasattr(f, "__code__")] == codes
        assert threading.Lock is _thread.allocate_lock or threading.Lock is _thread.lock
        size = os.path.getsize(next(rec.path.glob("*.pmrec")))
        sftp.stat(".")
        with LOCK, made: pass
        (found,) = [f for f in rec.findings() if f.hazard == "shared-sftp-client"]
        assert "SFTP client #1" in found.objects[0] and "before" in found.objects[0], found
        assert {s.thread for s in found.steps} == {"worker-1", "worker-2"}
""",
        {"shared-sftp-client": "possible"},
        "made before the recording",
    ),
    "start and stop in many threads at once, while others call": (
        """
import shutil
stop = threading.Event()
with lab() as server:
    clients = [connected(server) for _ in range(2)]
    errors = []
    def calls(client):
        try:
            while not stop.is_set(): client.exec_command("true")[1].read()
        except BaseException as e: errors.append(e)
    def records(n):
        try:
            for turn in range(5):
                with paramedic.recording(f"rec-{n}") as r: client = clients[0].get_transport().is_active()
                r = paramedic.start(f"rec-{n}"); assert r.active; assert paramedic.stop() is r; assert not r.active
        except BaseException as e: errors.append(e)
    callers = [threading.Thread(target=calls, args=(c,)) for c in clients]
    for t in callers: t.start()
    together(*[lambda n=n: records(n) for n in range(3)])
    stop.set()
    for t in callers: t.join(30); assert not t.is_alive()
    assert not errors, errors
    assert paramedic.stop() is None
    with paramedic.recording("rec") as rec: pass
    for client in clients: client.close()
""",
        {},
        "",
    ),
    "a worker that waits for a quiet server when it ends": (
        """
import time
with lab() as server, connected(server) as client:
    out = client.exec_command("sleep 60")[1]
    with paramedic.recording("rec") as rec:
        worker = threading.Thread(target=out.read, daemon=True); worker.start()
        while not inside_paramiko(worker): pass
        time.sleep(3.5)  # longer than what counts as a hang where a program ends
""",
        {},
        "",
    ),
    "a hang that is looked at while it hangs": (
        """
import time
with lab() as server, connected(server) as client:
    rec = paramedic.start("rec")
    out = client.exec_command("head -c 5000000 /dev/zero >&2")[1]
    worker = threading.Thread(target=out.read, daemon=True); worker.start()
    deadline = time.monotonic() + 30
    while not (found := [f.hazard for f in rec.findings() if f.confidence == "observed"]):
        assert time.monotonic() < deadline
    assert found == ["undrained-stderr"], found
    paramedic.stop()
    client.close(); worker.join(20)
""",
        {"undrained-stderr": "observed"},
        "",
    ),
    "a child that is forked meanwhile records too": (
        """
with lab() as server, paramedic.recording("rec") as rec:
    child = os.fork()
    if child == 0:
        try:
            with connected(server) as client:
                sftp = client.open_sftp()
                one_after_the_other(lambda: sftp.listdir("."), lambda: sftp.stat("."))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
""",
        {"shared-sftp-client": "possible"},
        "",
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_what_is_seen(story: str, tmp_path: Path, own_state: Path) -> None:
    program, expected, words = STORIES[story]
    judge = (
        "\nimport json; print(json.dumps([[f.hazard, str(f.confidence)] for f in rec.findings()])); print(rec.text())"
    )
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PREAMBLE + program + judge],
        capture_output=True, text=True, timeout=100, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert not done.stderr, done.stderr
    found, _, text = done.stdout.partition("\n")
    told = {hazard: confidence for hazard, confidence in json.loads(found) if confidence != "advice"}
    assert told == expected, text
    assert words in text
    again = subprocess.run(
        [sys.executable, "-m", "paramedic", "check", "--format", "json", "rec"],
        capture_output=True, text=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert [[f["hazard"], f["confidence"]] for f in json.loads(again.stdout)["findings"]] == json.loads(found)


def test_how_long_a_hang_had_lasted_is_known_after_os_exit(tmp_path: Path, own_state: Path) -> None:
    program = """
import os, threading, time
def watchdog():
    time.sleep(4)  # what counts as a hang, and a little more
    os._exit(3)
with lab() as server, connected(server) as client:
    paramedic.start("rec")
    threading.Thread(target=watchdog, daemon=True).start()
    stdin, out, _ = client.exec_command("sleep 60")
    out.read()
"""
    command = [sys.executable, "-c", PREAMBLE + program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (3, "")
    again = subprocess.run(
        [sys.executable, "-m", "paramedic", "check", "--format", "json", "rec"],
        capture_output=True, text=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    found = [[f["hazard"], f["confidence"]] for f in json.loads(again.stdout)["findings"]]
    assert ["wait-without-timeout", "observed"] in found


def test_importing_paramedic_imports_nothing_of_it() -> None:
    program = "import sys, paramedic; print([m for m in sys.modules if m.startswith('paramedic.') or m == 'paramiko'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    import paramedic

    with pytest.raises(ValueError, match="none of watch, check"):
        paramedic.recording(tmp_path, level="everything")
    nowhere = paramedic.recording(tmp_path / "file" / "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        nowhere.start()
    assert not nowhere.active
    with pytest.raises(RuntimeError, match="is empty"):
        paramedic.recording(tmp_path / "file").findings()
    assert paramedic.stop() is None
    assert os.listdir(tmp_path) == ["file"]
