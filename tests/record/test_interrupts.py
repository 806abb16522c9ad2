"""What a signal handler raises in the middle of our code reaches the program, and breaks nothing on its way."""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest
from twice import Run

from paramedic.model.event import Kind, State
from paramedic.model.operations import NUMBER
from paramedic.record.interrupts import _numbers, from_the_start, reaches_program
from paramedic.record.locks import _kind_of
from paramedic.record.watched_lock import watched_lock
from paramedic.record.watched_rlock import watched_rlock

ENDS = {
    "Ctrl-C": ("signal.raise_signal(signal.SIGINT)", 3, 1),
    "what a handler raises, and sys.exit() after it": ("signal.raise_signal(signal.SIGTERM)", 3, 0),
    "an error": ("1 / 0", -1, 1),
    "an error that is caught": ("\n    try: 1 / 0\n    except ZeroDivisionError: pass", -1, 0),
    "sys.exit()": ("sys.exit(3)", -1, 0),
    "nothing": ("pass", -1, 0),
}


@pytest.mark.parametrize("why", ENDS)
def test_a_close_on_the_way_out_is_known_as_that_and_so_is_an_end_that_was_broken_off(why: str, recorded: Run) -> None:
    deed, argument, broken_off = ENDS[why]
    done = recorded(
        "-c",
        "import signal, sys, paramiko\ndef handler(*_): raise SystemExit(5)\nsignal.signal(signal.SIGTERM, handler)\n"
        f"with paramiko.SSHClient() as client:\n    {deed}\n",
    )
    events = done.events()
    closes = [e for e in events if e.kind == Kind.CALL and e.op == NUMBER["SSHClient.close"]]
    assert [e.a for e in closes] == [argument], done.err
    assert [e.a for e in events if e.kind == Kind.STATE and e.op == State.EXIT] == [broken_off]


HITS = r"""
import random, signal, sys, threading, time

class Boom(Exception): pass
def handler(*_): raise Boom
signal.signal(signal.SIGALRM, handler)
random.seed(7)

def interrupted(work, hits=300):
    left, end, longest = hits, time.monotonic() + 80, 0.00006
    while left and time.monotonic() < end:
        worked = False
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, longest))
                for _ in range(10**6):  # not "while": in Python 3.13.0 its test is outside of the "try"
                    work()
                    worked = True
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Boom:
            if worked:
                left -= 1
            else:
                longest *= 1.02  # a slow machine: it struck before the work had begun
            yield
    print("left", left)
"""
LEFT_TAKEN = {
    "a lock in a with statement": """
lock = threading.Lock()
def work():
    with lock: pass
def taken(): return lock.locked()
""",
    "an RLock, nested": """
lock = threading.RLock()
def work():
    with lock:
        with lock: pass
def taken():
    other = []
    t = threading.Thread(target=lambda: other.append(lock.acquire(timeout=5) and not lock.release()))
    t.start(); t.join(30)
    return other != [True]
""",
    "a lock that others want": """
lock, stop = threading.Lock(), False
def want():
    while not stop:
        with lock: pass
threads = [threading.Thread(target=want, daemon=True) for _ in range(2)]
for t in threads: t.start()
def work():
    with lock: pass
def taken():
    return not lock.acquire(timeout=20) or lock.release()
""",
}


@pytest.mark.parametrize("name", LEFT_TAKEN)
def test_no_lock_is_left_taken(name: str, recorded: Run) -> None:
    program = f"{HITS}{LEFT_TAKEN[name]}\nprint(sum(bool(taken()) for _ in interrupted(work)))\nstop = True\n"
    done = recorded("-c", program)
    assert (done.status, done.err) == (0, "")
    assert done.out.split() == ["left", "0", "0"]
    assert done.kinds()["GOT"] >= 300
    assert not done.gaps()


def test_an_exception_of_a_signal_handler_is_never_swallowed(recorded: Run) -> None:
    # each signal is raised by the program itself, so it strikes exactly once, wherever it does
    program = HITS + (
        # nothing that takes a lock in Python, or has finalizers: plain Python, too, loses exceptions there
        "event, simple = threading.Event(), __import__('queue').SimpleQueue()\n"
        "def work():\n"
        "    event.is_set(); simple.put(1); simple.get()\n"
        "    threading.Lock(); threading.RLock(); threading.Event()\n"
        "hits = 0\n"
        "def counted(*_):\n"
        "    global hits\n"
        "    hits += 1\n"
        "    raise Boom\n"
        "signal.signal(signal.SIGALRM, counted)\n"
        "seen = sum(1 for _ in interrupted(work))\n"
        "print(seen == hits)\n"
    )
    done = recorded("-c", program)
    assert (done.status, done.err, done.out.split()) == (0, "", ["left", "0", "True"])
    assert not done.gaps()


def test_asynchronous_exceptions_reach_the_program(recorded: Run) -> None:
    program = """
import ctypes, threading, time
class Stop(Exception): pass
started, ended = threading.Event(), []
def work():
    lock = threading.Lock()
    try:
        started.set()
        while True:
            with lock: pass
    except Stop:
        ended.append(lock.locked())
for _ in range(100):
    started.clear()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    started.wait()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stop))
    thread.join(30)
    assert not thread.is_alive()
print(len(ended), any(ended))
"""
    done = recorded("-c", program)
    assert (done.status, done.out, done.err) == (0, "100 False\n", "")


def test_errors_of_ours_do_not_reach_the_program() -> None:
    ours = compile("def fails(e):\n    raise e\n", reaches_program.__code__.co_filename, "exec")
    space: dict[str, FunctionType] = {}
    exec(ours, space)

    def verdict(error: BaseException) -> bool:
        try:
            space["fails"](error)
        except BaseException as e:
            e.__traceback__ = e.__traceback__.tb_next if e.__traceback__ else None  # as caught in our own frame
            return reaches_program(e)
        raise AssertionError

    assert not verdict(TypeError("of ours"))
    assert not verdict(RecursionError())
    assert verdict(KeyboardInterrupt())
    assert verdict(type("Stop", (Exception,), {})())  # PyThreadState_SetAsyncExc


def test_a_broken_str_of_the_programs_is_no_exception_of_its() -> None:
    def broken() -> None:
        raise LookupError

    try:
        broken()
    except LookupError as e:
        error = e
    assert not reaches_program(error)


class _Probes:
    """Stands for the recorder's; recording one kind of event raises."""

    def __init__(self, kind: Kind | None = None, error: BaseException | None = None) -> None:
        self.kind, self.error = kind, error
        self.rows: list[Kind] = []
        self.stacks = self

    def row(self, kind: int, *_: int) -> None:
        if kind == self.kind and self.error is not None:
            raise self.error
        self.rows.append(kind)

    def new_id(self) -> int:
        return 1

    def of(self, _: object) -> int:
        return 0

    def lock(self) -> Any:
        real = _thread.allocate_lock()
        cls = watched_lock(self, type(real), _kind_of(type(real)))  # type: ignore[arg-type]
        return type.__call__(cls, sys._getframe(), real)

    def rlock(self) -> Any:
        real = _thread.RLock()
        cls = watched_rlock(self, type(real), _kind_of(type(real)))  # type: ignore[arg-type]
        return type.__call__(cls, sys._getframe(), real)


TAKES: dict[str, Callable[[Any], object]] = {
    "acquire": lambda lock: lock.acquire(),
    "acquire at most once": lambda lock: lock.acquire(False),
    "acquire within a time": lambda lock: lock.acquire(timeout=10),
    "enter": lambda lock: lock.__enter__(),
}
LETS_GO: dict[str, Callable[[Any], object]] = {
    "release": lambda lock: lock.release(),
    "exit": lambda lock: lock.__exit__(None, None, None),
}


@pytest.mark.parametrize("kind", ["lock", "rlock"])
@pytest.mark.parametrize("how", TAKES)
def test_who_is_interrupted_while_taking_a_lock_does_not_have_it(how: str, kind: str) -> None:
    lock = getattr(_Probes(Kind.GOT, KeyboardInterrupt()), kind)()
    with pytest.raises(KeyboardInterrupt):
        TAKES[how](lock)
    assert _free(lock)


@pytest.mark.parametrize("kind", ["lock", "rlock"])
@pytest.mark.parametrize("how", LETS_GO)
def test_who_is_interrupted_while_letting_a_lock_go_has_let_it_go(how: str, kind: str) -> None:
    lock = getattr(_Probes(Kind.FREE, KeyboardInterrupt()), kind)()
    lock.acquire()
    with pytest.raises(KeyboardInterrupt):
        LETS_GO[how](lock)
    assert _free(lock)


@pytest.mark.parametrize("kind", ["lock", "rlock"])
@pytest.mark.parametrize("error", [TypeError("ours"), MemoryError(), RecursionError()], ids=lambda e: type(e).__name__)
def test_errors_of_ours_change_nothing(error: Exception, kind: str) -> None:
    for take in TAKES.values():
        for let_go in LETS_GO.values():
            for wrong in (Kind.GOT, Kind.FREE, Kind.WAIT):
                lock = getattr(_Probes(wrong, error), kind)()
                assert take(lock)
                assert not _free(lock)
                assert let_go(lock) is None
                assert _free(lock)


def test_an_interrupted_wait_of_a_condition_has_its_lock_again() -> None:
    lock = _Probes(Kind.GOT, KeyboardInterrupt()).rlock()
    lock._real.acquire()
    lock._depth = 1
    state = lock._release_save()
    assert _free(lock)
    with pytest.raises(KeyboardInterrupt):
        lock._acquire_restore(state)
    assert lock._is_owned() and lock._depth == 1


def test_a_nested_lock_that_is_interrupted_stays_as_it_was() -> None:
    probes = _Probes()
    lock = probes.rlock()
    with lock, lock:
        pass
    assert probes.rows == [Kind.NEW, Kind.GOT, Kind.FREE]
    assert (lock._depth, _free(lock)) == (0, True)


def _free(lock: Any) -> bool:
    """Whether another thread can take it; it is let go again."""
    answers: list[bool] = []

    def ask() -> None:
        answers.append(lock._real.acquire(False))
        if answers[0]:
            lock._real.release()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(60)
    return answers == [True]


def test_what_lets_go_holds_from_its_first_instruction() -> None:
    for lock, names in (
        (_Probes().lock(), "release __exit__"),
        (_Probes().rlock(), "release __exit__ _acquire_restore"),
    ):
        for name in names.split():
            start, _, _, depth = list(_numbers(getattr(lock, name).__code__.co_exceptiontable))[:4]
            assert (start, depth >> 1) == (0, 0), name


def test_a_lock_near_the_end_of_the_stack(plain: Run, recorded: Run) -> None:
    program = """
import threading
lock, rlock, taken = threading.Lock(), threading.RLock(), []
def deep(n):
    try:
        with lock: pass
        with rlock: pass
        deep(n + 1)
    finally:
        taken.append(lock.locked())
try:
    deep(0)
except RecursionError:
    print("RecursionError", any(taken), len(taken) > 500, rlock.acquire(False))
"""
    assert recorded("-c", program) == plain("-c", program)


def test_the_table_of_a_function_with_many_tries() -> None:
    @from_the_start
    def many(x: int) -> str:
        try:
            assert x > 1
        except AssertionError:
            return "small"
        try:
            assert x > 2
        except AssertionError:
            return "middle"
        finally:
            x += 1
        return "big"

    assert [many(n) for n in (1, 2, 3)] == ["small", "middle", "big"]
