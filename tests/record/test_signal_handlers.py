"""Which function of the program's a signal handler is, whatever form it has."""

from __future__ import annotations

import functools
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from paramedic.record.hand_overs import signal_handlers


def _handler(number: int, frame: Any) -> None: ...


def _with_more(word: str, number: int, frame: Any) -> None: ...


class _Object:
    def __call__(self, number: int, frame: Any) -> None: ...

    def method(self, number: int, frame: Any) -> None: ...


HANDLERS = {
    "a function": (_handler, "_handler"),
    "a method": (_Object().method, "_Object.method"),
    "an object that can be called": (_Object(), "_Object.__call__"),
    "a part of a function": (functools.partial(_with_more, "stop"), "_with_more"),
}


def _told(handler: Any) -> list[str]:
    told: list[str] = []
    writer = SimpleNamespace(text=lambda words: told.append(words))
    probes: Any = SimpleNamespace(row=lambda *row: None, writer=writer, trouble=lambda place, error: told.append(place))
    (target,) = signal_handlers(probes, signal)
    assert target.enter is not None
    target.enter(signal.SIGTERM, handler)
    return told


@pytest.mark.parametrize("form", HANDLERS)
def test_the_code_of_a_handler_is_told(form: str) -> None:
    handler, name = HANDLERS[form]
    assert _told(handler) == [f"{__file__}\t{name}"]


@pytest.mark.parametrize("default", [signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler, None])
def test_what_is_none_of_the_programs_is_not_told(default: Any) -> None:
    assert _told(default) == []
