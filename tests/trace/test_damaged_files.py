"""What is no recording, or only part of one, is said in a sentence; what can be read of it is read."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paramedic.check.recording import findings_of
from paramedic.model.event import Event, Kind
from paramedic.model.operations import OPERATIONS
from paramedic.model.report import Gap
from paramedic.trace.layout import CHUNK_BYTES, HEAD, HEADER_BYTES, MAGIC, ROW_BYTES, VERSION
from paramedic.trace.reader import RecordingError, find_traces, open_trace
from paramedic.trace.writer import TraceWriter

ROWS = 3 * CHUNK_BYTES // ROW_BYTES
USED = HEADER_BYTES + 6 * CHUNK_BYTES


def _whole() -> bytes:
    """The bytes of a recording with a few chunks of rows and of texts."""
    header = {"operations": list(OPERATIONS), "process": 1, "parent": 0, "program": "app.py", "started_ns": 1}
    with tempfile.TemporaryDirectory() as folder:
        writer = TraceWriter(f"{folder}/1-0.pmrec", header, 4 << 20)
        for number in range(ROWS):
            site = writer.text(f"F\t/home/somebody/app.py\t{number % 50}\tfunction_with_a_long_name")
            writer.row(int(Kind.FREE if number % 2 else Kind.GOT), 0, number // 2, site, number, 0)
        return Path(writer.path).read_bytes()


FILE = _whole()
WHOLE = FILE[:USED]
"""All that was written into it."""


def _read(blob: bytes) -> tuple[list[Event], dict[int, str], list[Gap]] | None:
    """What can be read of a file with these bytes; None if it was refused with a sentence."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "1-0.pmrec"
        path.write_bytes(blob)
        try:
            trace = open_trace(path)
        except RecordingError as e:
            assert str(e).startswith(f"{path}: ") and "\n" not in str(e)
            return None
        try:
            return list(trace.events()), trace.texts, trace.gaps
        finally:
            trace.close()


ALL = _read(FILE)
assert ALL is not None
EVENTS, TEXTS, GAPS = ALL
ROW_ENDS = [
    offset + ROW_BYTES
    for offset in range(HEADER_BYTES, USED, ROW_BYTES)
    if WHOLE[offset + ROW_BYTES - 1] in (Kind.GOT, Kind.FREE)
]


def test_the_whole_file_says_everything() -> None:
    assert GAPS == []
    assert [event.a for event in EVENTS] == list(range(ROWS))
    assert len(TEXTS) == 50
    assert len({TEXTS[event.site] for event in EVENTS}) == 50


@given(st.integers(0, USED) | st.integers(0, 1).map(lambda n: HEADER_BYTES + n * CHUNK_BYTES))
@settings(max_examples=100, deadline=None)
def test_cut_off_at_any_byte_the_beginning_is_read(end: int) -> None:
    found = _read(WHOLE[:end])
    if found is None:
        assert end < HEADER_BYTES, "only what ends in the header may be refused"
        return
    events, texts, gaps = found
    assert events == EVENTS[: len(events)]
    assert [gap.reason for gap in gaps] == ["cut-off"]
    assert all(TEXTS[number].startswith(words) for number, words in texts.items())
    assert len(events) == sum(1 for row_end in ROW_ENDS if row_end <= end), "each row that is there whole is read"


@given(st.lists(st.tuples(st.integers(0, USED - 1), st.binary(min_size=1, max_size=40)), max_size=8))
@settings(max_examples=100, deadline=None)
def test_whatever_is_overwritten_nothing_breaks(changes: list[tuple[int, bytes]]) -> None:
    blob = bytearray(WHOLE)
    for start, new in changes:
        blob[start : start + len(new)] = new[: USED - start]
    found = _read(bytes(blob))
    if found is not None and len(changes) <= 1:
        touched = sum(len(new) // ROW_BYTES + 2 for _, new in changes)
        # the header, and the rows with which a chunk begins, stand for all that follows them
        head = any(s < HEADER_BYTES or (s + len(n) - HEADER_BYTES) % CHUNK_BYTES < 64 + len(n) for s, n in changes)
        assert head or len(set(EVENTS) - set(found[0])) <= touched, "only what was overwritten is lost"


@given(st.binary(max_size=3000))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_refused(blob: bytes) -> None:
    assert _read(blob) is None
    found = _read(HEAD.pack(MAGIC, VERSION, len(blob)) + blob)
    assert found is None or not found[0]


@given(st.integers(HEADER_BYTES, USED), st.binary(min_size=1, max_size=200), st.integers(HEADER_BYTES, USED))
@settings(max_examples=25, deadline=None)
def test_a_report_comes_of_all_that_can_be_opened(end: int, new: bytes, start: int) -> None:
    blob = WHOLE[:start] + new + WHOLE[start + len(new) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "1-0.pmrec"
        path.write_bytes(blob[:end])
        report = findings_of([Path(folder)])
        assert report.source["processes"]


REFUSED = {
    "empty": (b"", "is empty: the program ended before anything was recorded"),
    "somebody's JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 400, "is not a recording of Paramedic's"),
    "a text": (b"hello\n", "is not a recording of Paramedic's"),
    "of a newer version": (HEAD.pack(MAGIC, VERSION + 1, 2) + b"{}" + bytes(HEADER_BYTES), "upgrade"),
    "of a version that never was": (HEAD.pack(MAGIC, 0, 2) + b"{}" + bytes(HEADER_BYTES), "its header is damaged"),
    "with a part of the magic": (MAGIC[:9], "its header is damaged or cut off"),
    "with the magic alone": (MAGIC, "its header is damaged or cut off"),
    "with a header that is no JSON": (HEAD.pack(MAGIC, VERSION, 3) + b"{{{" + bytes(HEADER_BYTES), "header is damaged"),
    "with a header that says nothing": (
        HEAD.pack(MAGIC, VERSION, 2) + b"{}" + bytes(HEADER_BYTES),
        "header is damaged",
    ),
    "with a length beyond its end": (HEAD.pack(MAGIC, VERSION, 1 << 31) + bytes(HEADER_BYTES), "header is damaged"),
    "with a deep header": (HEAD.pack(MAGIC, VERSION, 60000) + b"[" * 60000 + bytes(9000), "header is damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_recording_is_refused_in_words(name: str, tmp_path: Path) -> None:
    blob, sentence = REFUSED[name]
    path = tmp_path / "x.pmrec"
    path.write_bytes(blob)
    with pytest.raises(RecordingError) as caught:
        open_trace(path)
    assert sentence in str(caught.value)


def test_a_folder_with_one_good_file_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    for number, (blob, _) in enumerate(REFUSED.values()):
        (tmp_path / f"{number}-0.pmrec").write_bytes(blob)
    (tmp_path / "99-0.pmrec").write_bytes(WHOLE)
    report = findings_of([tmp_path])
    assert len(report.source["processes"]) == 1
    assert sum(gap.reason == "unreadable" for gap in report.gaps) == len(REFUSED)


def test_what_is_no_file_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder.pmrec"
    folder.mkdir()
    os.mkfifo(tmp_path / "pipe.pmrec")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # a socket's path must be short
        listener.bind("socket.pmrec")
        for name in ("folder", "pipe", "socket"):
            with pytest.raises(RecordingError, match="is not a file"):
                open_trace(tmp_path / f"{name}.pmrec")
    with pytest.raises(RecordingError, match="No such file"):
        open_trace(tmp_path / "nothing.pmrec")
    (tmp_path / "loop.pmrec").symlink_to("loop.pmrec")
    with pytest.raises(RecordingError, match="symbolic links"):
        open_trace(tmp_path / "loop.pmrec")


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "1-0.pmrec"
    path.write_bytes(WHOLE)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("the superuser reads everything")
    with pytest.raises(RecordingError, match="Permission denied"):
        open_trace(path)


def test_a_folder_without_recordings_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no recording is in this folder"):
        find_traces(tmp_path)
    with pytest.raises(RecordingError, match="no such file or folder"):
        find_traces(tmp_path / "nothing")
