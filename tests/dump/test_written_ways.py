"""Hangs whose code is written in other ways: exit stacks, callbacks, atexit, logging, objects behind objects.

Each program says where its threads stand with a comment: ``# NAME`` on a line is a frame of that thread's, the
innermost one first in the text of `Hang.threads`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from stacks import WORDS, asleep, py_spy

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence, Finding

EXIT_STACK = """\
@contextmanager
def held(name):
    LOCKS[name].acquire()  #: inner
    try:
        yield
    finally:
        LOCKS[name].release()

def job(one, other):
    with ExitStack() as stack:
        stack.enter_context(held(one))
        client.exec_command("true")
        stack.enter_context(held(other))  #: outer
"""
LEFT_STACK = EXIT_STACK.replace('        client.exec_command("true")\n', "    with ExitStack() as stack:\n")
PROGRESS = """\
def progress(done, total):
    answered.wait()  #: progress

def upload(sftp):
    with busy:
        sftp.put("a", "b", callback=progress)  #: upload

def show():
    with busy:  #: show
        print("uploaded")
"""
PROGRESS_THAT_LOCKS = """\
def progress(done, total):
    with busy:
        answered.wait(1)  #: progress

def upload(sftp):
    sftp.put("a", "b", callback=progress)  #: upload

def show():
    with busy:  #: show
        print("uploaded")
"""
AT_EXIT = """\
@atexit.register
def bye():
    shell.recv_exit_status()  #: bye
"""
AT_EXIT_CALLED = """\
class App:
    def stop(self):
        self.shell.recv_exit_status()  #: bye

atexit.register(App().stop)
"""
NOT_AT_EXIT = AT_EXIT.replace("@atexit.register\n", "")
EMIT = """\
class Remote(logging.Handler):
    def emit(self, record):
        self.client.exec_command("log")  #: emit

client.exec_command("true")  #: main
"""
ALARM = """\
def ship():
    with lock:  #: again
        client.exec_command("true")  #: first

def on_alarm(number, frame):
    ship()  #: handler

signal.signal(signal.SIGALRM, on_alarm)
ship()  #: main
"""
LINES = """\
class Lines:
    def __init__(self, channel):
        self.file = channel.makefile()

    def __next__(self):
        return self.file.readline()  #: next

lines = Lines(channel)

def consume():
    for line in lines:  #: loop
        print(line)
"""
STORE = """\
class Store:
    def size(self, name):
        return self.sftp.stat(os.path.join(self.root, name)).st_size  #: stat

store = Store()

def work(name):
    return store.size(name)  #: work
"""
OWN_STORE = STORE.replace("    return store.size", "    store = Store()\n    return store.size")
LOCAL_STORE = STORE.replace("store = Store()", "store = threading.local()").replace("store.size", "store.own.size")
DERIVED_LOCAL = STORE.replace("class Store:", "class Store(threading.local):")
LAZY = """\
class Lazy:
    @property
    def client(self):
        if self._client.get_transport() is None:
            self._client.connect("web1")
        return self._client

    def run(self):
        return self.client.exec_command("true")  #: run
"""
PING = """\
def ping():
    transport.global_request("ping", wait=True)  #: ping
"""
QUEUE_JOIN = """\
def worker():
    host = work.get()
    with table:  #: worker
        hosts[host] = 1

def refresh():
    with table:
        work.put("web1")
        work.join()  #: refresh
"""
QUEUE_JOIN_LIMITED = QUEUE_JOIN.replace("work.join()", "done.wait(5)")
CONDITION = """\
lock = threading.Lock()
full = threading.Condition(lock)

def taker():
    with lock:
        full.wait()  #: taker

def giver():
    with lock:  #: giver
        full.notify()
"""
OWN_CONDITION = CONDITION.replace("Condition(lock)", "Condition()").replace("with lock", "with full")
ONE_SLOT = """\
slot = threading.Semaphore(1)

def ask():
    with slot:  #: waits
        client.exec_command("true")  #: asks
"""
TWO_SLOTS = ONE_SLOT.replace("(1)", "(2)")
SLOT_AND_CLIENT = """\
def run(command):
    slots.acquire()  #: run
    client = clients.get_nowait()
    client.exec_command(command)
    clients.put(client)
    slots.release()
"""
STATUS_EVENT = """\
def wait(channel):
    channel.status_event.wait()  #: wait
    return channel.recv(100)
"""
OF_THE_CLASS = """\
class Store:
    sftp = client.open_sftp()

    @classmethod
    def size(cls, name):
        return cls.sftp.stat(name)  #: stat

    @classmethod
    def mode(cls, name):
        return cls.sftp.stat(name)  #: mode
"""
TWO_PLACES = """\
shell = client.invoke_shell()

def follow():
    shell.recv(1)  #: follow

def expect():
    shell.recv(100)  #: expect
"""
TWO_SHELLS = TWO_PLACES.replace("    shell.recv(100)", "    shell = client.invoke_shell()\n    shell.recv(100)")


PLAIN_STACK = """\
def job(one, other):
    with ExitStack() as stack:
        stack.enter_context(one.busy)
        client.exec_command("true")
        stack.enter_context(other.busy)  #: outer
"""
OPENS = """\
def probe():
    channel = transport.open_session()  #: probe
"""


_PUT = ["SFTPClient.putfo (paramiko/sftp_client.py:700)", "SFTPClient.put (paramiko/sftp_client.py:750)"]
_LOGS = [
    *WORDS["log"],
    "Channel._log (paramiko/channel.py:1210)",
    "Transport.open_channel (paramiko/transport.py:1046)",
]
_OPENS = ["Transport.open_channel (paramiko/transport.py:1022)", "SSHClient.exec_command (paramiko/client.py:548)"]
_ASKS = [
    "Condition.wait (threading.py:331)",
    "Event.wait (threading.py:629)",
    "Transport.global_request (paramiko/transport.py:1196)",
]
_LINES = ["BufferedFile.readline (paramiko/file.py:300)"]
MORE = {
    "entered": ["ExitStack.enter_context (contextlib.py:492)"],
    "queue.join": ["Condition.wait (threading.py:327)", "Queue.join (queue.py:90)"],
    "put": _PUT,
    "logs": _LOGS,
    "opens": _OPENS,
    "asks": _ASKS,
    "readline": [*WORDS["recv"], *_LINES],
}


@dataclass(frozen=True, kw_only=True)
class Hang:
    """Threads of a program, by the words of `stacks` and the names of its marked lines (``:inner``)."""

    source: str
    threads: dict[str, str]
    hazard: str = ""
    also: str = ""
    confidence: Confidence = Confidence.POSSIBLE


TWO_JOBS = {"a": ":inner :outer thread", "b": ":inner :outer thread", "MainThread": "join main@app.py:1", "T": "idle"}
SHOWN = {"up": "event :progress put :upload thread", "MainThread": ":show", "T": "idle"}
TWO = {"MainThread": "join main@app.py:1", "T": "idle"}

HANDED = """\
def show(stream):
    for line in stream:  #: show
        print(line)


def main(client):
    _, out, _ = client.exec_command("tail -f /var/log/messages")
    Thread(target=show, args=(out,)).start()
"""
FOLLOWER = """\
class Follower(Thread):
    def __init__(self, channel):
        self.channel = channel
        self.channel.exec_command("journalctl -f")

    def run(self):
        while True:
            self.channel.recv(100)  #: run
"""
BRIEF = """\
def brief(client):
    _, out, _ = client.exec_command("df")
    out.read()  #: brief


def main(client):
    Thread(target=brief, args=(client,)).start()
    client.exec_command("tail -f /var/log/messages")
"""
FOUND = {
    "locks entered on an exit stack": Hang(source=EXIT_STACK, threads=TWO_JOBS, hazard="lock-order-inversion"),
    "locks themselves, entered on an exit stack": Hang(
        source=PLAIN_STACK,
        threads={"a": "entered :outer thread", "b": "entered :outer thread", **TWO},
        hazard="lock-order-inversion",
    ),
    "a session that is not opened for seconds": Hang(
        source=OPENS,
        threads={"T": "idle", "MainThread": "exec_command :probe"},
        hazard="wait-without-timeout",
    ),
    "a progress callback that waits, under the transfer's lock": Hang(
        source=PROGRESS,
        threads=SHOWN,
        hazard="lock-held-across-io",
        confidence=Confidence.OBSERVED,
        also="lock-order-inversion",
    ),
    "a function at exit": Hang(
        source=AT_EXIT, threads={"T": "idle", "MainThread": "exit_status :bye"}, hazard="exit-blocked"
    ),
    "a method at exit": Hang(
        source=AT_EXIT_CALLED, threads={"T": "idle", "MainThread": "exit_status :bye"}, hazard="exit-blocked"
    ),
    "main has ended, and a stream of tail -f was handed to a thread": Hang(
        source=HANDED, threads={"MainThread": "shutdown", "T": "idle", "t": "recv :show thread"}, hazard="exit-blocked"
    ),
    "main has ended, and the thread's maker has started tail -f": Hang(
        source=FOLLOWER, threads={"MainThread": "shutdown", "T": "idle", "t": "recv :run thread"}, hazard="exit-blocked"
    ),
    "a logging handler in the middle of a call that logs": Hang(
        source=EMIT,
        threads={"T": "log transport.log", "MainThread": "opens :emit logs :main"},
        hazard="call-on-transport-thread",
        confidence=Confidence.OBSERVED,
    ),
    "a signal handler at the lock of what it interrupted": Hang(
        source=ALARM,
        threads={"T": "idle", "MainThread": ":again :handler reply :first :main"},
        hazard="signal-handler-reenters",
        confidence=Confidence.OBSERVED,
    ),
    "one object that reads for several threads": Hang(
        source=LINES,
        threads={"a": "readline :next :loop thread", "b": "readline :next :loop thread", **TWO},
        hazard="shared-channel",
    ),
    "one object with an SFTP client for several threads": Hang(
        source=STORE,
        threads={"a": "stat :stat :work thread", "b": "stat :stat :work thread", **TWO},
        hazard="shared-sftp-client",
    ),
    "several threads that connect one client late": Hang(
        source=LAZY,
        threads={"a": "exec_command :run thread", "b": "exec_command :run thread", **TWO},
        hazard="shared-client-connect",
    ),
    "several threads with global requests on the only connection": Hang(
        source=PING, threads={"a": "asks :ping thread", "b": "asks :ping thread", **TWO}, hazard="global-request-race"
    ),
    "a queue that is emptied by a thread that needs the lock": Hang(
        source=QUEUE_JOIN,
        threads={"a": ":worker thread", "MainThread": "queue.join :refresh", "T": "idle"},
        hazard="lock-order-inversion",
    ),
    "a semaphore of one around a call that is not answered": Hang(
        source=ONE_SLOT,
        threads={"a": "semaphore :waits thread", "b": "reply :asks thread", **TWO},
        hazard="lock-held-across-io",
        confidence=Confidence.OBSERVED,
        also="wait-without-timeout",
    ),
    "a slot that nobody gives back": Hang(
        source=SLOT_AND_CLIENT,
        threads={"a": "semaphore :run thread", "b": "semaphore :run thread", **TWO},
        hazard="pool-drained",
        confidence=Confidence.OBSERVED,
    ),
    "one SFTP client of a class": Hang(
        source=OF_THE_CLASS,
        threads={"a": "stat :stat thread", "b": "stat :mode thread", **TWO},
        hazard="shared-sftp-client",
    ),
    "one shell at two places": Hang(
        source=TWO_PLACES,
        threads={"a": "recv :follow thread", "b": "recv :expect thread", **TWO},
        hazard="shared-channel",
    ),
}
QUIET = {
    "main has ended, and a thread takes what another one follows": Hang(
        source=BRIEF, threads={"MainThread": "shutdown", "T": "idle", "t": "recv :brief thread"}
    ),
    "a semaphore of two": Hang(
        source=TWO_SLOTS, threads={"a": "semaphore :waits thread", "b": "reply :asks thread", **TWO}
    ),
    "a queue that is emptied by a thread that needs the lock, waited for a while": Hang(
        source=QUEUE_JOIN_LIMITED, threads={"a": ":worker thread", "MainThread": "event :refresh", "T": "idle"}
    ),
    "a queue that another thread, at work, may empty": Hang(
        source=QUEUE_JOIN,
        threads={"a": ":worker thread", "b": "recv f@b.py:1 thread", "MainThread": "queue.join :refresh", "T": "idle"},
    ),
    "a lock that is let go by who waits for its condition": Hang(
        source=CONDITION, threads={"a": ":giver thread", "MainThread": "cond :taker", "T": "idle"}
    ),
    "a condition that is let go by who waits for it": Hang(
        source=OWN_CONDITION, threads={"a": ":giver thread", "MainThread": "cond :taker", "T": "idle"}
    ),
    "two shells at two places": Hang(
        source=TWO_SHELLS, threads={"a": "recv :follow thread", "b": "recv :expect thread", **TWO}
    ),
    "an exit stack that was left": Hang(source=LEFT_STACK, threads=TWO_JOBS | {"c": "recv f@b.py:1 thread"}),
    "a lock of the callback's own": Hang(source=PROGRESS_THAT_LOCKS, threads=SHOWN),
    "a function that is not at exit": Hang(source=NOT_AT_EXIT, threads={"T": "idle", "MainThread": "exit_status :bye"}),
    "an object of its own for each thread": Hang(
        source=OWN_STORE, threads={"a": "stat :stat :work thread", "b": "stat :stat :work thread", **TWO, "U": "idle"}
    ),
    "an object in a thread-local": Hang(
        source=LOCAL_STORE, threads={"a": "stat :stat :work thread", "b": "stat :stat :work thread", **TWO, "U": "idle"}
    ),
    "a class of thread-locals": Hang(
        source=DERIVED_LOCAL,
        threads={"a": "stat :stat :work thread", "b": "stat :stat :work thread", **TWO, "U": "idle"},
    ),
    "global requests on connections of their own": Hang(
        source=PING, threads={"a": "asks :ping thread", "b": "asks :ping thread", **TWO, "U": "idle"}
    ),
    "late connects to connections of their own": Hang(
        source=LAZY, threads={"a": "exec_command :run thread", "b": "exec_command :run thread", **TWO, "U": "idle"}
    ),
}


def told(hang: Hang, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What is said of two dumps of it."""
    (folder / "app.py").write_text(hang.source)
    lines = hang.source.splitlines()
    function, places = "<module>", {}
    for number, line in enumerate(lines, 1):
        if (match := re.match(r"\s*def (\w+)", line)) is not None:
            function = match[1]
        elif line and not line[0].isspace():
            function = "<module>"
        if "#: " in line:
            places[line.rpartition("#: ")[2]] = f"{function}@app.py:{number}"
    for name, frames in MORE.items():
        monkeypatch.setitem(WORDS, name, frames)
    threads = {
        n: " ".join(places[w[1:]] if w[0] == ":" else w for w in words.split()) for n, words in hang.threads.items()
    }
    text = py_spy(threads)
    if "bye" in places:
        text = text.replace("    <module> (app.py:1)\n", "")  # at exit nothing stands outside the function
    return list(check_dumps(asleep(read_snapshots((text * 2).splitlines())), roots=[folder]).findings)


@pytest.mark.parametrize("hang", FOUND.values(), ids=FOUND)
def test_a_hang_is_named_however_it_is_written(hang: Hang, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {f.hazard: f.confidence for f in told(hang, tmp_path, monkeypatch) if f.confidence is not Confidence.ADVICE}
    assert found.pop(hang.hazard, None) is hang.confidence
    assert found.keys() <= {hang.also}


def test_an_event_of_a_channel_s_exit_status_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = Hang(source=STATUS_EVENT, threads={"MainThread": "event :wait", "T": "idle"})
    (found,) = told(hang, tmp_path, monkeypatch)
    assert (found.hazard, found.confidence) == ("exit-status-before-output", Confidence.ADVICE)
    assert "waits for the exit status" in found.message


def test_a_tunnel_s_channel_waits_for_a_third_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        told(Hang(source=OPENS, threads={"T": "idle", "MainThread": "open_channel :probe"}), tmp_path, monkeypatch)
        == []
    )


@pytest.mark.parametrize("hang", QUIET.values(), ids=QUIET)
def test_what_looks_alike_is_not(hang: Hang, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = {
        "lock-order-inversion",
        "lock-held-across-io",
        "exit-blocked",
        "shared-sftp-client",
        "shared-client-connect",
    }
    about |= {"global-request-race", "shared-channel"}
    loud = [f for f in told(hang, tmp_path, monkeypatch) if f.confidence is not Confidence.ADVICE]
    assert [f for f in loud if f.hazard in about] == []
