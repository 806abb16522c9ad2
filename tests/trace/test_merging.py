"""The rows of many chunks come in one order of time, whichever thread wrote them, and none is lost."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from paramedic.model.event import Kind, Row
from paramedic.trace.layout import CHUNK_BYTES, ROW, ROW_BYTES
from paramedic.trace.merging import merged
from paramedic.trace.rows import new_decoder

GOT, OWNER, CHUNK = int(Kind.GOT), int(Kind.OWNER), int(Kind.CHUNK)
PER_CHUNK = CHUNK_BYTES // ROW_BYTES - 1
_EMPTY = bytes(ROW_BYTES)


def chunk(thread: int, times: list[int | None]) -> bytes:
    """A chunk as a thread leaves it; None is a row that was never finished."""
    first = next((t for t in times if t is not None), 1)
    rows = [ROW.pack(first, 0, 0, 0, 0, 0, 0, CHUNK), ROW.pack(first, thread, 0, 0, 0, 0, 0, OWNER)]
    rows += [_EMPTY if t is None else ROW.pack(t, 0, 7, 0, 0, 0, 0, GOT) for t in times]
    return b"".join(rows).ljust(CHUNK_BYTES, b"\0")


def read(chunks: list[bytes]) -> list[list[Row]]:
    """The pieces that are handed on."""
    begun = sorted((ROW.unpack_from(words)[0], place * CHUNK_BYTES) for place, words in enumerate(chunks))
    return list(merged(b"".join(chunks), begun, new_decoder(["a.b"])))


_TIMES = st.lists(st.one_of(st.none(), st.integers(1, 400)), min_size=1, max_size=40)


@given(st.lists(_TIMES, max_size=12))
def test_no_row_is_lost_and_time_goes_forward(written: list[list[int | None]]) -> None:
    in_order = [sorted(t for t in times if t is not None) for times in written]
    rests = [iter(times) for times in in_order]
    kept = [[None if t is None else next(rest) for t in times] for times, rest in zip(written, rests, strict=True)]
    events = [row for piece in read([chunk(n + 1, times) for n, times in enumerate(kept)]) for row in piece]
    assert [e[0] for e in events] == sorted(t for times in in_order for t in times)
    assert Counter((e[6], e[0]) for e in events) == Counter((n + 1, t) for n, ts in enumerate(in_order) for t in ts)


@given(st.lists(_TIMES, max_size=12))
def test_rows_that_a_signal_handler_has_come_before_are_not_lost(written: list[list[int | None]]) -> None:
    events = [row for piece in read([chunk(n + 1, times) for n, times in enumerate(written)]) for row in piece]
    assert Counter((e[6], e[0]) for e in events) == Counter(
        (n + 1, t) for n, times in enumerate(written) for t in times if t is not None
    )
    for thread in range(1, len(written) + 1):
        mine = [e[0] for e in events if e[6] == thread]
        assert mine == sorted(mine)


def test_however_many_threads_wrote_only_a_part_is_held_at_a_time() -> None:
    threads, rows = 60, PER_CHUNK - 1
    pieces = read([chunk(n, [n + 1 + 100 * row for row in range(rows)]) for n in range(threads)])
    assert sum(map(len, pieces)) == threads * rows
    assert max(map(len, pieces)) <= 20_000, "not all that the open chunks have"


def test_a_clock_that_stands_still_does_not_stop_the_reading() -> None:
    pieces = read([chunk(n, [5] * (PER_CHUNK - 1)) for n in range(40)])
    assert sum(map(len, pieces)) == 40 * (PER_CHUNK - 1)
