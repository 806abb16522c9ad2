"""Which threads are recorded: those of the program, and of Paramiko's those that do something."""

from __future__ import annotations

import pytest
from twice import Run

from paramedic.model.event import BINARY, Kind
from paramedic.model.operations import OPERATIONS

PROGRAM = """
import threading
from paramiko.packet import Packetizer

class Sock:
    def settimeout(self, timeout): pass

packetizer = Packetizer(Sock())
packetizer.start_handshake(30)
mine = threading.Timer(30, print)
mine.start()
print(sorted(type(t).__name__ for t in threading.enumerate()))
packetizer.complete_handshake()
mine.cancel()
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join()
print(threading.active_count(), packetizer.handshake_timed_out())
"""


@pytest.mark.parametrize("level", ["watch", "check"])
def test_the_timer_of_a_handshake_is_not_recorded_and_one_of_the_program_is(level: str, recorded: Run) -> None:
    done = recorded("-c", PROGRAM, level=level)
    assert done.status == 0, done.err
    assert done.out.splitlines() == ["['Timer', 'Timer', '_MainThread']", "1 False"]
    (trace,) = done.traces()
    events = list(trace.events())
    (number,) = (e.a for e in events if e.kind == Kind.START)
    assert {e.thread for e in events if e.kind == Kind.END} == {number}
    assert {e.a for e in events if e.kind == Kind.JOINED} == {number}
    assert len({e.thread for e in events}) == 2  # and the main thread


def test_a_semaphore_of_which_there_is_one_is_told_from_others(recorded: Run) -> None:
    done = recorded(
        "-c",
        "import threading\n"
        "class Own(threading.Semaphore): pass\n"
        "made = [threading.Semaphore(), threading.BoundedSemaphore(), threading.BoundedSemaphore(1), Own(1)]\n"
        "made += [threading.Semaphore(2), threading.Semaphore(0), threading.BoundedSemaphore(7)]\n"
        "made += [threading.Barrier(1)]\n"
        "for one in made[:4]: one.acquire(); one.release()\n",
    )
    assert done.status == 0, done.err
    births = [
        e
        for e in done.events()
        if e.kind == Kind.NEW and OPERATIONS[e.op] in ("Semaphore.__init__", "Barrier.__init__")
    ]
    assert [e.b for e in births] == [BINARY] * 4 + [0] * 4
    assert all(e.site for e in births)


STRICT = """
import threading

class Strict(threading.Thread):
    def __init__(self):
        self.__dict__["known"] = set()
        super().__init__()
        self.known.update(vars(self), ("_paramiko",))

    def __setattr__(self, name, value):
        if self.known and name not in self.known:
            raise AttributeError(name)
        super().__setattr__(name, value)

    def run(self):
        raise ValueError("in run")

thread = Strict()
thread.start()
thread.join()
print(thread.is_alive())
"""


@pytest.mark.parametrize("level", ["watch", "check"])
def test_a_class_that_takes_only_the_attributes_that_it_knows_is_recorded(level: str, recorded: Run) -> None:
    done = recorded("-c", STRICT, level=level)
    assert done.out.splitlines() == ["False"] and "ValueError: in run" in done.err
    (trace,) = done.traces()
    (started,) = (e for e in trace.events() if e.kind == Kind.START)
    deaths = [trace.texts[e.b] for e in trace.events() if e.kind == Kind.END and e.op]
    assert deaths == ["ValueError"] and {e.thread for e in trace.events() if e.kind == Kind.END} == {started.a}
    assert not trace.gaps


def test_a_class_with_a_base_in_c_that_has_a_setattr_is_recorded(recorded: Run) -> None:
    script = (
        "import decimal, threading\n"
        "class Odd(threading.Thread, decimal.Context):\n"
        "    def run(self): print('in run')\n"
        "odd = Odd()\n"
        "odd.start()\n"
        "odd.join()\n"
    )
    done = recorded("-c", script)
    (trace,) = done.traces()
    assert [e.kind for e in trace.events() if e.kind == Kind.START] == [Kind.START]
    assert not trace.gaps


def test_a_condition_tells_which_lock_it_was_given(recorded: Run) -> None:
    done = recorded(
        "-c",
        "import threading\n"
        "import paramiko\n"
        "lock = threading.Lock()\n"
        "made = [threading.Condition(lock), threading.Condition(lock=lock), threading.Condition()]\n"
        "class Lock:\n"
        "    acquire = release = _id = None\n"
        "    def __getattr__(self, name): raise AttributeError(name)\n"
        "made.append(threading.Condition(Lock()))\n",
    )
    assert done.status == 0, done.err
    (trace,) = done.traces()
    born = [(OPERATIONS[e.op], e) for e in trace.events() if e.kind == Kind.NEW]
    lock = [e.obj for name, e in born if name == "Lock.__init__"][-1]
    assert [e.b for name, e in born if name == "Condition.__init__"] == [lock, lock, 0, 0]
