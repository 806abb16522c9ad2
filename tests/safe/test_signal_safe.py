"""A signal's handler that raises at any moment: no lock stays taken, and what is waited for can still be set."""

from __future__ import annotations

import itertools
import random
import re
import signal
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest

import paramedic.safe
from paramedic.safe import hand
from paramedic.safe.connections import Borrower
from paramedic.safe.hand import Hand
from paramedic.safe.link_channel import LinkChannel
from paramedic.safe.signal_safe import SignalSafeCondition, SignalSafeEvent, SignalSafeLock


class Struck(Exception):
    """What the handler raises."""


@pytest.fixture
def strike(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Does a job again and again until a signal's handler raises in it."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals' handlers run on the main thread only")

    handled: list[bool] = []

    def raises(*_: object) -> None:
        handled.append(True)
        raise Struck

    def struck(job: Callable[[], object]) -> None:
        handled.append(True)
        with pytest.raises(Struck):
            while True:
                if handled:  # what was raised in a finalizer has gone to nobody
                    handled.clear()
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.001))
                job()

    before = signal.signal(signal.SIGALRM, raises)
    yield struck
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def as_paramiko_takes_it(lock: Any) -> None:
    lock.acquire()
    try:
        sum((1, 2))
    finally:
        lock.release()


def by_with(lock: Any) -> None:
    with lock:
        sum((1, 2))


def as_paramiko_waits(condition: Any) -> None:
    condition._lock.acquire()
    try:
        condition.wait(0.00005)
    finally:
        condition._lock.release()


def wait_by_with(condition: Any) -> None:
    with condition:
        condition.wait(0.00005)


def nested(lock: Any) -> None:
    with lock:
        as_paramiko_takes_it(lock)


def is_free(lock: Any) -> bool:
    """Whether another thread can take it."""
    answers: list[bool] = []

    def ask() -> None:
        answers.append(lock.acquire(timeout=10))
        if answers[0]:
            lock.release()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return answers == [True]


@pytest.mark.parametrize(
    ("use", "make"),
    [
        (as_paramiko_takes_it, SignalSafeLock),
        (by_with, SignalSafeLock),
        (nested, SignalSafeLock),
        (by_with, SignalSafeCondition),
        (as_paramiko_waits, SignalSafeCondition),
        (wait_by_with, SignalSafeCondition),
    ],
)
def test_no_lock_stays_taken(strike: Any, use: Callable[[Any], None], make: Callable[[], Any]) -> None:
    for _ in range(300):  # threading.Condition is left taken by about one strike in four
        lock = make()
        strike(lambda lock=lock: use(lock))
        assert is_free(getattr(lock, "_lock", lock))
        assert not getattr(lock, "_waiters", ())  # else the next notify() is for him who is gone


def test_who_was_notified_and_struck_passes_it_on() -> None:
    ended: list[str] = []

    class StruckInRestore(SignalSafeCondition):
        def _acquire_restore(self, saved: object) -> None:
            self._lock._acquire_restore(saved)
            if threading.current_thread().name == "struck":
                raise Struck

    condition = StruckInRestore()

    def wait() -> None:
        with condition:
            try:
                condition.wait()
            except Struck:
                pass
            ended.append(threading.current_thread().name)

    threads = []
    for count, name in enumerate(("struck", "other"), 1):
        threads.append(threading.Thread(target=wait, name=name, daemon=True))
        threads[-1].start()
        for _ in iter(lambda: len(condition._waiters), count):
            pass
    with condition:
        condition.notify()
    for thread in threads:
        thread.join(60)
    assert ended == ["struck", "other"]


def test_an_event_that_a_wait_was_struck_in_can_be_set(strike: Any) -> None:
    for _ in range(300):
        event = SignalSafeEvent()
        strike(lambda event=event: event.wait(0.00005))
        setter = threading.Thread(target=event.set, daemon=True)
        setter.start()
        setter.join(10)
        assert event.is_set() and not setter.is_alive()


def test_a_future_that_a_wait_was_struck_in_can_be_cancelled(strike: Any) -> None:
    def look(borrower: Borrower) -> None:
        if not borrower.done():
            with pytest.raises(TimeoutError):
                borrower.result(0.00005)

    for _ in range(100):
        borrower = Borrower()
        strike(lambda borrower=borrower: look(borrower))
        ender = threading.Thread(target=borrower.cancel, daemon=True)
        ender.start()
        ender.join(10)
        with pytest.raises(CancelledError):
            borrower.result(10)


def test_all_that_a_channel_shares_with_its_reader_is_safe() -> None:
    channel = LinkChannel(1)
    for owner in (channel, channel.in_buffer, channel.in_stderr_buffer):
        for name, value in vars(owner).items():
            kind = type(value).__name__.lower()
            if any(word in kind for word in ("lock", "condition", "event")) and name != "_credit":  # by `with` only
                assert isinstance(value, (SignalSafeLock, SignalSafeCondition, SignalSafeEvent)), name


def test_nothing_else_waits_where_a_strike_leaves_a_lock_taken() -> None:
    for module in Path(paramedic.safe.__file__).parent.glob("*.py"):
        if module.name != "signal_safe.py":
            assert not re.findall(r"threading\.(?:Condition|Event|Barrier)\(", module.read_text()), module.name
            # A lock that has to be tried, not waited for, is free whatever comes between: nobody waits for it.
            assert not re.findall(r"[Ll]ock\.acquire\(\)", module.read_text()), module.name


def test_who_asks_in_the_middle_of_asking_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand, "_REST_S", 0.001)
    asked = Hand("test")
    ended = threading.Event()

    def end() -> None:
        # The thread's rest is over again and again while somebody is on the way of asking it.
        for number in itertools.count():
            with asked._lock:
                ended.wait(0.002)
                if asked.ask(lambda number=number: number) != number or number == 50:
                    return

    if threading.current_thread() is not threading.main_thread():
        pytest.skip("the others do it themselves")
    end()
    thread = asked.close()
    if thread is not None:
        thread.join(10)
        assert not thread.is_alive()
