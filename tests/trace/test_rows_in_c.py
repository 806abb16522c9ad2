"""The hot paths in C: each leaves to Python what is not as expected, keeps no memory, and stores what Python would."""

from __future__ import annotations

import gc
import io
import sys
import threading
from collections import Counter
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import probing
import pytest
from probing import Sites, Thing, called, leave_to, stored

from paramedic.model.event import Kind
from paramedic.record.paramiko_calls import _relative
from paramedic.record.probe import milliseconds
from paramedic.trace import native
from paramedic.trace.writer import TraceWriter

if native.rows is None:
    pytest.skip("built without a compiler", allow_module_level=True)
rows: Any = native.rows

SPAN, STATE, WIRE = (int(k) << 24 for k in (Kind.SPAN, Kind.STATE, Kind.WIRE))
UNMEASURED, LENGTH, NUMBER, TOLD, STREAMS = range(5)
NOTHING, OTHERS, OWN, FILE, GIVEN, PATH = range(6)
EXIT_STATUS = b"\x62\0\0\0\0\0\0\x0bexit-status\0\0\0\0"


ODD_IDS: list[Any] = [0, -1, 1 << 32, 1 << 70, "7", None, 2.5, True]


def test_a_call_is_stored_and_its_end(writer: TraceWriter, asked: list[tuple[Any, ...]]) -> None:
    end = rows.End(None, leave_to(asked), None, None, LENGTH)
    begin = rows.Begin(writer.current, leave_to(asked), None, None, None, None, end, SPAN + 1, NOTHING)
    writer.current_thread()
    call = called(begin, Thing(_paramedic_id_=7), Sites([5] * 400))
    assert call and call[b"four"] == b"four"
    assert asked == []
    assert stored(writer) == [(Kind.CALL, 1, 7, 5, -1, 0), (Kind.RETURN, 1, 7, 0, 4, 0)]


@pytest.mark.parametrize("given", ODD_IDS)
def test_an_odd_id_is_left_to_python(writer: TraceWriter, asked: list[tuple[Any, ...]], given: Any) -> None:
    thing, writer_thread = Thing(_paramedic_id_=given), writer.current_thread()
    begin = rows.Begin(writer.current, leave_to(asked), None, None, SPAN + 1, NOTHING)
    assert writer_thread and not called(begin, thing, Sites([5] * 400))
    assert [words[0] for words in asked] == [thing]
    assert stored(writer) == []


@pytest.mark.parametrize("sites", [Sites([]), Sites([None] * 400), Sites({}), Sites([-1] * 400), lambda *_: None])
def test_an_unknown_stack_is_left_to_python(writer: TraceWriter, asked: list[tuple[Any, ...]], sites: Any) -> None:
    writer.current_thread()
    begin = rows.Begin(writer.current, leave_to(asked), None, None, SPAN + 1, NOTHING)
    assert not called(begin, (Thing(_paramedic_id_=7), "timeout"), sites)
    (thing, frame, timeout), *others = asked
    assert (thing._paramedic_id_, frame.f_code, timeout, others) == (7, called.__code__, "timeout", [])


def test_a_thread_that_has_no_page_yet_is_left_to_python(writer: TraceWriter, asked: list[tuple[Any, ...]]) -> None:
    begin = rows.Begin(writer.current, leave_to(asked), None, None, SPAN + 1, NOTHING)
    assert not called(begin, Thing(_paramedic_id_=7), Sites([5] * 400))
    assert len(asked) == 1


def test_who_is_called_from_inside_is_not_recorded(writer: TraceWriter, asked: list[tuple[Any, ...]]) -> None:
    begin = rows.Begin(writer.current, leave_to(asked), rows.Inside({probing.__file__}, set()), None, SPAN + 1, NOTHING)
    call = called(begin, Thing(_paramedic_id_=7), None)
    assert not call and call[asked] is asked
    assert asked == []


ARGUMENTS: dict[str, tuple[int, Any, int | None]] = {
    "nothing": (NOTHING, Thing(_paramedic_id_=7), -1),
    "others": (OTHERS, Thing(_paramedic_id_=7), None),
    "no timeout of its own": (OWN, Thing(_paramedic_id_=7, timeout=None), -1),
    "one of its own": (OWN, Thing(_paramedic_id_=7, timeout=0.0), 0),
    "a number": (OWN, Thing(_paramedic_id_=7, timeout=3), 3000),
    "a long one": (OWN, Thing(_paramedic_id_=7, timeout=86400.5), 86_400_500),
    "one that is no number": (OWN, Thing(_paramedic_id_=7, timeout="3"), None),
    "a negative one": (OWN, Thing(_paramedic_id_=7, timeout=-1.0), None),
    "a very long one": (OWN, Thing(_paramedic_id_=7, timeout=1e300), None),
    "one that is not a number": (OWN, Thing(_paramedic_id_=7, timeout=float("nan")), None),
    "it has no such attribute": (OWN, Thing(_paramedic_id_=7), None),
    "a file's channel has none": (FILE, Thing(_paramedic_id_=7, channel=Thing(timeout=None)), -1),
    "a file's channel has one": (FILE, Thing(_paramedic_id_=7, channel=Thing(timeout=0.1)), 100),
    "a file without channel": (FILE, Thing(_paramedic_id_=7), None),
    "a file of another kind": (FILE, SimpleNamespace(_paramedic_id_=7), -1),
    "none is given": (GIVEN, (Thing(_paramedic_id_=7), None), -1),
    "one is given": (GIVEN, (Thing(_paramedic_id_=7), 3.5), 3500),
    "one of another class": (GIVEN, (Thing(_paramedic_id_=7), Fraction(7, 2)), None),
    "nothing is passed": (GIVEN, Thing(_paramedic_id_=7), None),
    "a path": (PATH, (Thing(_paramedic_id_=7), "a/b"), 1),
    "an absolute one": (PATH, (Thing(_paramedic_id_=7), "/a/b"), 0),
    "an empty one": (PATH, (Thing(_paramedic_id_=7), ""), 1),
    "one in bytes": (PATH, (Thing(_paramedic_id_=7), b"/a"), None),
    "a path of another class": (PATH, (Thing(_paramedic_id_=7), Path("/a")), None),
    "none": (PATH, Thing(_paramedic_id_=7), None),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_is_recorded_of_arguments_or_left_to_python(
    writer: TraceWriter, asked: list[tuple[Any, ...]], name: str
) -> None:
    what, key, expected = ARGUMENTS[name]
    writer.current_thread()
    kinds = (SPAN + 1, what, 0, (int(Kind.CALL) << 24) + 1, (int(Kind.LATER) << 24) + 1)
    begin = rows.Begin(writer.current, leave_to(asked), None, Thing, None, None, None, *kinds)
    assert (bool(called(begin, key, Sites([5] * 400))), asked == []) == (expected is not None, expected is not None)
    told = [words[4] for words in stored(writer) if words[0] == Kind.CALL]
    assert told == ([] if expected is None else [expected])
    if expected is not None and type(key) is tuple:
        (as_python,) = {milliseconds(key[1]) if what == GIVEN else _relative(*key)[0]}
        assert expected == as_python


RESULTS: dict[str, tuple[int, Any, int | None]] = {
    "nothing is measured": (UNMEASURED, object(), 0),
    "NotImplemented, which no operator can return": (UNMEASURED, NotImplemented, 0),
    "bytes": (LENGTH, b"abc", 3),
    "a text": (LENGTH, "abcd", 4),
    "no bytes": (LENGTH, None, 0),
    "something else that has a length": (LENGTH, [1], None),
    "a status": (NUMBER, 255, 255),
    "no status": (NUMBER, -1, None),
    "a great number": (NUMBER, 1 << 32, None),
    "true": (NUMBER, True, 1),
    "false": (NUMBER, False, 0),
    "something else": (NUMBER, "x", None),
    "what is always told": (TOLD, b"abc", None),
    "what is always told, also of nothing": (TOLD, None, None),
    "streams that are none": (STREAMS, (1, 2, 3), None),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_measured_or_left_to_python(writer: TraceWriter, asked: list[tuple[Any, ...]], name: str) -> None:
    how, result, size = RESULTS[name]
    end = rows.End(None, leave_to(asked), None, None, how)
    call = begun(writer, end)
    assert call[result] is result
    assert asked == ([(call, result)] if size is None else [])
    assert [words[4] for words in stored(writer) if words[0] == Kind.RETURN] == ([] if size is None else [size])


def begun(writer: TraceWriter, end: Any) -> Any:
    """A call that Python has begun."""

    def python(*_: object) -> Any:
        return writer.span(int(Kind.SPAN), 1, 7, 5)

    return rows.Begin(writer.current, python, None, None, None, None, end, 0, OTHERS)[Thing()]


def test_what_python_raises_goes_on(writer: TraceWriter) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    begin = rows.Begin(writer.current, interrupted, None, None, SPAN + 1, OTHERS)
    end = rows.End(None, interrupted, None, None, TOLD)
    with pytest.raises(KeyboardInterrupt):
        begin[Thing()]
    with pytest.raises(KeyboardInterrupt):
        begun(writer, end)[1]


def test_what_interrupts_somebodys_attribute_goes_on_and_its_errors_do_not(
    writer: TraceWriter, asked: list[tuple[Any, ...]]
) -> None:
    class Odd:
        error: type[BaseException] = ValueError

        @property
        def _paramedic_id_(self) -> int:
            raise self.error

    begin = rows.Begin(writer.current, leave_to(asked), None, None, SPAN + 1, NOTHING)
    called(begin, Odd(), Sites([5] * 400))
    assert len(asked) == 1
    Odd.error = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        called(begin, Odd(), Sites([5] * 400))


@pytest.mark.parametrize("words", [(5, 1, 2, 3, -4, 6), (5, 1, 2, 3, (1 << 63) - 1, (1 << 32) - 1), (5, 0, 0, 0, 0, 0)])
def test_a_row_is_stored_as_python_does(writer: TraceWriter, words: tuple[int, ...]) -> None:
    writer.row(*words)
    kind, op, obj, site, a, b = words
    assert stored(writer) == [(kind, op, obj, site, a, b)]


@pytest.mark.parametrize(
    "at, value", [(1, 1 << 24), (2, -1), (2, 1 << 32), (4, 1 << 63), (5, "x"), (0, 300), (3, None)]
)
def test_a_row_that_has_no_room_in_its_fields_is_left_to_python(
    writer: TraceWriter, asked: list[tuple[Any, ...]], at: int, value: Any
) -> None:
    words: list[Any] = [5, 1, 2, 3, 4, 6]
    words[at] = value
    writer.current_thread()
    assert rows.Row(writer.current, leave_to(asked))(*words) is None
    assert asked == [tuple(words)]
    assert rows.Row(writer.current, leave_to(asked))() is None
    with pytest.raises(TypeError):
        writer.row()  # type: ignore[call-arg]


def message(raw: bytes) -> Any:
    packet = io.BytesIO()
    packet.write(raw)
    return Thing(packet=packet)


def test_the_ends_of_streams_are_stored_and_other_messages_are_not(
    writer: TraceWriter, asked: list[tuple[Any, ...]]
) -> None:
    writer.current_thread()
    sent = rows.Sent(writer.current, leave_to(asked), WIRE)
    transport = Thing(_paramedic_id_=9)
    for raw in (b"\x60\0\0\1\2", b"\x61\0\0\0\3", b"\x5e\0\0\0\3", b"", b"\x60\0\0\0", EXIT_STATUS):
        sent[transport] = message(raw)
    rows.Received(writer.current, leave_to(asked), WIRE + 97)[Thing(transport=transport, chanid=4)]
    assert asked == []
    assert [words[:5] for words in stored(writer)] == [
        (Kind.WIRE, 96, 9, 0, 258), (Kind.WIRE, 97, 9, 0, 3), (Kind.WIRE, 97, 9, 0, 4),
    ]  # fmt: skip


def test_an_exit_status_is_stored_once(writer: TraceWriter, asked: list[tuple[Any, ...]]) -> None:
    writer.current_thread()
    requested = rows.Requested(writer.current, leave_to(asked), STATE + 3)
    channel = Thing(_paramedic_id_=9, status_event=Thing(_flag=False))
    told = b"\0\0\0\0" + EXIT_STATUS[4:19] + b"\0"
    for raw in (told + b"\0\0\1\0", told[:10], b"\0\0\0\0\0\0\0\x0bexit-signal\0" + b"\0" * 20):
        requested[channel] = message(raw)
    channel.status_event._flag = True
    requested[channel] = message(told + b"\0\0\0\1")
    assert asked == []
    assert [words[:5] for words in stored(writer)] == [(Kind.STATE, 3, 9, 0, 256)]
    requested[Thing(_paramedic_id_=9)] = message(told)
    assert len(asked) == 1


@pytest.mark.parametrize("broken", [Thing(), None, 3, Thing(packet=3), Thing(packet=Thing(tell=lambda: "x"))])
def test_a_message_that_is_none_is_left_to_python(
    writer: TraceWriter, asked: list[tuple[Any, ...]], broken: Any
) -> None:
    rows.Sent(writer.current, leave_to(asked), WIRE)[Thing(_paramedic_id_=9)] = broken
    rows.Requested(writer.current, leave_to(asked), STATE)[broken] = broken
    rows.Received(writer.current, leave_to(asked), WIRE)[broken]
    rows.Confirmed(writer.current, leave_to(asked), set(), int, 0, 1)[broken] = broken
    assert len(asked) == 4
    assert rows.ChannelEnds(writer.current, None, 0)[broken] is True
    assert rows.FileEnds(None, None, Thing(references=0), None, 9)[broken] == 0


def channel_of(given: int, **attributes: Any) -> Any:
    lock = threading.Lock()
    usual = {"closed": True, "eof_sent": True, "lock": lock, "_paramedic_id_": given}
    return Thing(**{**usual, **attributes})


def test_a_lock_that_does_not_say_whether_it_is_held_is_left_to_python(writer: TraceWriter) -> None:
    """An RLock, as channels of `paramedic.safe` have; nothing that it raises may come to the program."""
    channel = channel_of(9, lock=threading.RLock())
    assert rows.ChannelEnds(writer.current, None, 0)[channel] is True
    file = Thing(_paramedic_id_=2, channel=channel)
    assert rows.FileEnds(None, None, Thing(references=1 << 20), Thing, 9)[file] > 0
    for broken in (Thing(_paramedic_id_=2), Thing(_paramedic_id_=2, channel=Thing())):
        assert rows.FileEnds(None, None, Thing(references=1 << 20), Thing, 9)[broken] > 0


def test_the_end_of_a_channel_is_stored_where_nothing_is_left_to_send(writer: TraceWriter) -> None:
    writer.current_thread()
    ends = rows.ChannelEnds(writer.current, None, int(Kind.FINAL) << 24)
    locked = threading.Lock()
    locked.acquire()
    looked = [
        ends[channel_of(1)],
        ends[channel_of(0)],
        ends[channel_of(2, closed=False)],
        ends[channel_of(3, lock=locked)],
    ]
    assert looked == [False, False, True, True]
    assert [words[2] for words in stored(writer)] == [1]


def test_pages_know_their_bounds_and_what_is_closed() -> None:
    mapping = bytearray(320)
    for first, end in ((0, 11), (5, 4), (1 << 31, 1 << 32)):
        with pytest.raises((ValueError, OverflowError)):
            rows.Page(mapping, first, end)
    page = rows.Page(mapping, 8, 10)
    with pytest.raises(BufferError):
        mapping.clear()
    with pytest.raises(ValueError):
        page.call(10)
    call = page.call(9)
    assert list(page) == [8, 9] and list(page) == []
    assert (call.end(-1), call.end(1 << 32), call.end(5)) == (False, False, True)
    page.close()
    before = bytes(mapping)
    assert (call.end(6), call.ended_otherwise(), bytes(mapping)) == (True, 0, before)
    with pytest.raises(TypeError):
        rows.Call()


def test_a_walk_finds_what_is_known_and_leaves_the_rest_to_python(asked: list[tuple[Any, ...]]) -> None:
    good = type("Good", (Sites,), {"__slots__": ()})
    walker = rows.Walker([good], lambda frame: asked.append((frame,)) or 77, {}, 6)
    frame = sys._getframe()
    assert (walker(frame), walker(None)) == (77, 77)
    frame.f_trace = lines = good([5] * 4000)  # type: ignore[assignment]

    def inner() -> tuple[int, Any]:
        found = walker(sys._getframe())
        return found, sys._getframe().f_trace

    assert walker(frame) == 5
    apart = good([])
    apart.apart = {5: [7] * 1000, 6: [9] * 1000}
    lines.calls = {at: {id(inner.__code__): apart} for at in range(4000)}
    traced = sys.gettrace()
    assert inner() == (9, None if traced else apart)
    frame.f_trace = None


def test_no_memory_is_kept(writer: TraceWriter) -> None:
    """A reference too many in any of them keeps an object of each turn."""
    nothing = leave_to([])
    good = type("Good", (Sites,), {"__slots__": ()})
    sites = good([5] * 4000)
    lines, channels = {"n": 0}, {1}

    def left(*_: Any) -> None:
        lines["n"] += 1

    def new_id() -> int:
        lines["n"] += 1
        return lines["n"] + 100_000

    end = rows.End(None, left, Thing, Thing, STREAMS, 1 << 29)
    begin = rows.Begin(writer.current, left, None, None, None, None, end, SPAN + 1, GIVEN)
    walker = rows.Walker([good], left, {}, 6)
    sent, received = rows.Sent(writer.current, left, WIRE), rows.Received(writer.current, left, WIRE)
    requested = rows.Requested(writer.current, left, STATE)
    confirmed = rows.Confirmed(writer.current, left, {70_001}, new_id, 0, 1)
    channel_ends = rows.ChannelEnds(writer.current, None, 0)
    file_ends = rows.FileEnds(None, None, Thing(references=0), Thing, 1 << 31)
    transport = Thing(_paramedic_id_=70_001, channel_events=channels)
    closing, odd = message(b"\x60\0\0\1\2"), message(b"\x60\0")
    status = message(b"\0\0\0\0" + EXIT_STATUS[4:19] + b"\0\0\0\1\0")

    def turn() -> None:
        channel = channel_of(0, chanid=1, in_window_size=5, transport=transport, status_event=Thing(_flag=False))
        confirmed[channel] = 3
        streams = tuple(Thing(_paramedic_id_=0, channel=channel) for _ in range(3))
        for key in ((channel, None), (channel, 3.0), (odd, None)):
            begin[key][streams]
        walker(sys._getframe())
        for given in (closing, odd, None):
            sent[transport] = given
            requested[channel] = given
        requested[channel] = status
        received[channel]
        received[odd]
        writer.row(20, 1, 2, 3, 1 << 40, 4)
        writer.span(26, 1, 2, 1)
        channel_ends[channel], file_ends[streams[0]]

    assert nothing is not None
    sys._getframe().f_trace = sites
    writer.current_thread()
    for _ in range(1000):
        turn()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(3000):
        turn()
    gc.collect()
    assert sys.getallocatedblocks() - before < 300
    sys._getframe().f_trace = None


def test_probes_are_collected_with_what_they_refer_to(writer: TraceWriter) -> None:
    def made() -> None:
        def enter(*_: object) -> object:
            return begin

        begin = rows.Begin(writer.current, enter, None, None, SPAN, NOTHING)

    made()
    gc.collect()
    before = Counter(type(o).__name__ for o in gc.get_objects())["Begin"]
    for _ in range(50):
        made()
    gc.collect()
    assert Counter(type(o).__name__ for o in gc.get_objects())["Begin"] == before


@pytest.mark.parametrize("what", [NOTHING, GIVEN])
@pytest.mark.parametrize("key", [(), (Thing(_paramedic_id_=7),)])
def test_a_function_that_is_called_of_a_tuple_is_left_to_python(
    writer: TraceWriter, asked: list[tuple[Any, ...]], what: int, key: Any
) -> None:
    """The same as a key that passes something, but with nothing in it."""
    writer.current_thread()
    begin = rows.Begin(writer.current, leave_to(asked), None, None, SPAN + 1, what)
    call = called(begin, key, Sites([5] * 400))
    assert [words[0] for words in asked] == ([key[0] if key else key] if not call else [])
    assert bool(call) == (what == NOTHING and key != ())


class Interrupted:
    """A channel of somebody's; what he asks for next is a function in Python."""

    def __len__(self) -> int:
        raise KeyboardInterrupt

    @property
    def transport(self) -> Any:
        return Thing(_paramedic_id_=self._paramedic_id_)

    @property
    def chanid(self) -> int:
        return 1

    @property
    def _paramedic_id_(self) -> int:
        raise KeyboardInterrupt


def test_nothing_is_asked_once_something_has_interrupted(writer: TraceWriter, asked: list[tuple[Any, ...]]) -> None:
    with pytest.raises(KeyboardInterrupt):
        rows.Received(writer.current, leave_to(asked), WIRE)[Interrupted()]
    with pytest.raises(KeyboardInterrupt):
        rows.Fed()[Thing(in_buffer=Thing(_paramedic_quiet_=1 << 62, _buffer=Interrupted()))]
    with pytest.raises(KeyboardInterrupt):
        rows.Confirmed(writer.current, leave_to(asked), set(), int, 0, 1)[Interrupted()] = 3
    assert asked == []


def test_what_interrupts_the_look_at_a_class_goes_on(writer: TraceWriter, asked: list[tuple[Any, ...]]) -> None:
    class Meta(type):
        def __getattr__(cls, name: str) -> Any:
            raise KeyboardInterrupt

    class Tracer(metaclass=Meta):
        def __call__(self, *_: object) -> None:
            return None

    begin = rows.Begin(writer.current, leave_to(asked), None, None, SPAN + 1, NOTHING)
    with pytest.raises(KeyboardInterrupt):
        called(begin, Thing(_paramedic_id_=7), Tracer())
    assert asked == []


def test_a_walk_puts_what_is_good_in_place_of_what_was_before_a_fork() -> None:
    class Former(Sites):
        __slots__ = ()

        def __bool__(self) -> bool:
            return False

    good = type("Good", (Sites,), {"__slots__": ()})
    walker = rows.Walker([good], lambda *_: 77, lambda: None, {}, 6)
    with pytest.raises(TypeError):
        walker(*(), **{"frame": 1})
    assert walker() == 77
    kept: list[Any] = []

    def inner() -> int:
        frame = sys._getframe()
        frame.f_trace = Former([])
        found: int = walker(frame)
        kept.append(frame.f_trace)
        return found

    known, frame = good([8] * 4000), sys._getframe()
    frame.f_trace = lines = good([5] * 4000)
    lines.calls = {at: {id(inner.__code__): known} for at in range(4000)}
    assert (inner(), kept) == (8, [known])
    frame.f_trace = None
