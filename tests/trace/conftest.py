"""A recording to write to, for the tests of the hot paths in C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from paramedic.trace.layout import EXTENT_BYTES, HEADER_BYTES
from paramedic.trace.writer import TraceWriter


@pytest.fixture
def writer(tmp_path: Path) -> TraceWriter:
    return TraceWriter(str(tmp_path / "1.pmrec"), {"operations": ["", "A.call"]}, 4 * EXTENT_BYTES + HEADER_BYTES)


@pytest.fixture
def asked() -> list[tuple[Any, ...]]:
    """What was left to Python."""
    return []
