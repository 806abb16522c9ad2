"""What was written is what is read: from many threads, in the middle of itself, out of range, to the last byte."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paramedic.model.event import Event, Kind
from paramedic.trace.extents import ExtentFile
from paramedic.trace.layout import CHUNK_BYTES, EXTENT_BYTES, HEADER_BYTES, ROW_BYTES
from paramedic.trace.reader import TraceFile, open_trace
from paramedic.trace.writer import TraceWriter

GOT = int(Kind.GOT)
PER_CHUNK = CHUNK_BYTES // ROW_BYTES - 1
Make = Any


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes writers, with a limit in bytes."""
    numbers = iter(range(100))

    def new(limit: int = 64 << 20) -> TraceWriter:
        return TraceWriter(str(tmp_path / f"{next(numbers)}.pmrec"), {"operations": ["a.b"]}, limit)

    yield new


def read(writer: TraceWriter) -> TraceFile:
    return open_trace(Path(writer.path))


def events(writer: TraceWriter) -> list[Event]:
    return list(read(writer).events())


def in_threads(count: int, work: Any) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_many_threads_lose_nothing(make: Make) -> None:
    writer = make()
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:

        def work(number: int) -> None:
            for row in range(3000):
                writer.row(GOT, 0, number, writer.text(f"{number} {row % 100}"), row, 0)
            writer.end_thread()

        in_threads(8, work)
    finally:
        sys.setswitchinterval(switch)
    trace = read(writer)
    seen: dict[int, list[int]] = {}
    for event in trace.events():
        seen.setdefault(event.obj, []).append(event.a)
        assert trace.texts[event.site] == f"{event.obj} {event.a % 100}"
    assert seen == {number: list(range(3000)) for number in range(8)}
    assert not trace.gaps


def test_threads_one_after_another_share_chunks_and_keep_their_numbers(make: Make) -> None:
    writer = make()

    def work(number: int) -> None:
        writer.row(GOT, 0, number, 0, 0, 0)
        writer.end_thread()

    for number in range(50):
        in_threads(1, lambda _, number=number: work(number))
    assert [e.obj for e in events(writer)] == list(range(50))
    assert len({e.thread for e in events(writer)}) == 50, "the system's thread ids are used again, ours are not"
    assert os.stat(writer.path).st_size == HEADER_BYTES + EXTENT_BYTES


def test_threads_that_have_ended_are_forgotten_but_for_those_whose_chunks_may_go(make: Make) -> None:
    writer = make()

    def one(rows: int) -> int:
        number: int = writer.reserve_thread()
        writer.adopt_thread(number)
        for _ in range(rows):
            writer.row(GOT, 0, 1, 0, 0, 0)
        writer.end_thread()
        return number

    busy = one(3 * PER_CHUNK)
    for _ in range(5_000):
        one(3)
    assert busy in writer.current.ended
    assert len(writer.current.ended) < 2_000


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**70), 2**70), st.integers(-(2**40), 2**40), st.integers(-5, 2**40), st.integers(-5, 2**40)
        ),
        max_size=30,
    )
)
@settings(max_examples=50, deadline=None)
def test_numbers_of_any_size_break_nothing(rows: list[tuple[int, int, int, int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        writer = TraceWriter(f"{folder}/x.pmrec", {"operations": ["a.b"]}, 4 << 20)
        for a, obj, site, b in rows:
            writer.row(GOT, 0, obj, site, a, b)
        fits = [r for r in rows if -(2**63) <= r[0] < 2**63 and all(0 <= n < 2**32 for n in r[1:])]
        assert [(e.a, e.obj, e.site, e.b) for e in events(writer)] == fits


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_texts_of_any_letters_come_back(words: str) -> None:
    writer = _shared()
    number = writer.text(words)
    found = read(writer).texts.get(number, "")
    assert found == words.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


_writers: list[TraceWriter] = []


def _shared() -> TraceWriter:
    import tempfile

    if not _writers:
        _writers.append(TraceWriter(f"{tempfile.mkdtemp()}/x.pmrec", {"operations": []}, 8 << 20))
    return _writers[0]


@pytest.mark.parametrize("words", ["\ud800", "a" * 8192, "ä" * 5000, "x" * 24, "x" * 25, "\0", "\udc80"])
def test_awkward_texts(words: str, make: Make) -> None:
    writer = make()
    number = writer.text(words)
    assert number == writer.text(words)
    found = read(writer).texts[number]
    if words == "\udc80":  # how Python shows a byte of a file name that is no UTF-8
        words = "\\x80"
    assert found == words.encode("utf-8", "backslashreplace")[:8192].decode("utf-8", "backslashreplace")


class Inner:
    """Records in the middle of the writer's own work, as a finalizer or a signal handler does."""

    def __init__(self, writer: TraceWriter) -> None:
        self.writer, self.rows, self.deep = writer, 0, 0

    def __call__(self, *_: object) -> None:
        if self.deep < 2:
            self.deep += 1
            number = self.rows
            self.rows += 1
            self.writer.text(f"inner {number}")
            self.writer.row(GOT, 0, 7, 0, number, 0)
            self.deep -= 1


POINTS = ["_take_chunk", "_next_chunk", "_add_extent", "_own", "_chunk_of", "_put_text", "_recycled"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", POINTS)
def test_it_may_be_interrupted_by_itself(point: str, when: str, make: Make) -> None:
    writer = make(3 << 20)
    inner = Inner(writer)
    plain = getattr(writer, point)

    def interrupted(*arguments: Any) -> Any:
        if when == "before":
            inner()
        result = plain(*arguments)
        if when == "after":
            inner()
        return result

    setattr(writer, point, interrupted)
    writer.row = writer._make_row()
    total = PER_CHUNK * 3
    for number in range(total):
        writer.row(GOT, 0, 1, writer.text(str(number % 700)), number, 0)
    found = Counter(e.obj for e in events(writer))
    assert found[1] == total, "no row of the program's is lost, and none is there twice"
    assert found[7] == inner.rows
    assert [e.a for e in events(writer) if e.obj == 1] == list(range(total))


def test_a_signal_handler_and_finalizers_record_while_rows_are_written(make: Make) -> None:
    writer = make()
    inner = Inner(writer)

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            inner()

    before, threshold = signal.signal(signal.SIGALRM, inner), gc.get_threshold()
    gc.set_threshold(50)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0002)
    try:
        for number in range(20_000):
            writer.row(GOT, 0, 1, 0, number, 0)
            Cycle()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.set_threshold(*threshold)
        gc.collect()
    found = events(writer)
    assert [e.a for e in found if e.obj == 1] == list(range(20_000))
    assert sorted(e.a for e in found if e.obj == 7) == list(range(inner.rows)) and inner.rows > 1000


def test_an_interrupt_in_the_middle_of_a_new_chunk_goes_on_and_costs_at_most_that_chunk(make: Make) -> None:
    writer = make()
    for point in ("_take_chunk", "_chunk_of", "_own"):
        plain, left = getattr(writer, point), [1]

        def interrupted(*arguments: Any, plain: Any = plain, left: list[int] = left) -> Any:
            result = plain(*arguments)
            if left:
                left.pop()
                raise KeyboardInterrupt
            return result

        setattr(writer, point, interrupted)
    writer.row = writer._make_row()
    hits, told = 0, []
    for number in range(PER_CHUNK * 5):
        try:
            writer.row(GOT, 0, 1, 0, number, 0)
            told.append(number)
        except KeyboardInterrupt:
            hits += 1
    assert hits == 3
    assert [e.a for e in events(writer)] == told


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("closed"), MemoryError()])
def test_no_room_is_said_once_and_never_raised(error: Exception, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = make()
    writer.row(GOT, 0, 1, 0, 0, 0)

    def full(self: ExtentFile, number: int) -> Any:
        raise error

    # the traceback must look as if it came up in the file's own code
    full.__code__ = full.__code__.replace(co_filename=sys.modules["paramedic.trace.extents"].__file__ or "")
    monkeypatch.setattr(ExtentFile, "extent", full)
    total = 2 * EXTENT_BYTES // ROW_BYTES
    for number in range(total):
        writer.row(GOT, 0, 1, writer.text(f"text {number}"), number, 0)
    trace = read(writer)
    kept = len(list(trace.events()))
    reasons = [gap.reason for gap in trace.gaps]
    assert writer.full and reasons == ["chunk-dropped", "disk-full"]
    assert "--max-size" not in trace.gaps[0].detail, "a greater limit would not help"
    assert kept + writer.dropped_rows >= total


def test_an_exception_of_the_programs_in_the_middle_of_an_extent_goes_on(make: Make) -> None:
    writer = make()

    def handler(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, handler)
    plain = writer._file.extent
    left = [1]

    def slow(number: int) -> Any:
        if left:
            left.pop()
            signal.raise_signal(signal.SIGALRM)
        return plain(number)

    writer._file.extent = slow
    try:
        with pytest.raises(TimeoutError):
            for number in range(10):
                writer.row(GOT, 0, 1, 0, number, 0)
        for number in range(10):
            writer.row(GOT, 0, 1, 0, number, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert [e.a for e in events(writer)] == list(range(10))
    assert not writer.full


def test_beyond_the_limit_the_newest_rows_are_kept(make: Make) -> None:
    writer = make(3 << 20)
    total = 5 * EXTENT_BYTES // ROW_BYTES
    for number in range(total):
        writer.row(GOT, 0, 1, 0, number, 0)
    found = [e.a for e in events(writer)]
    assert found == list(range(found[0], total)), "what is kept is whole, and ends with the last row"
    assert len(found) >= EXTENT_BYTES // ROW_BYTES
    (gap,) = read(writer).gaps
    assert gap.reason == "chunk-dropped" and "--max-size" in gap.detail
    assert 0 <= gap.count - (total - len(found)) < total // PER_CHUNK, "whose row a chunk is takes a row, too"
    assert os.stat(writer.path).st_size <= 3 << 20
