"""Files, pipes, compressed and rotated logs, and everything that a log must not be."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_writer import command, connected, default_format

from paramedic.check import log as use_case
from paramedic.check.log import NothingOfParamiko, report_of_logs
from paramedic.cli.main import main
from paramedic.logs.reading import LogReader
from paramedic.logs.sources import Block, Source, UnreadableLog, sources_of
from paramedic.model.finding import Finding
from paramedic.model.report import Gap

STORY = connected(1) + "\n" + "\n".join(f"1 {n + 2}: open {n}\n1 1: yes {n}\n1 1: ok {n}" for n in range(10))
REFUSED = STORY + "\n1 30: open 10\n5 1: refuse 10"
TEXT = default_format(REFUSED).encode()


def found(*names: str, **options: bool) -> set[str]:
    return {f.hazard for f in report_of_logs(list(names), **options).report.findings}


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "as it is": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "with a byte order mark": lambda b: b"\xef\xbb\xbf" + b,
    "UTF-16 of PowerShell": lambda b: b.decode().encode("utf-16"),
    "Windows line ends": lambda b: b.replace(b"\n", b"\r\n"),
    "without its last line end": lambda b: b[:-1],
    "after a megabyte of one line": lambda b: b"x" * 3_000_000 + b"\n" + b,
    "after other programs' lines": lambda b: b"Starting up\n" * 50_000 + b,
    "with bytes of no encoding": lambda b: b.replace(b"\n", b"\n\xff\xfe\x80\n", 3),
    "with binary rubbish in the middle": lambda b: b[:700] + bytes(range(256)) * 20 + b"\n" + b[700:],
}


@pytest.mark.parametrize("packing", PACKED)
def test_a_log_is_read_however_it_is_packed(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "paramiko.log"
    path.write_bytes(PACKED[packing](TEXT))
    assert "session-limit" in found(str(path))


def test_a_pipe_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT)))
    assert "session-limit" in found("-")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
@pytest.mark.parametrize("packing", ["as it is", "gzip", "bzip2", "xz"])
def test_a_named_pipe_is_read_from_its_first_byte(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "pipe"  # such as the /dev/fd/63 of `paramedic log <(zcat log.gz)`
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(PACKED[packing](TEXT),), daemon=True)
    writer.start()
    result = report_of_logs([str(path)])
    writer.join(30)
    assert not writer.is_alive()
    assert result.report.source["messages"] == len(TEXT.splitlines())
    assert result.report.source["transports"] == 1


def test_rotated_files_are_one_log_oldest_first(tmp_path: Path) -> None:
    lines = TEXT.splitlines(keepends=True)
    (tmp_path / "p.log").write_bytes(b"".join(lines[30:]))
    (tmp_path / "p.log.1").write_bytes(b"".join(lines[15:30]))
    (tmp_path / "p.log.2.gz").write_bytes(gzip.compress(b"".join(lines[:15])))
    result = report_of_logs([str(tmp_path / "p.log")], rotated=True)
    (finding,) = [f for f in result.report.findings if f.hazard == "session-limit"]
    assert finding.site is not None
    assert finding.site.file.endswith("p.log")
    assert finding.site.line == len(lines) - 30 - 1
    assert result.runs[0].transports_seen == 1


def test_dated_rotations_are_sorted_by_their_dates(tmp_path: Path) -> None:
    names = ["p.log", "p.log-20261122.gz", "p.log-20261121", "p.log.2026-11-20"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    (source,) = sources_of([str(tmp_path / "p.log")], rotated=True)
    assert [f.name for f in source.files] == names[::-1]


def test_files_of_different_names_are_different_programs(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(default_format(connected(1) + "\n" + command(1, 2, 0)))
    result = report_of_logs([str(tmp_path / "a.log"), str(tmp_path / "b.log")])
    assert len(result.runs) == 2
    assert not any(f.mixed for f in result.runs)


def test_a_broken_archive_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "p.log.gz"
    noise = "".join(f"job {random.random()}\n" for _ in range(40_000)).encode()
    path.write_bytes(gzip.compress(TEXT + noise)[:-5000])
    result = report_of_logs([str(path)])
    assert "session-limit" in {f.hazard for f in result.report.findings}
    assert "truncated" in {g.reason for g in result.report.gaps}


NOTHING: dict[str, tuple[bytes, str]] = {
    "an empty file": (b"", "is empty"),
    "another program's log": (b"2026-11-23 15:00:01 INFO [main] app.jobs: done\n" * 9, "none of the 9 lines"),
    "a picture": (bytes(range(256)) * 50, "none of the"),
    "one endless line": (b"x" * 10_000_000, "none of the 1 lines"),
}


@pytest.mark.parametrize("what", NOTHING)
def test_a_log_without_paramiko_is_said_to_be_one(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, words = NOTHING[what]
    path = tmp_path / "app.log"
    path.write_bytes(data)
    with pytest.raises(NothingOfParamiko, match=words):
        report_of_logs([str(path)])
    assert main(["log", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_what_cannot_be_opened_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnreadableLog, match="there is no file"):
        sources_of([str(tmp_path / "missing.log")])
    with pytest.raises(UnreadableLog, match="is a folder"):
        sources_of([str(tmp_path)])
    assert main(["log", str(tmp_path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_clock_that_goes_backwards_is_told(tmp_path: Path) -> None:
    path = tmp_path / "p.log"
    late = default_format(connected(1) + "\n" + command(1, 2, 0)).replace("-15:", "-16:")
    path.write_text(late + default_format(command(1, 2, 1)))
    gaps = {g.reason for g in report_of_logs([str(path)]).report.gaps}
    assert "clock-backwards" in gaps


def test_words_that_paramiko_never_wrote_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "p.log"
    path.write_text(default_format(connected(1) + "\n1 1: Something new in Paramiko 9"))
    (gap,) = [g for g in report_of_logs([str(path)]).report.gaps if g.reason == "unknown-message"]
    assert gap.count == 1


class Enough(Exception):
    """The story is over."""


class Growing(Source):
    """A file to which something happens each time that its reader finds nothing new."""

    happens: list[Callable[[], object]]

    def blocks(self, *, follow: bool = False, wait: object = None) -> Iterator[Block]:
        def happen(_: float) -> None:
            if not self.happens:
                raise Enough
            self.happens.pop(0)()

        return super().blocks(follow=follow, wait=happen)


def followed(path: Path, *happens: Callable[[], object]) -> list[int]:
    source = Growing(name=str(path), files=(path,))
    source.happens = list(happens)
    refusals: list[int] = []
    with pytest.raises(Enough):
        for facts in LogReader(source).facts(follow=True):
            refusals.append(facts.refusals_seen)
    return refusals


def test_what_is_new_is_told_while_the_log_grows(tmp_path: Path) -> None:
    path = tmp_path / "p.log"
    path.write_text(default_format(STORY))
    more = default_format(REFUSED)[len(default_format(STORY)) :]
    half = len(more) // 2
    steps = [lambda: append(path, more[:half]), lambda: append(path, more[half:]), lambda: None]
    assert followed(path, *steps)[-1] == 1


def test_a_log_that_is_rotated_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "p.log"
    path.write_text(default_format(STORY))
    more = default_format(REFUSED)[len(default_format(STORY)) :]

    def rotate() -> None:
        path.rename(tmp_path / "p.log.1")
        path.write_text(more)

    assert followed(path, rotate, lambda: None)[-1] == 1


def test_a_lens_that_fails_is_told_once_and_the_others_are_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(facts: object) -> list[Finding]:
        raise ValueError("no such turn")

    path = tmp_path / "p.log"
    path.write_text(default_format(STORY))
    more = default_format(REFUSED)[len(default_format(STORY)) :]
    source = Growing(name=str(path), files=(path,))
    source.happens = [lambda: append(path, more), lambda: None]
    lenses = [("broken", fails), *use_case.log_lenses()]
    monkeypatch.setattr(use_case, "log_lenses", lambda: tuple(lenses))
    monkeypatch.setattr(use_case, "sources_of", lambda names: [source])
    told: list[Finding | Gap] = []
    with pytest.raises(Enough):
        for item in use_case.follow(str(path)):
            told.append(item)  # one by one: the story's end is an exception
    (gap,) = [t for t in told if isinstance(t, Gap)]
    assert gap.detail == "broken: ValueError: no such turn"
    assert "session-limit" in {t.hazard for t in told if isinstance(t, Finding)}


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


lines_of_paramiko = st.sampled_from(
    TEXT.splitlines() + default_format(connected(3) + "\n" + command(3, 2, 5)).encode().splitlines()
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.one_of(lines_of_paramiko, st.binary(max_size=60)), max_size=60))
def test_no_order_of_lines_breaks_the_reader(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "fuzz.log"
    path.write_bytes(b"\n".join(lines))
    try:
        result = report_of_logs([str(path)])
    except NothingOfParamiko:
        return
    total = result.report.source
    assert (
        total["messages"] + total["continuation_lines"] + total["unread_lines"] + sum(total["other_loggers"].values())
        == total["lines"]
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_cut_or_flipped_byte_breaks_the_reader(tmp_path: Path, data: st.DataObject) -> None:
    cut = bytearray(TEXT[data.draw(st.integers(0, 400)) : data.draw(st.integers(500, len(TEXT)))])
    for place in data.draw(st.lists(st.integers(0, len(cut) - 1), max_size=30)):
        cut[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "fuzz.log"
    path.write_bytes(bytes(cut))
    try:
        report_of_logs([str(path)])
    except NothingOfParamiko:
        pass
