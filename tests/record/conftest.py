"""Programs run twice: by plain Python, and under the recorder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from twice import Done, Run, environment, run_to_end

from paramedic.record import launch
from paramedic.record.session import Options


@pytest.fixture
def plain(tmp_path: Path) -> Run:
    """Runs plain Python with these arguments."""

    def run(*words: str, **options: object) -> Done:
        return run_to_end([sys.executable, *words], environment(tmp_path), options)

    return run


@pytest.fixture
def recorded(tmp_path: Path) -> Run:
    """Runs the same under the recorder; ``level`` and ``max_size_bytes`` are options of the recording."""
    numbers = iter(range(1000))

    def run(*words: str, level: str = "check", max_size_bytes: int = 256 << 20, **options: object) -> Done:
        folder = tmp_path / f"recording-{next(numbers)}"
        how = Options(directory=str(folder), level=level, max_size_bytes=max_size_bytes)
        base = dict(options.pop("env", None) or environment(tmp_path))  # type: ignore[call-overload]
        command, ours = launch.command(words, how, base)
        return run_to_end(command, ours, options, folder)

    return run
