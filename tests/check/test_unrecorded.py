"""Races that may be none: the source says that the later thread waits for the earlier one in a way nobody records."""

from __future__ import annotations

import os
import re
from pathlib import Path
from textwrap import dedent

import pytest
from unrecorded_stories import EXCUSED, NOT_EXCUSED

from paramedic.check.sources import Sources
from paramedic.check.unrecorded import doubted
from paramedic.model.finding import Confidence, Finding, Site, Step


def judged(program: str, folder: Path, hazard: str = "shared-sftp-client") -> tuple[Confidence, str]:
    """What remains of a race of two calls: of the lines with ``#1`` and ``#2``; ``#1^`` called that of ``#1``."""
    text = "import contextlib, os, select, signal, socket, time\n" + dedent(program)
    file = folder / "app.py"
    file.write_text(text)
    steps = []
    for number in "12":
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if re.search(rf"#{number}\b|#12\b", line)]
        lines.sort(key=lambda pair: pair[1].count("^"))
        stack = tuple(
            Site(file=str(file), line=n, function="<lambda>" if "lambda" in line else "f") for n, line in lines
        )
        steps.append(Step(thread=f"T{number}", what="called stat()", site=stack[0], stack=stack))
    finding = Finding(
        hazard=hazard, code="PMC103", confidence=Confidence.POSSIBLE, message="They did", steps=tuple(steps)
    )  # fmt: skip
    (told,) = doubted([finding])
    return told.confidence, told.message


@pytest.mark.parametrize("how", EXCUSED)
def test_who_may_have_waited_unseen_is_only_advised(how: str, tmp_path: Path) -> None:
    confidence, message = judged(EXCUSED[how], tmp_path)
    assert confidence is Confidence.ADVICE
    assert message.startswith("They did, except perhaps ")


@pytest.mark.parametrize("how", NOT_EXCUSED)
def test_what_orders_nothing_excuses_nobody(how: str, tmp_path: Path) -> None:
    assert judged(NOT_EXCUSED[how], tmp_path) == (Confidence.POSSIBLE, "They did")


def test_of_other_hazards_and_of_files_that_are_gone_nothing_is_said(tmp_path: Path) -> None:
    assert judged(EXCUSED["a pipe"], tmp_path, "lock-order-inversion")[0] is Confidence.POSSIBLE
    os.mkfifo(tmp_path / "pipe.py")
    for name in ("gone.py", "pipe.py", "."):
        assert Sources().function(Site(file=str(tmp_path / name), line=1)) is None
    gone = Step(thread="T", what="called stat()", site=Site(file=str(tmp_path / "gone.py"), line=1))
    finding = Finding(
        hazard="shared-sftp-client", code="PMC103", confidence=Confidence.POSSIBLE, message="They did",
        steps=(gone, Step(thread="U", what="called stat()", site=gone.site)),
    )  # fmt: skip
    assert doubted([finding]) == [finding]
