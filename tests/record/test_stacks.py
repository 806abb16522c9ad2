"""Stacks of the program's frames: each has the lines that it had, however much of it was looked up before."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from paramedic.record import frames
from paramedic.record.frames import Stacks
from paramedic.trace.writer import TraceWriter

Where = Callable[[], list[tuple[str, int]]]


@pytest.fixture
def where(tmp_path: Path) -> Where:
    """Asks for the stack of its caller: functions and lines, those of this file."""
    writer = TraceWriter(str(tmp_path / "recording"), {"operations": [""]}, 1 << 22)
    stacks = Stacks(writer)

    def ask() -> list[tuple[str, int]]:
        stack = stacks.of(sys._getframe(1))
        words = {number: text for text, number in writer.current.texts.items()}
        frames = [words[int(n)].split("\t") for n in words[stack].split()[1:]]
        return [(f[3].rpartition(".")[2], int(f[2])) for f in frames if f[1] == __file__]

    ask.stacks = stacks  # type: ignore[attr-defined]
    return ask


def line() -> int:
    number: int = sys._getframe(1).f_lineno
    return number


def test_each_line_of_one_activation_is_its_own(where: Where) -> None:
    for _ in range(3):
        first, at_first = where(), line()
        second, at_second = where(), line()
        assert (first[0], second[0]) == (
            ("test_each_line_of_one_activation_is_its_own", at_first),
            (first[0][0], at_second),
        )
        assert at_first != at_second


def test_a_helper_is_told_with_the_line_that_called_it(where: Where) -> None:
    def helper() -> list[tuple[str, int]]:
        return where()

    for _ in range(3):  # the helper's frame is likely to be the same piece of memory each time
        seen = [(helper(), line()), (helper(), line())]
        assert [stack[1][1] for stack, _ in seen] == [at for _, at in seen]


def test_a_generator_is_told_with_whoever_resumes_it(where: Where) -> None:
    def generator() -> Iterator[list[tuple[str, int]]]:
        while True:
            yield where()

    def other(source: Iterator[Any]) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = next(source)
        return found

    source = generator()
    for _ in range(3):
        assert next(source)[1][0] == "test_a_generator_is_told_with_whoever_resumes_it"
        assert other(source)[1][0] == "other"


def test_after_a_fork_nothing_that_was_kept_is_good(where: Where) -> None:
    stacks: Stacks = where.stacks  # type: ignore[attr-defined]
    for turn in range(2):
        found, at = where(), line()
        assert found[0][1] == at, f"turn {turn}"
        stacks._writer.current.texts.clear()
        stacks.forget()


def test_code_that_is_made_anew_for_ever_is_not_kept_for_ever(where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_MOST_PLACES", 20)
    codes = []
    for n in range(100):
        names: dict[str, Any] = {"where": where}
        exec(compile("def made():\n" + "\n" * n + "    return where()", __file__, "exec"), names)
        assert names["made"]()[0] == ("made", n + 2), "what has the id of an earlier one is not taken for it"
        codes.append(weakref.ref(names.pop("made").__code__))
    assert sum(code() is None for code in codes) > 40


def test_a_program_that_traces_itself_is_left_alone(where: Where) -> None:
    lines: list[int] = []

    def traced() -> None:
        where()
        where()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code is traced.__code__ and event == "line":
            lines.append(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        traced()
    finally:
        sys.settrace(before)
    first = traced.__code__.co_firstlineno
    assert lines == [first + 1, first + 2]


def test_tracing_that_begins_later_is_not_disturbed(where: Where) -> None:
    where()  # something is kept with this frame from now on
    called: list[str] = []

    def trace(frame: FrameType, event: str, argument: Any) -> None:
        called.append(frame.f_code.co_name)

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        line()
    finally:
        sys.settrace(before)
    assert called == ["line"]
    kept: Any = sys._getframe().f_trace
    assert not kept, "a debugger puts its own there where it finds none"
