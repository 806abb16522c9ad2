"""The hot paths in C: births, texts and the arguments of calls."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest
from probing import Sites, Thing, called, leave_to, stored

from paramedic.model.event import Kind
from paramedic.trace import native
from paramedic.trace.layout import CHUNK_BYTES, ROW_BYTES
from paramedic.trace.writer import TraceWriter

if native.rows is None:
    pytest.skip("built without a compiler", allow_module_level=True)
rows: Any = native.rows

Asked = list[tuple[Any, ...]]
CALL, LATER, NEW, SPAN = (int(k) << 24 for k in (Kind.CALL, Kind.LATER, Kind.NEW, Kind.SPAN))
OTHERS = 1


class Rigid:
    """Takes no attributes."""

    __slots__ = ()
    _paramedic_id_ = 0


class Guarded(Thing):
    """Has a hook of the program's."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AssertionError(name)


class Filling(Thing):
    """Takes all places of the page as it gets its id: so can finalizers that the collector runs there."""

    places: Any = ()

    @property
    def _paramedic_id_(self) -> int:
        return 0

    @_paramedic_id_.setter
    def _paramedic_id_(self, given: int) -> None:
        list(self.places)


def unexpected(error: Exception) -> None:
    raise error


CLASSES: dict[type, int] = dict.fromkeys((Thing, Rigid, Guarded, Filling), 1)


def adopt_of(writer: TraceWriter, asked: Asked, stack: Any = 9) -> Any:
    ids = iter(range(70, 90))
    writer.current_thread()
    return rows.Adopt(writer.current, leave_to(asked), CLASSES, ids.__next__, lambda frame: stack, NEW)


def test_a_birth_is_stored(writer: TraceWriter, asked: Asked) -> None:
    adopt, thing, guarded, given = adopt_of(writer, asked), Thing(), Guarded(), Thing()
    assert adopt(thing, 5, 0, sys._getframe()) == thing._paramedic_id_ == 70
    assert adopt(guarded, 0, 2, None) == guarded._paramedic_id_ == 71
    assert adopt(given, 0, 0, None, 44) == given._paramedic_id_ == 44
    assert asked == []
    assert stored(writer) == [(Kind.NEW, 1, 70, 9, 5, 0), (Kind.NEW, 1, 71, 0, 0, 2), (Kind.NEW, 1, 44, 0, 0, 0)]


def test_a_birth_for_which_no_place_is_left_is_left_to_python(writer: TraceWriter, asked: Asked) -> None:
    adopt, thing = adopt_of(writer, asked), Filling()
    chunk = writer.current.local.chunk
    thing.places, end = chunk.rows, chunk.start + CHUNK_BYTES
    beyond = chunk.mapping[end : end + ROW_BYTES]
    assert adopt(thing, 5, 0, None) is None
    assert asked == [(thing, 5, 0, None)]
    assert chunk.mapping[end : end + ROW_BYTES] == beyond, "it is another's"


ODD_BIRTHS: dict[str, tuple[Any, ...]] = {
    "a class that is not known": (object(), 0, 0, None),
    "one that takes nothing": (Rigid(), 0, 0, None),
    "an odd parent": (Thing(), -1, 0, None),
    "a parent that is no number": (Thing(), "5", 0, None),
    "an odd number": (Thing(), 0, 1 << 40, None),
    "too few": (Thing(), 0, 0),
}


@pytest.mark.parametrize("words", ODD_BIRTHS.values(), ids=ODD_BIRTHS)
def test_an_odd_birth_is_left_to_python(writer: TraceWriter, asked: Asked, words: tuple[Any, ...]) -> None:
    assert adopt_of(writer, asked)(*words) is None
    assert asked == [words]
    assert stored(writer) == []


@pytest.mark.parametrize("stack", [None, -1, "9", 1 << 40])
def test_a_birth_with_an_odd_stack_is_left_to_python(writer: TraceWriter, asked: Asked, stack: Any) -> None:
    thing = Thing()
    assert adopt_of(writer, asked, stack)(thing, 0, 0, sys._getframe()) is None
    assert len(asked) == 1 and not hasattr(thing, "_paramedic_id_")


def test_what_interrupts_a_birth_goes_on(writer: TraceWriter, asked: Asked) -> None:
    def interrupted(_: Any) -> int:
        raise KeyboardInterrupt

    writer.current_thread()
    adopt = rows.Adopt(writer.current, leave_to(asked), CLASSES, iter(range(70, 90)).__next__, interrupted, NEW)
    with pytest.raises(KeyboardInterrupt):
        adopt(Thing(), 0, 0, sys._getframe())
    assert asked == []


def made_in(born: Any, thing: Any) -> bool:
    """As the `__init__` of a rewritten class."""
    answer: bool = born[thing]
    return answer


def test_who_makes_an_object_is_asked_once(writer: TraceWriter, asked: Asked) -> None:
    ends: Asked = []
    frames: list[Any] = []
    ids = iter(range(70, 90))
    writer.current_thread()

    def stack_of(frame: Any) -> int:
        frames.append(frame.f_code.co_name)
        return 9

    adopt = rows.Adopt(writer.current, leave_to(asked), CLASSES, ids.__next__, stack_of, NEW)
    born, thing = rows.Born(None, adopt, leave_to(ends), unexpected), Thing(_paramedic_id_=0)
    assert [made_in(born, thing), made_in(born, thing)] == [False, False]
    assert (ends, frames, asked) == ([(thing, 70)], ["test_who_makes_an_object_is_asked_once"], [])
    assert made_in(born, Thing()) and made_in(born, Thing(_paramedic_id_="odd"))
    assert stored(writer) == [(Kind.NEW, 1, 70, 9, 0, 0)]


def test_a_text_is_found_or_left_to_python(writer: TraceWriter) -> None:
    known = writer.text("words")
    asked: Asked = []
    text = rows.Text(writer.current, leave_to(asked))
    assert (known, text("words"), writer.text("words")) == (1, 1, 1)
    for odd in ("", "others", 3, None, type("Words", (str,), {})("words")):
        assert text(odd) is None
    assert text() is None
    assert len(asked) == 6


ARGUMENTS: dict[str, tuple[Any, list[tuple[int, ...]]]] = {
    "nothing": ((-1, 0), [(Kind.CALL, 1, 7, 5, -1, 0)]),
    "in the flags": ((254 - 1, 0), [(Kind.CALL, 1, 7, 5, 253, 0)]),
    "too large for the flags": ((255, 0), [(Kind.CALL, 1, 7, 5, 255, 0)]),
    "a text": ((30_000, 12), [(Kind.CALL, 1, 7, 5, 30_000, 12)]),
    "nothing and a text": ((-1, 12), [(Kind.CALL, 1, 7, 5, -1, 12)]),
}


def with_arguments(writer: TraceWriter, asked: Asked, arguments: Any, asks_caller: int = 0) -> Any:
    writer.current_thread()
    kinds = (SPAN + 1, OTHERS, asks_caller, CALL + 1, LATER + 1)
    return rows.Begin(writer.current, leave_to(asked), None, None, arguments, unexpected, *kinds)


@pytest.mark.parametrize("found, events", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_are_stored(
    writer: TraceWriter, asked: Asked, found: tuple[int, int], events: list[tuple[int, ...]]
) -> None:
    given: Asked = []

    def arguments(*words: Any) -> tuple[int, int]:
        given.append(words)
        return found

    begin, thing = with_arguments(writer, asked, arguments), Thing(_paramedic_id_=7)
    call = called(begin, (thing, "timeout", "host"), Sites([5] * 400))
    assert (given, asked) == ([(thing, "timeout", "host")], [])
    assert call.end(3)
    assert stored(writer) == [*events, (Kind.RETURN, 1, 7, 0, 3, 0)]


def test_the_caller_is_given_where_it_is_asked_for(writer: TraceWriter, asked: Asked) -> None:
    given: Asked = []

    def arguments(*words: Any) -> tuple[int, int]:
        given.append(words)
        return 1, 0

    begin, thing = with_arguments(writer, asked, arguments, 1), Thing(_paramedic_id_=7)
    assert called(begin, thing, Sites([5] * 400)).end(0)
    ((first, frame),) = given
    assert (first, frame.f_code, asked) == (thing, called.__code__, [])


def failing(*_: Any) -> tuple[int, int]:
    raise ValueError


ODD_ARGUMENTS: list[Callable[..., Any] | None] = [
    None, *(lambda *_, found=found: found for found in (None, (1, 2, 3), ("1", 2), (1 << 70, 0), (1, -1)))
]  # fmt: skip


@pytest.mark.parametrize("arguments", ODD_ARGUMENTS)
def test_odd_arguments_are_left_to_python(writer: TraceWriter, asked: Asked, arguments: Any) -> None:
    begin, thing = with_arguments(writer, asked, arguments), Thing(_paramedic_id_=7)
    assert not called(begin, (thing, "timeout"), Sites([5] * 400))
    assert not called(begin, (thing, *range(9)), Sites([5] * 400))
    assert [len(words) for words in asked] == [3, 8]
    assert stored(writer) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_comes_up_in_python_is_told_or_goes_on(writer: TraceWriter, error: type[BaseException]) -> None:
    """An exception of a signal handler that strikes there is the program's, and is not to be lost."""
    told: list[Exception] = []
    passes_on = False

    def raising(*_: Any) -> Any:
        raise error

    def failed(raised: Exception) -> None:
        told.append(raised)
        if passes_on:
            raise raised

    writer.current_thread()
    kinds = (SPAN + 1, OTHERS, 0, CALL + 1, LATER + 1)
    begin = rows.Begin(writer.current, raising, None, None, raising, failed, *kinds)
    ids = iter(range(70, 90)).__next__
    adopts = [
        rows.Adopt(writer.current, raising, CLASSES, ids, raising, NEW),
        rows.Adopt(writer.current, raising, CLASSES, raising, lambda _: 1, NEW),
    ]
    goes_well = rows.Adopt(writer.current, raising, CLASSES, ids, lambda _: 1, NEW)
    borns = [*(rows.Born(None, adopt, None, failed) for adopt in adopts), rows.Born(None, goes_well, raising, failed)]
    calls: list[Callable[[], Any]] = [lambda: called(begin, (Thing(_paramedic_id_=7), 1), Sites([5] * 400))]
    calls += [lambda born=born: made_in(born, Thing(_paramedic_id_=0)) for born in borns]
    for passes_on in (False, True):
        for call in calls:
            if passes_on or error is KeyboardInterrupt:
                with pytest.raises(error):
                    call()
            else:
                assert not call()
    assert [type(raised) for raised in told] == [error] * (8 if error is ValueError else 0)
    for adopt in adopts:
        with pytest.raises(error):
            adopt(Thing(), 0, 0, sys._getframe())


def test_two_rows_are_not_torn_apart_by_the_end_of_a_page(writer: TraceWriter, asked: Asked) -> None:
    begin, thing = with_arguments(writer, asked, lambda *_: (-1, 12)), Thing(_paramedic_id_=7)
    page = writer.current.local.chunk.rows
    left = sum(1 for _ in page)
    writer.current.local.chunk = None
    rows.Page.forget()
    mapping = bytearray(32 * left)
    for room in (0, 1, 2):
        writer.current.local.chunk = Thing(rows=rows.Page(mapping, left - room, left))
        rows.Page.forget()
        assert bool(called(begin, (thing, 1), Sites([5] * 400))) == (room == 2)
    assert len(asked) == 2
    assert [at for at in range(left) if any(mapping[32 * at : 32 * at + 32])] == [left - 2, left - 1]


def test_no_memory_is_kept(writer: TraceWriter) -> None:
    """A reference too many in any of them keeps an object of each turn."""
    count = iter(range(100_000, 1_000_000))
    writer.current_thread()
    adopt = rows.Adopt(writer.current, lambda *_: 1, CLASSES, count.__next__, lambda _: next(count), NEW)
    born = rows.Born(None, adopt, lambda *_: next(count), unexpected)
    begin = rows.Begin(
        writer.current,
        lambda *_: None,
        None,
        None,
        lambda *_: (next(count), next(count)),
        unexpected,
        SPAN,
        OTHERS,
        0,
        CALL,
        LATER,
    )
    failed = rows.Begin(
        writer.current, lambda *_: None, None, None, failing, lambda _: None, SPAN, OTHERS, 0, CALL, LATER
    )
    sites = Sites([5] * 4000)
    text = rows.Text(writer.current, lambda _: next(count))

    def turn() -> None:
        thing = Thing(_paramedic_id_=0)
        assert made_in(born, thing) is False
        adopt(object(), next(count), 0, None)
        adopt(Rigid(), next(count), 0, None)
        writer.row(int(Kind.GOT), 0, 1, 0, 0, 0)  # gets the next page
        if call := called(begin, (thing, next(count)), sites):
            call.end(1)
        called(failed, (thing, next(count)), sites)
        text(f"{next(count)}")

    for _ in range(1000):
        turn()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(3000):
        turn()
    gc.collect()
    assert sys.getallocatedblocks() - before < 300
