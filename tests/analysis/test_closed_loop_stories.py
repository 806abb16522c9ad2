"""A channel is looked at until it is closed: what is lost where the source says that this ends the loop."""

from __future__ import annotations

import pytest
from notation import facts_of_story, said

from paramedic.check.recording import judged
from paramedic.lint.closed_loops import ClosedLoops

LOOKED = """
    A: exec_command ch
    A: recv_ready ch = 0
    T: feed ch out 500
    A: recv_ready ch = 1
    A: recv ch = 500
    T: feed ch out 300
    T: gets-eof ch
    T: gets-close ch"""
FOUND = {
    "what had come before the close is left": (LOOKED, "observed"),
    "it happened to come to an end": (LOOKED.replace("T: feed ch out 300\n", ""), "possible"),
}
QUIET = {
    "it was read to its end": LOOKED + "\n    A: recv ch = 300\n    A: recv ch = 0",
    "it has looked again after the end": LOOKED + "\n    A: recv ch = 300",
    "the program has closed it, for it had what it wanted": LOOKED.replace(
        "T: gets-eof ch", "A: sends-close ch\n    T: gets-eof ch"
    ),
    "the peer has not ended it": LOOKED.replace("T: gets-eof ch\n    T: gets-close ch", ""),
    "nobody has looked at it": LOOKED.replace("A: recv_ready ch = 0\n", "").replace("A: recv_ready ch = 1\n", ""),
}


def told(story: str) -> list[str]:
    return [each for each in said(judged(facts_of_story(story), [])) if each.startswith("exit-status-ends-reading")]


@pytest.mark.parametrize("how", FOUND)
def test_output_that_is_left_in_the_buffer(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClosedLoops, "ends", lambda *_: "ch.closed")
    story, confidence = FOUND[how]
    assert told(story) == [f"exit-status-ends-reading {confidence}"]


@pytest.mark.parametrize("how", QUIET)
def test_nothing_is_lost(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClosedLoops, "ends", lambda *_: "ch.closed")
    assert told(QUIET[how]) == []


@pytest.mark.parametrize("how", FOUND)
def test_where_something_else_ends_the_loop_nothing_is_said(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClosedLoops, "ends", lambda *_: "")
    assert told(FOUND[how][0]) == []


def test_a_source_that_cannot_be_understood_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> str:
        raise RecursionError("too deep")

    monkeypatch.setattr(ClosedLoops, "ends", fails)
    assert told(LOOKED) == []
