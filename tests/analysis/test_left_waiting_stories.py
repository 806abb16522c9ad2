"""Everybody waits, and one for a condition; threads that only look count as waiting."""

from __future__ import annotations

import pytest
from notation import findings_of, said

from paramedic.lint.bystanders import Bystanders

LEASES = """
    Main: makes-condition cond RL
    Main: start A
    Main: start B
    A: take RL #take
    A: free RL
    B: take RL #take
    B: wait cond … #take
    B: free RL
    A: ends
    Main: join B …
    … 5 s
    end: 143"""
WATCHED = LEASES.replace("    A: ends", "    Main: start C\n    A: ends").replace(
    "    Main: join B", "    C: await ev (500) …\n    Main: join B"
)
SEVERAL = LEASES.replace(
    "    Main: start B\n",
    "    Main: start B\n    Main: start C\n    C: take RL #take\n    C: wait cond … #take\n    C: free RL\n",
)
FOUND = {
    "a lease that a thread has not given back, and the next one waits for it": LEASES,
    "several wait for it": SEVERAL,
    "the main thread has had its lock, too": LEASES.replace(
        "    Main: start A\n", "    Main: take RL #fill\n    Main: free RL\n    Main: start A\n"
    ),
    "a thread that only looks goes on": WATCHED,
    "the condition was given a lock that was there": LEASES.replace("cond RL", "cond RL given"),
    "two conditions have one lock": SEVERAL.replace(
        "cond RL", "cond RL given\n    Main: makes-condition cond2 RL given"
    ).replace("C: wait cond", "C: wait cond2"),
}
QUIET = {
    "another has the lock of which it was made": LEASES.replace("cond RL", "cond RL given").replace(
        "A: ends", "A: get q …"
    ),
    "who has it is at work": LEASES.replace("    A: ends", "    A: recv ch …"),
    "another thread computes": LEASES.replace("    A: ends", "    Main: start C\n    A: ends\n    C: take L1"),
    "nobody waits for those who wait": SEVERAL.replace("Main: join B …", "Main: await ev …"),
    "a signal may end it": LEASES.replace("Main: start A", "Main: handles stop\n    Main: start A"),
    "it has waited for a moment only": LEASES.replace("… 5 s", "… 1 s"),
    "the program came to its end": LEASES.replace("end: 143", "end: orderly"),
    "the thread that only looks is waited for": WATCHED.replace("Main: join B", "Main: join C"),
    "somebody waits for room in a queue, which who only looks may make": WATCHED.replace(
        "    Main: join B", "    Main: start D\n    D: put q …\n    Main: join B"
    ),
}


@pytest.mark.parametrize("sentence", FOUND)
def test_nobody_is_left_to_notify_it(sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bystanders, "only_looks", lambda *_: True)
    assert list(said(findings_of(FOUND[sentence]))) == ["wait-without-timeout observed"]


@pytest.mark.parametrize("sentence", QUIET)
def test_somebody_may(sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bystanders, "only_looks", lambda *_: True)
    assert list(said(findings_of(QUIET[sentence]))) == []


def test_a_thread_of_which_the_source_says_nothing_may_notify_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bystanders, "only_looks", lambda *_: False)
    assert list(said(findings_of(WATCHED))) == []


def test_a_source_that_cannot_be_understood_may_be_of_one_who_notifies(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bool:
        raise RecursionError("too deep")

    monkeypatch.setattr(Bystanders, "only_looks", fails)
    assert list(said(findings_of(WATCHED))) == []


def test_who_waits_in_a_condition_is_not_told_to_hold_its_lock() -> None:
    inside = SEVERAL.replace("    B: take RL #take\n", "    B: take L1\n    B: take RL #take\n")
    (found,) = findings_of(inside)
    assert {s.thread: s.locks for s in found.steps if "called wait()" in s.what} == {
        "B": ("lock #2 (made at app.py:3)",),  # L1
        "C": (),
    }


def test_a_lock_that_was_taken_after_the_conditions_is_held_while_it_waits() -> None:
    inside = SEVERAL.replace("    B: take RL #take\n", "    B: take RL #take\n    B: take L1\n")
    (found,) = findings_of(inside)
    assert [s.locks for s in found.steps if "called wait()" in s.what and s.thread == "B"] == [
        ("lock #2 (made at app.py:3)",)  # L1
    ]
