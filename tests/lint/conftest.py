"""What tests of ``paramedic lint`` share: a folder of their own, and one run of the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from judging import Lint

from paramedic.cli.main import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's folder is the current one, and has its own cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))


@pytest.fixture
def lint(here: None, capsys: pytest.CaptureFixture[str]) -> Lint:
    """One run of the command, in this process."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["lint", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
