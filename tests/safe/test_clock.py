"""Alarms: what wakes the clock's thread up, and what an idle pool leaves to wake it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from paramedic.safe import ClientPool
from paramedic.safe.answers import Answers
from paramedic.safe.clock import Clock
from paramedic.safe.session import Phase, Session
from paramedic.safe.sink import Collector


class Waits(threading.Condition):
    """A condition that counts how often somebody waits for it."""

    count = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.count += 1
        return super().wait(timeout)


class Nobody:
    def session_started(self, session: Session) -> None: ...

    def session_ended(self, session: Session) -> None: ...


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock("test")
    yield made
    made.close()


def test_alarms_that_are_cancelled_wake_nobody(clock: Clock) -> None:
    waits = clock._changed = Waits()
    rung = threading.Event()
    now = time.monotonic()
    with waits:  # the thread sees none of it before all is done
        alarms = [clock.at(now + n / 100, lambda: None) for n in range(1, 51)]
        clock.at(now + 0.6, rung.set)
        for alarm in alarms:
            alarm.cancel()
    assert rung.wait(60)
    assert waits.count < 10
    assert clock._cancelled == 0


def test_an_alarm_is_kept_while_an_answer_is_missing(clock: Clock) -> None:
    late: list[Session] = []
    told = threading.Event()

    def note(session: Session) -> None:
        late.append(session)
        told.set()

    answers = Answers(clock, 0.3, note)
    answered, silent = (Session(b"true", Collector(), Nobody()) for _ in range(2))
    answers.expect(answered)
    answers.expect(silent)
    answered.phase = Phase.ENDED
    answers.rest()
    assert told.wait(60)
    assert late == [silent]
    answers.expect(answered)
    answers.rest()
    assert [alarm for _, _, alarm in clock._alarms if alarm.call is not None] == []


def test_an_idle_pool_waits_for_nothing_but_its_own_end(pool: ClientPool) -> None:
    for _ in range(3):
        assert pool.run("true", timeout=60).ok
    list(pool.map(["true"] * 20, timeout=60))
    with pool._clock._changed:
        left = [alarm.call for _, _, alarm in pool._clock._alarms if alarm.call is not None]
    # The round looks for connections that are idle for too long; a request to one that rested is looked after.
    assert {getattr(call, "__name__", "") for call in left} <= {"_look_after", "_look"}
    assert not any(isinstance(getattr(call, "__self__", None), Answers) for call in left)


def test_who_was_struck_before_he_woke_the_clock_keeps_no_later_alarm_from_ringing(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung = threading.Event()
    now = time.monotonic()
    clock.at(now + 1000, lambda: None)
    for _ in iter(lambda: len(clock._changed._waiters), 1):  # type: ignore[attr-defined]
        pass

    def strike(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for name in ("notify", "notify_all"):
            patch.setattr(clock._changed, name, strike)
        with pytest.raises(KeyboardInterrupt):
            clock.at(now + 0.1, lambda: None)
    clock.at(now + 0.2, rung.set)
    assert rung.wait(60)
