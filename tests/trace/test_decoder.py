"""The decoder in C says of any rows what the one in Python says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.model.event import FIRST_STREAM, Kind, Row
from paramedic.trace.layout import ENDED_OTHERWISE, ROW
from paramedic.trace.rows import ALWAYS, Decoder, PythonDecoder, new_decoder

NAMES = ["a.b", "Channel.__init__", "ChannelFile.__init__", "SSHClient.exec_command", "Channel.recv"]
Told = tuple[list[Row], list[Row], dict[int, int], int, int]

# The standard sizes are unlikely, so each field is often near what decides something.
_TIME = st.one_of(st.integers(0, 60), st.integers(0, (1 << 64) - 2))
_A = st.one_of(st.integers(-1, 60), st.integers(-(1 << 63), (1 << 63) - 1), st.just(ENDED_OTHERWISE))
_NUMBER = st.one_of(st.integers(0, 5), st.integers(0, (1 << 32) - 1), st.integers(FIRST_STREAM, FIRST_STREAM + 40))
_KIND = st.one_of(st.sampled_from([Kind.SPAN, Kind.LATER, Kind.RETURN, Kind.OPENED, Kind.OWNER]), st.integers(0, 255))
_ROW = st.tuples(_TIME, _A, _NUMBER, _NUMBER, _NUMBER, st.integers(0, 7), st.integers(0, 255), _KIND)


def told(decoder: Decoder, rows: bytes, until_ns: int, wants_open: bool) -> Told:
    """All that a decoder says of some rows."""
    events: list[Row] = []
    later: list[Row] = []
    under_way: dict[int, int] = {}
    thread = decoder.decode(rows, 3, events, until_ns, later, under_way if wants_open else None)
    return events, later, under_way, thread, decoder.damaged


needs_c = pytest.mark.skipif(new_decoder is PythonDecoder, reason="the decoder in C was not built")


@needs_c
@given(
    st.lists(_ROW, max_size=12),
    st.one_of(st.integers(0, 60), st.just(ALWAYS)),
    st.booleans(),
    st.sampled_from([NAMES, NAMES[:1], []]),
)
def test_both_say_the_same(rows: list[Row], until_ns: int, wants_open: bool, names: list[str]) -> None:
    words = b"".join(ROW.pack(*row) for row in rows)
    assert told(new_decoder(names), words, until_ns, wants_open) == told(
        PythonDecoder(names), words, until_ns, wants_open
    )


@needs_c
def test_what_is_no_list_is_refused() -> None:
    decoder = new_decoder(NAMES)
    with pytest.raises(TypeError, match="decode"):
        decoder.decode(b"", 1, (), 0, [], None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        decoder.decode("rows", 1, [], 0, [], None)  # type: ignore[arg-type]


@needs_c
def test_python_does_it_where_one_asks_for_it() -> None:
    code = "from paramedic.trace.rows import PythonDecoder, new_decoder; print(new_decoder is PythonDecoder)"
    environment = {**os.environ, "PARAMEDIC_CORE": "python"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert done.stdout.strip() == "True", done.stderr


@needs_c
def test_a_build_from_another_source_is_left_out() -> None:
    code = (
        "from paramedic.trace import _decoder; _decoder.FORM = 0\n"
        "from paramedic.trace.rows import PythonDecoder, new_decoder; print(new_decoder is PythonDecoder)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PARAMEDIC_CORE"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert done.stdout.strip() == "True", done.stderr
