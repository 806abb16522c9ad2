"""Findings of a run or a dump get the linter's edit where the linter sees the same hazard on the same line."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.check.remedies import LARGEST_BYTES, with_edits
from paramedic.model.finding import Confidence, Edit, Finding, Site, Step
from paramedic.model.report import Report

SOURCE = """\
import paramiko


def status(client: paramiko.SSHClient):
    _, stdout, _ = client.exec_command("cat build.log", timeout=10)
    code = stdout.channel.recv_exit_status()
    output = stdout.read()
    return code, output
"""
LINE = 6


def edits_of(file: Path, line: int = LINE, hazard: str = "exit-status-before-output") -> tuple[Edit, ...]:
    """Of a finding whose second step is at that place."""
    steps = (
        Step(thread="A", what="called exec_command()", site=Site(file=str(file), line=5)),
        Step(thread="A", what="called recv_exit_status()", site=Site(file=str(file), line=line)),
    )
    finding = Finding(hazard=hazard, code="PMC201", confidence=Confidence.OBSERVED, message="hangs", steps=steps)
    (told,) = with_edits(Report(source={}, findings=(finding,))).findings
    return told.edits


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "deploy.py"
    path.write_text(SOURCE)
    return path


def test_the_lines_of_the_user_are_changed(program: Path) -> None:
    edits = edits_of(program)
    assert [(e.first_line, e.last_line) for e in edits] == [(6, 7)]
    assert edits[0].text.splitlines() == ["    output = stdout.read()", "    code = stdout.channel.recv_exit_status()"]


def test_another_line_or_hazard_gets_nothing(program: Path) -> None:
    assert edits_of(program, line=7) == ()
    assert edits_of(program, hazard="undrained-stderr") == ()


@pytest.mark.parametrize("content", ["def (:\n", "\0", "x = 1\n" + "#" * LARGEST_BYTES])
def test_what_cannot_be_read_gets_nothing(program: Path, content: str) -> None:
    program.write_text(SOURCE + content)
    assert edits_of(program) == ()


def test_a_file_that_is_gone_gets_nothing(program: Path) -> None:
    program.unlink()
    assert edits_of(program) == ()


def test_edits_that_a_lens_made_stay(program: Path) -> None:
    mine = Edit(file=str(program), first_line=1, last_line=1, text="import this\n", safe=True)
    step = Step(thread="A", what="called", site=Site(file=str(program), line=LINE))
    finding = Finding(
        hazard="exit-status-before-output", code="PMC201", confidence=Confidence.OBSERVED, message="hangs",
        steps=(step,), edits=(mine,),
    )  # fmt: skip
    assert with_edits(Report(source={}, findings=(finding,))).findings == (finding,)
