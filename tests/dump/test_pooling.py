"""Whether a thread waits for a connection of a pool or for a job to do: read from the code around the waiting line."""

from __future__ import annotations

from pathlib import Path

import pytest
from stacks import py_spy

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence

POOL = """\
class Pool:
    def take(self):
        with self.cond:
            while not self.idle:
                self.cond.wait()  # waits
            return self.idle.pop()

    def give(self, client):
        self.idle.append(client)

def job(pool):
    client = pool.take()  # calls
    client.exec_command("true")
    pool.give(client)
"""
JOBS = """\
class Dispatcher:
    def add(self, job):
        self.jobs.append(job)

    def next(self):
        with self.cond:
            while not self.jobs:
                self.cond.wait()  # waits
            return self.jobs.popleft()

def work(dispatcher):
    task = dispatcher.next()  # calls
    task.run()
    client.exec_command("true")
"""
QUEUE_OF_JOBS = """\
class Dispatcher:
    def add(self, job):
        self.jobs.put(job)

    def next(self):
        return self.jobs.get()  # waits

def work(dispatcher):
    task = dispatcher.next()  # calls
    task.run()
"""
MANAGED = """\
@contextmanager
def borrowed():
    got = clients.get()  # waits
    try:
        yield got
    finally:
        clients.put(got)

def work():
    with borrowed() as c:  # calls
        c.exec_command("true")
"""
SLOTS = """\
def take():
    slots.acquire()  # waits
    found = free.pop()
    return found

def work():
    session = take()  # calls
    session.run("true")
"""

BARE_SLOTS = """\
def limited(function):
    def call(*args):
        slots.acquire()  # waits
        result = function(*args)
        slots.release()
        return result
    return call

def size(path):
    return check(path)  # calls
"""
TICKETS = """\
def work():
    tickets.acquire()  # waits
    client.exec_command("true")

def refill():
    tickets.release()
"""


def in_one_function(*lines: str) -> str:
    """A worker whose first line waits; it is also the one that calls."""
    return "\n".join(["class Worker:", "    def work(self):", *(f"        {line}" for line in lines)]) + "\n"


WRITTEN_SO = {
    "with its type": ("conn: SSHClient = pool.get()  # waits", "conn.exec_command('true')", "pool.put(conn)"),
    "in a condition": ("if (conn := pool.get()) is not None:  # waits", "    conn.open_sftp()"),
    "kept in the object": ("self.conn = self.pool.get()  # waits", "self.conn.exec_command('true')"),
    "with its age": ("one, since = idle.get()  # waits", "one.open_sftp()"),
    "used at once": ("pool.get().exec_command('true')  # waits",),
    "given back in the end": ("c = pool.get()  # waits", "try:", "    use(c)", "finally:", "    pool.put(c)"),
    "given back if it lives": ("c = pool.get()  # waits", "use(c)", "if c.alive:", "    pool.put(c)"),
}
JOBS_SO = {
    "tried again": ("job = jobs.get()  # waits", "try:", "    job()", "except OSError:", "    jobs.put(job)"),
    "tried again unless done": ("job = jobs.get()  # waits", "if not job():", "    jobs.put(job)"),
    "with its priority": ("priority, job = jobs.get()  # waits", "job.start()"),
}


def told(source: str, wait: str, folder: Path) -> list[str]:
    (folder / "app.py").write_text(source)
    lines = source.splitlines()
    stack = wait
    for mark in ("waits", "calls"):
        number = next((n for n, text in enumerate(lines, 1) if text.endswith(f"# {mark}")), 0)
        if not number:
            continue
        name = [text.split("(")[0].split()[-1] for text in lines[:number] if "def " in text][-1]
        stack += f" {name}@app.py:{number}"
    threads = {"a": f"{stack} thread", "MainThread": "join main@app.py:1", "T": "idle"}
    report = check_dumps(read_snapshots((py_spy(threads) * 2).splitlines()), roots=[folder])
    return [f.hazard for f in report.findings]


@pytest.mark.parametrize(
    ("source", "wait"),
    [
        (POOL, "cond"),
        (POOL.replace('client.exec_command("true")', "work(client)"), "cond"),
        (MANAGED, "queue"),
        (SLOTS, "semaphore"),
        (BARE_SLOTS, "semaphore"),
    ],
    ids=["a list and a condition", "handed on and given back", "a context manager", "a list and a semaphore", "slots"],
)
def test_who_waits_for_a_connection_that_nobody_uses_is_told(source: str, wait: str, tmp_path: Path) -> None:
    assert told(source, wait, tmp_path) == ["pool-drained"]


@pytest.mark.parametrize(
    ("source", "wait"),
    [
        (JOBS, "cond"),
        (QUEUE_OF_JOBS, "queue"),
        (QUEUE_OF_JOBS.replace("task.run()", "run(task); dispatcher.release(task)"), "queue"),
        (TICKETS, "semaphore"),
    ],
    ids=["a list and a condition", "a queue", "a queue that is told of each end", "tickets that others hand out"],
)
def test_who_waits_for_a_job_is_idle(source: str, wait: str, tmp_path: Path) -> None:
    assert told(source, wait, tmp_path) == []


@pytest.mark.parametrize("lines", WRITTEN_SO.values(), ids=WRITTEN_SO)
def test_a_borrowed_connection_is_known_however_it_is_written(lines: tuple[str, ...], tmp_path: Path) -> None:
    assert told(in_one_function(*lines), "queue", tmp_path) == ["pool-drained"]


@pytest.mark.parametrize("lines", JOBS_SO.values(), ids=JOBS_SO)
def test_a_job_is_no_connection_however_it_comes_back(lines: tuple[str, ...], tmp_path: Path) -> None:
    assert told(in_one_function(*lines), "queue", tmp_path) == []


BUSY = """\
def job(pool, parsed):
    client = pool.get()  # waits
    try:
        client.exec_command("true")
        parsed.wait()  # uses
    finally:
        pool.put(client)

def main(pool):
    client = pool.get()  # has taken
    for thread in workers(pool):
        thread.join()  # joins
    pool.put(client)
"""


def told_of(tmp_path: Path, second: str, main: str) -> list[tuple[Confidence, str]]:
    """What is said of the pool where one thread waits for a connection and others do this."""
    (tmp_path / "app.py").write_text(BUSY)
    number = {
        w: next(n for n, text in enumerate(BUSY.splitlines(), 1) if text.endswith(f"# {w}"))
        for w in ("waits", "uses", "joins")
    }
    threads = {"a": "queue job@app.py:{waits} thread", "b": second, "T": "idle", "MainThread": main}
    text = py_spy({name: words.format(**number) for name, words in threads.items()})
    found = check_dumps(read_snapshots(text.splitlines()), roots=[tmp_path]).findings
    return [(f.confidence, f.message) for f in found if f.hazard == "pool-drained"]


def test_who_uses_a_connection_and_waits_for_something_else_may_give_it_back(tmp_path: Path) -> None:
    ((confidence, message),) = told_of(tmp_path, "event job@app.py:{uses} thread", "join start@other.py:3")
    assert confidence is Confidence.ADVICE
    assert "b uses one and waits for an event" in message


def test_who_uses_a_connection_and_waits_for_those_who_want_one_gives_none_back(tmp_path: Path) -> None:
    ((confidence, message),) = told_of(tmp_path, "queue job@app.py:{waits} thread", "join main@app.py:{joins}")
    assert confidence is Confidence.POSSIBLE
    assert "MainThread has one and waits for them" in message
