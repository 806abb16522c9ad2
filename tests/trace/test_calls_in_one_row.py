"""A call is one row, into which its end is stored: read, followed, cut off, overwritten and forked as two rows are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from paramedic.model.event import KINDS, Event, Kind
from paramedic.trace.chunks import NO_SPAN, Span, end_call, ended_otherwise
from paramedic.trace.following import TraceFollower
from paramedic.trace.layout import CHUNK_BYTES, EXTENT_BYTES, HEADER_BYTES, ROW_BYTES
from paramedic.trace.reader import open_trace
from paramedic.trace.writer import TraceWriter

SPAN, LATER, GOT = int(Kind.SPAN), int(Kind.LATER), int(Kind.GOT)
Begin = Callable[[int], Span]


@pytest.fixture
def writer(tmp_path: Path) -> TraceWriter:
    return TraceWriter(str(tmp_path / "1.pmrec"), {"operations": ["", "A.call"]}, 2 * EXTENT_BYTES + HEADER_BYTES)


@pytest.fixture
def begin(writer: TraceWriter) -> Begin:
    def one(obj: int, kind: int = SPAN) -> Span:
        call = writer.span(kind, 1, obj, 5)
        assert call != NO_SPAN
        return call

    return one


def end(call: Span, size: int = 0) -> None:
    end_call(call, size)


def told(events: list[Event]) -> list[str]:
    kinds = (Kind.CALL, Kind.RETURN, Kind.RAISE, Kind.GOT)
    return [f"{KINDS[e.kind]} {e.obj} {e.a}" for e in events if e.kind in kinds]


def read(writer: TraceWriter) -> list[str]:
    return told(list(open_trace(Path(writer.path)).events()))


def test_calls_inside_each_other_are_told_in_the_order_of_time(writer: TraceWriter, begin: Begin) -> None:
    outer = begin(1)
    writer.row(GOT, 0, 9, 0, 0, 0)
    inner = begin(2)
    end(inner, 4_000_000_000)
    writer.row(GOT, 0, 9, 0, 1, 0)
    end(outer)
    assert read(writer) == ["CALL 1 -1", "GOT 9 0", "CALL 2 -1", "RETURN 2 4000000000", "GOT 9 1", "RETURN 1 0"]


def test_a_call_that_has_not_returned_has_only_begun(writer: TraceWriter, begin: Begin) -> None:
    begin(1)
    end(begin(2))
    assert read(writer) == ["CALL 1 -1", "CALL 2 -1", "RETURN 2 0"]


def test_an_end_with_a_row_of_its_own_is_told_by_that_alone(writer: TraceWriter, begin: Begin) -> None:
    obj = ended_otherwise(begin(1))
    writer.row(int(Kind.RAISE), 1, obj, 0, 7, 0)
    assert read(writer) == ["CALL 1 -1", "RAISE 1 7"]


def test_a_call_with_arguments_has_a_row_for_them_and_one_for_its_end(writer: TraceWriter, begin: Begin) -> None:
    writer.row(int(Kind.CALL), 1, 1, 5, 2500, 8)
    end(begin(1, LATER), 3)
    assert read(writer) == ["CALL 1 2500", "RETURN 1 3"]


def test_the_end_of_a_call_is_told_however_many_chunks_later_it_is(writer: TraceWriter, begin: Begin) -> None:
    outer = begin(1)
    for _ in range(3 * CHUNK_BYTES // ROW_BYTES):
        writer.row(GOT, 0, 9, 0, 0, 0)
    end(outer)
    found = read(writer)
    assert (found[0], found[-1]) == ("CALL 1 -1", "RETURN 1 0")


def test_each_thread_has_its_own_ends_also_in_a_chunk_that_several_had(writer: TraceWriter, begin: Begin) -> None:
    for obj in (1, 2):
        end(begin(obj))
        writer.end_thread()
    events = list(open_trace(Path(writer.path)).events())
    assert [(e.obj, e.thread) for e in events] == [(1, 1), (1, 1), (2, 2), (2, 2)]


def test_who_follows_is_told_of_an_end_when_it_comes_and_once(writer: TraceWriter, begin: Begin) -> None:
    outer, raised = begin(1), begin(2)
    follower = TraceFollower(Path(writer.path))

    def news() -> list[str]:
        return told([Event._make(row) for row in follower.events(time.monotonic_ns())])

    assert news() == ["CALL 1 -1", "CALL 2 -1"]
    ended_otherwise(raised)
    assert news() == []
    for _ in range(2 * CHUNK_BYTES // ROW_BYTES):
        writer.row(GOT, 0, 9, 0, 0, 0)
    assert set(news()) == {"GOT 9 0"}
    end(outer, 6)
    assert news() == ["RETURN 1 6"]
    assert news() == []
    follower.close()


def test_a_call_whose_chunk_is_used_again_spoils_nothing_when_it_ends(writer: TraceWriter, begin: Begin) -> None:
    calls = [begin(1) for _ in range(500)]
    for _ in range(2 * EXTENT_BYTES // ROW_BYTES):
        writer.row(GOT, 0, 9, 0, 0, 0)
    for call in calls:
        assert ended_otherwise(call) == 0
        end(call, 77)
    assert set(read(writer)) == {"GOT 9 0"}


def test_a_call_under_way_at_a_fork_ends_in_the_child_without_a_word_to_the_parent(
    writer: TraceWriter, begin: Begin
) -> None:
    call = begin(1)
    child = os.fork()
    if child == 0:
        try:
            writer.sleep(lambda: None)
            end(call)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert read(writer) == ["CALL 1 -1"]


def test_nothing_is_stored_after_a_recording_has_ended(writer: TraceWriter, begin: Begin) -> None:
    call = begin(1)
    writer.pause()
    end(call)
    assert writer.span(SPAN, 1, 1, 0) == NO_SPAN
    assert read(writer) == ["CALL 1 -1"]
