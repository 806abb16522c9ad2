"""The hot paths in C have the clock and the frames that Python has."""

from __future__ import annotations

import mmap
import subprocess
import sys
from time import monotonic_ns

import pytest

from paramedic.trace import native
from paramedic.trace.chunks import Chunk, Current, Extent
from paramedic.trace.layout import EXTENT_BYTES, ROW, ROW_BYTES

if native.rows is None:
    pytest.skip("built without a compiler", allow_module_level=True)


def test_the_clock_is_that_of_rows_that_python_stores() -> None:
    mapping, current = mmap.mmap(-1, EXTENT_BYTES), Current()
    current.local.chunk = Chunk(Extent(mapping), 0, 1)
    before = monotonic_ns()
    native.rows.Row(current, None)(5, 1, 2, 3, 4, 6)
    t_ns, *others = ROW.unpack_from(mapping, ROW_BYTES)
    assert before <= t_ns <= monotonic_ns()
    assert others == [4, 2, 3, 6, 1, 0, 5]


REPLACED = """
import sys
real = sys._getframe
sys._getframe = lambda depth=0: "no frame"
from paramedic.trace import _rows
asked = []
begin = _rows.Begin(None, lambda *given: asked.append(given), None, None, 1, 0)
begin["thing"]
assert asked == [("thing", None)], asked
"""


def test_another_function_may_stand_in_place_of_getframe() -> None:
    done = subprocess.run([sys.executable, "-c", REPLACED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
