"""Whether it is noted how much of what has come is unread, as C asks it."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from probing import Thing

from paramedic.trace import native

if native.rows is None:
    pytest.skip("built without a compiler", allow_module_level=True)
rows: Any = native.rows

FED: dict[str, tuple[Any, bool]] = {
    "nobody has begun to read": (Thing(in_buffer=Thing(_paramedic_quiet_=0, _buffer=b""), in_window_size=100), True),
    "a while ago": (Thing(in_buffer=Thing(_paramedic_quiet_=1, _buffer=b""), in_window_size=100), True),
    "it was noted just now": (
        Thing(in_buffer=Thing(_paramedic_quiet_=1 << 62, _buffer=b""), in_window_size=100),
        False,
    ),
    "a quarter is unread": (
        Thing(in_buffer=Thing(_paramedic_quiet_=1 << 62, _buffer=b"x" * 25), in_window_size=100),
        False,
    ),
    "more than that": (Thing(in_buffer=Thing(_paramedic_quiet_=1 << 62, _buffer=b"x" * 26), in_window_size=100), True),
    "no such buffer": (Thing(in_window_size=100), True),
    "a buffer of another kind": (
        Thing(in_buffer=Thing(_paramedic_quiet_=1 << 62, _buffer=7), in_window_size=100),
        True,
    ),
    "no window": (Thing(in_buffer=Thing(_paramedic_quiet_=1 << 62, _buffer=b"")), True),
    "not a number": (Thing(in_buffer=Thing(_paramedic_quiet_="1", _buffer=b""), in_window_size=100), True),
}


@pytest.mark.parametrize("channel, matters", FED.values(), ids=FED)
def test_what_comes_is_noted_now_and_then_and_where_much_is_unread(channel: Any, matters: bool) -> None:
    fed = rows.Fed()
    before = sys.getrefcount(channel), sys.getrefcount(getattr(channel, "in_buffer", channel))
    for _ in range(10):
        assert fed[channel] is matters
    assert (sys.getrefcount(channel), sys.getrefcount(getattr(channel, "in_buffer", channel))) == before
