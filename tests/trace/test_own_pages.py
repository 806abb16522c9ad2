"""Which page a thread has is known in C: it may write there only as long as the page is its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from paramedic.model.event import Kind
from paramedic.trace.layout import EXTENT_BYTES, HEADER_BYTES
from paramedic.trace.reader import open_trace
from paramedic.trace.writer import TraceWriter


@pytest.fixture
def writer(tmp_path: Path) -> TraceWriter:
    return TraceWriter(str(tmp_path / "1.pmrec"), {"operations": ["", "A.call"]}, 4 * EXTENT_BYTES + HEADER_BYTES)


def in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_thread_that_has_given_back_its_page_writes_to_it_no_more(writer: TraceWriter) -> None:
    kind = int(Kind.STATE)
    writer.adopt_thread(11)
    writer.row(kind, 0, 1, 0, 1, 0)
    writer.end_thread()

    def next_one() -> None:
        writer.adopt_thread(12)
        writer.row(kind, 0, 1, 0, 2, 0)

    in_a_thread(next_one)
    writer.row(kind, 0, 1, 0, 3, 0)  # what a finalizer records after the end
    found = {e.a: e.thread for e in open_trace(Path(writer.path)).events() if e.kind == kind}
    assert (found[1], found[2], found[3] in (11, 12)) == (11, 12, False)


def test_a_thread_with_a_new_number_writes_under_it(writer: TraceWriter) -> None:
    kind = int(Kind.STATE)
    for _ in range(2):  # the first finds no page
        writer.row(kind, 0, 1, 0, 1, 0)
    writer.adopt_thread(21)
    writer.row(kind, 0, 1, 0, 2, 0)
    found = {e.a: e.thread for e in open_trace(Path(writer.path)).events() if e.kind == kind}
    assert found[2] == 21 != found[1]


def test_two_recordings_at_once_each_get_their_own_rows(tmp_path: Path) -> None:
    kind = int(Kind.STATE)
    both = [
        TraceWriter(str(tmp_path / f"{n}.pmrec"), {"operations": ["", "A.call"]}, 4 * EXTENT_BYTES + HEADER_BYTES)
        for n in range(2)
    ]
    for turn in range(3):
        for number, writer in enumerate(both):
            writer.row(kind, 0, 1, 0, 10 * number + turn, 0)
    for number, writer in enumerate(both):
        found = [e.a for e in open_trace(Path(writer.path)).events() if e.kind == kind]
        assert found == [10 * number + turn for turn in range(3)]


def test_after_a_pause_nothing_is_written(writer: TraceWriter) -> None:
    kind = int(Kind.STATE)
    for _ in range(2):
        writer.row(kind, 0, 1, 0, 1, 0)
    writer.pause()
    writer.row(kind, 0, 1, 0, 2, 0)
    assert [e.a for e in open_trace(Path(writer.path)).events() if e.kind == kind] == [1, 1]
