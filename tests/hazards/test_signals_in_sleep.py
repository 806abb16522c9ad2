"""A signal handler under a line that only sleeps was not called by it: the signal came there."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.hazards.signal_handler_reenters.runtime import sleeps
from paramedic.lint.passages import Places
from paramedic.model.finding import Site


@pytest.mark.parametrize(
    ("imports", "line", "expected"),
    [
        ("import time", "time.sleep(0.2)", True),
        ("from time import sleep", "sleep(1)", True),
        ("import signal", "signal.pause()", True),
        ("import time", "time.sleep(stop(1))", False),
        ("import time", "clock.sleep(1)", False),
        ("from mine import sleep", "sleep(1)", False),
        ("import time", "on_stop(15, None)", False),
        ("import time", "total += 1", False),
    ],
)
def test_what_sleeps(imports: str, line: str, expected: bool, tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text(f"{imports}\n\n\ndef main(total, stop, clock, on_stop):\n    {line}\n")
    assert sleeps(Places(), Site(file=str(source), line=5, function="main")) is expected


def test_a_source_that_is_not_there_does_not_sleep(tmp_path: Path) -> None:
    assert not sleeps(Places(), Site(file=str(tmp_path / "gone.py"), line=5, function="main"))
