"""A worker waits for a coroutine, and the source says that the coroutine needs a lock which is held meanwhile."""

from __future__ import annotations

import pytest
from notation import facts_of_story, said

from paramedic.check.recording import judged
from paramedic.lint.loop_locks import LoopLocks

HUNG = """
    W: works ex 2
    Main: run_forever loop …
    Main: submit f1 ex
    W: run f1
    W: ask f2 …
    … 9 s"""
QUIET = {
    "it has waited for a moment only": HUNG.replace("… 9 s", "… 1 s"),
    "its task is over: it waits for something else": HUNG.replace("W: ask", "W: done f1\n    W: ask"),
    "another worker does what it waits for": HUNG.replace(
        "W: ask", "Main: submit f2 ex\n    V: works ex 2\n    V: run f2\n    W: ask"
    ),
    "no loop runs": HUNG.replace("Main: run_forever loop …", ""),
    "there are two loops": HUNG.replace("Main: submit", "B: run_forever loop2 …\n    Main: submit"),
    "it has got it": HUNG + "\n    W: … result f2",
}


def told(story: str) -> list[str]:
    return [each for each in said(judged(facts_of_story(story), [])) if each.startswith("lock-order-inversion")]


def test_a_worker_waits_for_what_its_own_holder_keeps_from_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoopLocks, "needed", lambda *_: "guard")
    assert told(HUNG) == ["lock-order-inversion observed"]


def test_where_the_source_knows_of_no_lock_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoopLocks, "needed", lambda *_: "")
    assert told(HUNG) == []


def test_a_source_that_cannot_be_understood_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> str:
        raise RecursionError("too deep")

    monkeypatch.setattr(LoopLocks, "needed", fails)
    assert told(HUNG) == []


@pytest.mark.parametrize("how", QUIET)
def test_a_wait_that_may_end_is_no_deadlock(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoopLocks, "needed", lambda *_: "guard")
    assert told(QUIET[how]) == []
