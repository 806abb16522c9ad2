"""Threads that can wake nobody, whatever they call."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from paramedic.lint.bystanders import Bystanders
from paramedic.model.finding import Site

LOOKS = {
    "a heartbeat": """
        def beat(stop):
            while not stop.wait(1):  #here
                print("alive", time.monotonic())
        threading.Thread(target=beat, args=(stop,)).start()
        """,
    "a watcher that looks into a table of another module": """
        from store import Store
        class Watcher(threading.Thread):
            def run(self):
                while not self.stop.wait(1):  #here
                    for name in self.store.late(time.monotonic()):
                        print("late", name)
        """,
    "one that asks the other side": """
        def poll(client, seen):
            while True:
                time.sleep(5)  #here
                with client.exec_command("uptime", timeout=5)[1] as output:
                    seen.append(output.read().decode())
        threading.Thread(target=poll, daemon=True).start()
        """,
}
MAY_WAKE = {
    "it notifies": """
        def beat(cond):
            while True:
                time.sleep(1)  #here
                with cond:
                    cond.notify_all()
        threading.Thread(target=beat).start()
        """,
    "what it calls notifies": """
        def wake(jobs):
            jobs.put(None)
        def look(jobs):
            if jobs.empty():
                wake(jobs)
        def beat(jobs):
            while True:
                time.sleep(1)  #here
                look(jobs)
        threading.Thread(target=beat).start()
        """,
    "a method of another module does": """
        from store import Store
        def beat(store):
            while True:
                time.sleep(1)  #here
                store.expire()
        threading.Thread(target=beat).start()
        """,
    "it calls what it was given": """
        def beat(tell):
            while True:
                time.sleep(1)  #here
                tell("alive")
        threading.Thread(target=beat).start()
        """,
    "it calls what is kept in an attribute": """
        class Beat(threading.Thread):
            def __init__(self, tell):
                self.tell = tell
            def run(self):
                while True:
                    time.sleep(1)  #here
                    self.tell("alive")
        """,
    "it calls what stands in a table": """
        def beat(hooks):
            while True:
                time.sleep(1)  #here
                hooks["beat"]()
        threading.Thread(target=beat).start()
        """,
    "leaving a block of its own notifies": """
        class Turn:
            def __exit__(self, *error):
                self.cond.notify()
        def beat(turn):
            while True:
                time.sleep(1)  #here
                with turn:
                    pass
        threading.Thread(target=beat).start()
        """,
    "a transfer tells how far it is": """
        def beat(sftp, tell):
            while True:
                time.sleep(1)  #here
                sftp.get("a", "b", tell)
        threading.Thread(target=beat).start()
        """,
    "a handler of the log's puts it into a queue": """
        class Handler(logging.Handler):
            def emit(self, record):
                self.queue.put(record)
        def beat():
            while True:
                time.sleep(1)  #here
                log.info("alive")
        threading.Thread(target=beat).start()
        """,
    "it ends the program": """
        def watchdog():
            time.sleep(60)  #here
            os._exit(3)
        threading.Thread(target=watchdog).start()
        """,
    "something is put around it": """
        @periodic(5)
        def beat():
            time.sleep(1)  #here
        threading.Thread(target=beat).start()
        """,
    "a library of others calls it": """
        def beat():
            time.sleep(1)  #here
        scheduler.add_job(beat)
        """,
    "a library of others may do anything": """
        import somebodys.bus
        def beat(bus):
            while True:
                time.sleep(1)  #here
                bus.publish("alive")
        threading.Thread(target=beat).start()
        """,
}
TICKS = {
    "a heartbeat": """
        async def beat():
            while True:
                await asyncio.sleep(1)  #here
                print("alive", time.monotonic())
        """,
    "one that others may stop": """
        class Service:
            async def watch(self):
                try:
                    while not self.stop.is_set() and self.running:
                        try:
                            await asyncio.wait_for(self.stop.wait(), 1)  #here
                        except asyncio.TimeoutError:
                            self.report(len(self.jobs))
                except asyncio.CancelledError:
                    print("over")
            def report(self, count):
                logging.info("%d jobs", count)
        """,
}
MAY_END_A_TASKS_WAIT = {
    "it gives a token back": """
        async def refill(tokens):
            while True:
                await asyncio.sleep(1)  #here
                tokens.release()
        """,
    "what it calls does": """
        async def refill(tokens):
            while True:
                await asyncio.sleep(1)  #here
                give(tokens)
        def give(tokens):
            tokens.put_nowait(1)
        """,
    "it begins a task": """
        async def beat():
            while True:
                await asyncio.sleep(1)  #here
                asyncio.create_task(one())
        async def one():
            print(1)
        """,
    "it ends, and who waits for that goes on": """
        async def countdown(left):
            while left:
                await asyncio.sleep(1)  #here
                left -= 1
        """,
    "it ends some day": """
        async def until(path):
            while not os.path.exists(path):
                await asyncio.sleep(1)  #here
        """,
    "it breaks off": """
        async def beat():
            while True:
                await asyncio.sleep(1)  #here
                if time.monotonic() > 100:
                    break
        """,
    "it fails": """
        async def beat(left):
            while True:
                await asyncio.sleep(1)  #here
                if not left.pop():
                    raise OSError
        """,
    "it sleeps once": """
        async def late():
            await asyncio.sleep(1)  #here
        """,
    "it holds a lock meanwhile": """
        async def beat(lock):
            while True:
                async with lock:
                    await asyncio.sleep(1)  #here
        """,
    "it has a deadline around all": """
        async def beat():
            async with asyncio.timeout(60):
                while True:
                    await asyncio.sleep(1)  #here
        """,
}
STORE = """
import threading
class Store:
    def __init__(self):
        self.cond, self.until = threading.Condition(), {}
    def late(self, now):
        with self.cond:
            return [name for name, until in self.until.items() if until < now]
    def expire(self):
        with self.cond:
            self.until.clear()
            self.cond.notify_all()
"""


def site_of(program: str, folder: Path) -> Site:
    """Where #here is, in a file."""
    text = "import asyncio, logging, os, threading, time\n" + dedent(program)
    (folder / "store.py").write_text(STORE)
    file = folder / "app.py"
    file.write_text(text)
    (line,) = (n for n, words in enumerate(text.splitlines(), 1) if words.endswith("#here"))
    return Site(file=str(file), line=line, function="f")


def looks(program: str, folder: Path) -> bool:
    """What is said of the thread that stands at #here."""
    return Bystanders().only_looks([site_of(program, folder)])


@pytest.mark.parametrize("how", LOOKS)
def test_it_only_looks(how: str, tmp_path: Path) -> None:
    assert looks(LOOKS[how], tmp_path)


@pytest.mark.parametrize("how", MAY_WAKE)
def test_it_may_wake_somebody(how: str, tmp_path: Path) -> None:
    assert not looks(MAY_WAKE[how], tmp_path)


def test_what_began_the_thread_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def beat():\n    pass\n")
    site = Site(file=str(tmp_path / "app.py"), line=2, function="beat")
    assert not Bystanders().only_looks([site] * 10)
    assert not Bystanders().only_looks([])


@pytest.mark.parametrize("how", TICKS)
def test_a_task_only_ticks(how: str, tmp_path: Path) -> None:
    assert Bystanders().only_ticks([site_of(TICKS[how], tmp_path)])


@pytest.mark.parametrize("how", MAY_END_A_TASKS_WAIT)
def test_a_task_that_sleeps_may_end_the_wait_of_another(how: str, tmp_path: Path) -> None:
    site = site_of(MAY_END_A_TASKS_WAIT[how], tmp_path)
    assert not Bystanders().only_ticks([site])
    assert not Bystanders().only_ticks([])
