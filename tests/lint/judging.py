"""What the linter says of one program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from paramedic.check.lint import LintOptions, lint

Lint = Callable[..., tuple[int, str, str]]
"""Runs ``paramedic lint`` with the words; gives the exit status, the output and the errors."""


def judged(source: str, folder: Path) -> tuple[set[str], list[str]]:
    """The hazards that are found in a program, and each finding in words."""
    (folder / "program.py").write_text(dedent(source))
    report = lint([folder], LintOptions(jobs=1))
    assert report.gaps == ()
    return {f.hazard for f in report.findings}, [f"{f.hazard} {f.site}: {f.message}" for f in report.findings]
