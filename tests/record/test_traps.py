"""Which places a run with traps delays, and which it leaves alone."""

from __future__ import annotations

from functools import partial

import pytest

from paramedic.record import traps
from paramedic.record.traps import EOF, SEND, Traps

USERS = "\n\ndef sends(probe):\n    probe()\n"
"""A program whose line 4 ends up in a probe."""


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays, which do not last."""
    found: list[float] = []
    monkeypatch.setattr(traps, "_sleep", found.append)
    return found


@pytest.mark.parametrize(
    ("kind", "line", "sending", "delays"),
    [
        (EOF, 4, False, [0.5]),
        (EOF, 4, True, []),
        (SEND, 4, True, [0.5]),
        (SEND, 4, False, []),
        (SEND, 5, True, []),
        (EOF, 3, False, []),
    ],
)
def test_what_is_held_back(kind: str, line: int, sending: bool, delays: list[float], slept: list[float]) -> None:
    place = "/home/me/app.py"
    app: dict[str, object] = {}
    exec(compile(USERS, place, "exec"), app)
    here = Traps([(kind, place, line)], 1, 0.5)
    app["sends"](partial(here.hold_back, sending))  # type: ignore[operator]
    assert slept == delays
