"""The hot paths in C: threads, calls that are recorded whoever makes them, and ends of objects."""

from __future__ import annotations

import gc
import sys
import threading
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probing import Sites, Thing, leave_to, stored

from paramedic.model.event import Kind
from paramedic.model.thread_name import joined_name, name_parts
from paramedic.trace import native
from paramedic.trace.chunks import Chunk, Silence
from paramedic.trace.writer import TraceWriter

if native.rows is None:
    pytest.skip("built without a compiler", allow_module_level=True)
rows: Any = native.rows

Asked = list[tuple[Any, ...]]
CALL, RETURN, BEGIN, END, OWNER, FINAL = (
    int(k) << 24 for k in (Kind.CALL, Kind.RETURN, Kind.BEGIN, Kind.END, Kind.OWNER, Kind.FINAL)
)
UNMEASURED, LENGTH, NUMBER = range(3)


def begins_of(writer: TraceWriter, asked: Asked) -> Any:
    return rows.ThreadBegins(writer.current, leave_to(asked), writer.text, OWNER, BEGIN)


def in_thread(work: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def with_a_spare_chunk(writer: TraceWriter) -> None:
    def uses_one() -> None:
        writer.current_thread()
        writer.end_thread()

    in_thread(uses_one)


def test_a_thread_takes_the_chunk_of_one_that_has_ended(writer: TraceWriter, asked: Asked) -> None:
    with_a_spare_chunk(writer)
    (chunk,) = writer.current.spare
    begins, ends = begins_of(writer, asked), rows.ThreadEnds(writer.current, leave_to(asked), END)
    thread = Thing(_paramedic_thread_=9, _name="Thread-12 (work)")

    def work() -> list[Any]:
        found = [begins(thread), writer.current_thread(), len(writer.current.spare), threading.get_native_id()]
        return [*found, ends(thread, "result"), hasattr(writer.current.local, "chunk")]

    *found, native_id, result, has_one = in_thread(work)
    assert (found, result, has_one, asked) == ([thread, 9, 0], "result", False, [])
    assert list(writer.current.spare) == [chunk] and chunk.number == 9 and 9 in writer.current.ended
    text = writer.text("work")
    assert text and stored(writer) == [(Kind.BEGIN, 0, 12, 0, native_id, text), (Kind.END, 0, 0, 0, 0, 0)]


def test_a_thread_that_ends_as_recording_does_keeps_the_chunk_of_all(writer: TraceWriter, asked: Asked) -> None:
    nobodys, before = Chunk(None, 0, 0), writer.current.local

    def work() -> None:
        writer.current_thread()
        rows.Row(writer.current, leave_to([]))(int(Kind.STATE), 0, 0, 0, 0, 0)  # the page is known from now on
        writer.current.local = Silence(nobodys)
        rows.ThreadEnds(writer.current, leave_to(asked), END)("thread", "result")

    in_thread(work)
    assert (asked, list(writer.current.spare)) == ([("thread", "result")], [])
    assert writer.current.local.chunk is nobodys
    writer.current.local = before


def test_a_thread_that_is_not_to_be_told_stays_without(writer: TraceWriter, asked: Asked) -> None:
    with_a_spare_chunk(writer)
    assert in_thread(lambda: begins_of(writer, asked)(Thing(_paramedic_thread_=None, _name="x"))) is None
    assert (asked, len(writer.current.spare)) == ([], 1)


ODD_THREADS = {
    "without a number": Thing(_name="x"),
    "never started": Thing(_paramedic_thread_=0, _name="x"),
    "with another number": Thing(_paramedic_thread_="7", _name="x"),
    "without a name": Thing(_paramedic_thread_=7),
    "whose name is none": Thing(_paramedic_thread_=7, _name=3),
}


@pytest.mark.parametrize("name", ODD_THREADS)
def test_an_odd_thread_is_left_to_python(writer: TraceWriter, asked: Asked, name: str) -> None:
    with_a_spare_chunk(writer)
    thread = ODD_THREADS[name]
    assert in_thread(lambda: begins_of(writer, asked)(thread)) is None
    assert (asked, len(writer.current.spare)) == ([(thread,)], 1)


def test_without_a_spare_chunk_python_makes_one(writer: TraceWriter, asked: Asked) -> None:
    thread = Thing(_paramedic_thread_=7, _name="x")
    in_thread(lambda: begins_of(writer, asked)(thread))
    assert asked == [(thread,)]


def test_a_chunk_that_is_full_or_closed_stays_the_next(writer: TraceWriter, asked: Asked) -> None:
    thread = Thing(_paramedic_thread_=7, _name="x")
    for spoil in (lambda chunk: [*chunk.rows], lambda chunk: chunk.rows.close()):
        with_a_spare_chunk(writer)
        (chunk,) = writer.current.spare
        spoil(chunk)
        in_thread(lambda: begins_of(writer, asked)(thread))
        assert asked.pop() == (thread,) and list(writer.current.spare) == [chunk]
        writer.current.spare.clear()


def test_a_thread_that_has_recorded_something_already_is_left_to_python(writer: TraceWriter, asked: Asked) -> None:
    with_a_spare_chunk(writer)
    thread = Thing(_paramedic_thread_=7, _name="x")

    def work() -> None:
        writer.current_thread()
        writer.current.spare.append(writer.current.local.chunk)
        begins_of(writer, asked)(thread)

    in_thread(work)
    assert (asked, len(writer.current.spare)) == ([(thread,)], 1)


def test_the_end_of_a_thread_without_a_chunk_is_left_to_python(writer: TraceWriter, asked: Asked) -> None:
    assert in_thread(lambda: rows.ThreadEnds(writer.current, leave_to(asked), END)(1, 2)) is None
    assert asked == [(1, 2)]


@given(st.one_of(st.text(), st.from_regex(r"Thread-\d{1,11}( \(.{0,5}\)?)?")))
def test_a_name_is_the_same_again(name: str) -> None:
    number, words = name_parts(name)
    assert joined_name(number, words) == name
    assert number or words == name


NAMES = {
    "Thread-7": (7, ""),
    "Thread-7 (run)": (7, "run"),
    "Thread-999999999 (f)": (999999999, "f"),
    "Thread-7 (a (b))": (7, "a (b)"),
    **{
        name: (0, name)
        for name in (
            "Thread-", "Thread-0", "Thread-07", "Thread-1234567890", "Thread-7 ", "Thread-7 (", "Thread-7 ()",
            "Thread-7(f)", "Thread-7 (f", "Thread-7 f)", "Thread-+7", "Thread-7_0", "Thread-\u0663", "Thread-7x",
            "", "x", "MainThread",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_both_cores_take_a_name_apart_alike(writer: TraceWriter, asked: Asked, name: str) -> None:
    assert name_parts(name) == NAMES[name]
    with_a_spare_chunk(writer)
    in_thread(lambda: begins_of(writer, asked)(Thing(_paramedic_thread_=7, _name=name)))
    (begun,) = stored(writer)
    assert (begun[2], begun[5]) == (NAMES[name][0], writer.text(NAMES[name][1]))


def entered(enter: Any, thing: Any, *values: Any) -> Any:
    """What a watched function gets whose caller's stacks are known."""

    def function() -> Any:
        return enter(thing, *values)

    sys._getframe().f_trace = Sites([5] * 400)
    return function()


def enter_of(writer: TraceWriter, asked: Asked, arguments: Any = None, walked: Any = None, failed: Any = None) -> Any:
    return rows.Enter(
        writer.current, leave_to(asked), lambda frame: walked, arguments, failed or leave_to([]), CALL + 1
    )


def test_a_call_is_stored_and_what_it_is_given(writer: TraceWriter, asked: Asked) -> None:
    writer.current_thread()
    thing = Thing(_paramedic_id_=7)
    assert entered(enter_of(writer, asked), thing) == 7
    assert entered(enter_of(writer, asked, lambda it, *given: (-2, len(given))), thing, 1, 2) == 7
    assert enter_of(writer, asked, walked=8)(thing) == 7  # nothing is kept with this frame
    assert asked == []
    assert stored(writer) == [(Kind.CALL, 1, 7, 5, -1, 0), (Kind.CALL, 1, 7, 5, -2, 2), (Kind.CALL, 1, 7, 8, -1, 0)]


@pytest.mark.parametrize("walked", [-1, None, "8"])
def test_a_stack_that_is_silent_or_not_known_is_left_to_python(writer: TraceWriter, asked: Asked, walked: Any) -> None:
    writer.current_thread()
    thing = Thing(_paramedic_id_=7)
    assert enter_of(writer, asked, walked=walked)(thing, "x") is None
    assert (asked, stored(writer)) == ([(thing, "x")], [])


def test_what_the_arguments_raise_is_told_and_the_call_not_recorded(writer: TraceWriter, asked: Asked) -> None:
    writer.current_thread()
    failed: Asked = []
    enter = enter_of(writer, asked, lambda *_: 1 // 0, failed=leave_to(failed))
    assert entered(enter, Thing(_paramedic_id_=7)) is None
    assert [type(error) for (error,) in failed] == [ZeroDivisionError]
    assert (asked, stored(writer)) == ([], [])


def interrupted(*_: Any) -> Any:
    raise KeyboardInterrupt


def test_ctrl_c_in_the_middle_goes_on(writer: TraceWriter, asked: Asked) -> None:
    writer.current_thread()
    with pytest.raises(KeyboardInterrupt):
        entered(enter_of(writer, asked, interrupted), Thing(_paramedic_id_=7))
    with pytest.raises(KeyboardInterrupt):
        rows.Enter(writer.current, leave_to(asked), interrupted, None, leave_to([]), CALL)(Thing(_paramedic_id_=7))
    assert asked == []


RETURNED = {"nothing": (UNMEASURED, [1], 0), "bytes": (LENGTH, b"abc", 3), "a list": (LENGTH, [1], None)}


@pytest.mark.parametrize("name", RETURNED)
def test_an_end_is_stored_or_left_to_python(writer: TraceWriter, asked: Asked, name: str) -> None:
    writer.current_thread()
    how, result, size = RETURNED[name]
    left = rows.Leave(writer.current, leave_to(asked), RETURN + 1, how)(7, result)
    assert left is (result if size is not None else None)
    assert asked == ([] if size is not None else [(7, result)])
    assert stored(writer) == ([] if size is None else [(Kind.RETURN, 1, 7, 0, size, 0)])


def test_the_end_of_an_object_is_stored_once(writer: TraceWriter, asked: Asked) -> None:
    writer.current_thread()
    kept: dict[int, Any] = {}
    gone = rows.Gone(writer.current, leave_to(asked), kept, FINAL)
    end_of, thing = rows.EndOf(None, leave_to(asked), gone, kept), Thing()
    end_of(thing, 7)
    assert len(kept) == 1 and stored(writer) == []
    del thing
    assert (kept, asked, stored(writer)) == ({}, [], [(Kind.FINAL, 0, 7, 0, 1, 0)])
    end_of(3, 7)  # which nothing can refer to weakly
    gone(end_of)
    assert asked == [(3, 7), (end_of,)]


def test_no_memory_is_kept(writer: TraceWriter) -> None:
    """A reference too many in any of them keeps an object of each turn."""
    kept: dict[int, Any] = {}

    def left(*_: Any) -> None:
        return None

    gone = rows.Gone(writer.current, left, kept, FINAL)
    end_of = rows.EndOf(None, left, gone, kept)
    enter = rows.Enter(writer.current, left, lambda frame: 3, lambda *given: (len(given), 1), left, CALL)
    raising = rows.Enter(writer.current, left, lambda frame: 3, lambda *_: 1 // 0, left, CALL)
    leave = rows.Leave(writer.current, left, RETURN, LENGTH)
    begins = rows.ThreadBegins(writer.current, left, writer.text, OWNER, BEGIN)
    ends = rows.ThreadEnds(writer.current, left, END)
    threads = [
        SimpleNamespace(_paramedic_thread_=number, _name=name)
        for number in (7, None, 0)
        for name in ("Thread-7 (f)", "Thread-8", "mine", 5)
    ]

    def turn() -> None:
        writer.current_thread()
        thing = Thing(_paramedic_id_=7)
        end_of(thing, 7)
        end_of(3, 7)
        enter(thing, None), raising(thing), enter(Thing())
        leave(7, b"bytes")
        leave(7, thing)
        del thing  # while the thread has a page
        writer.row(20, 1, 2, 3, 1 << 40, 4)  # turns the page where that is full
        writer.end_thread()
        for thread in threads:
            begins(thread)
            ends(thread, None)

    def work() -> int:
        for _ in range(500):
            turn()
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(3000):
            turn()
        writer.current.ended.clear()  # a number for each thread
        gc.collect()
        return sys.getallocatedblocks() - before

    with_a_spare_chunk(writer)
    assert isinstance(writer.current.spare, deque)
    assert in_thread(work) < 300
