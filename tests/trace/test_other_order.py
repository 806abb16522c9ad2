"""A machine that has the bytes of its numbers the other way round writes the same file."""

from __future__ import annotations

import sys

import pytest

from paramedic.trace.chunks import _OtherOrder
from paramedic.trace.layout import WORD


@pytest.mark.skipif(sys.byteorder != "little", reason="this machine is such a one: it has nothing to compare with")
@pytest.mark.parametrize(("width", "code", "value"), [(8, WORD, (1 << 64) - 2), (8, WORD, 77), (4, "I", 4_000_000_000)])
def test_numbers_are_stored_as_by_the_others(width: int, code: str, value: int) -> None:
    theirs, ours = bytearray(40), bytearray(40)
    memoryview(theirs).cast(code)[1] = value  # type: ignore[call-overload]
    numbers = _OtherOrder(memoryview(ours), width)
    numbers[1] = value
    assert ours == theirs
    assert numbers[1] == value


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_a_number_that_has_no_room_is_refused_as_by_the_others(value: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        memoryview(bytearray(8)).cast("I")[0] = value
    with pytest.raises(ValueError, match=r"."):
        _OtherOrder(memoryview(bytearray(8)), 4)[0] = value
