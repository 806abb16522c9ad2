"""The same story in every form that logs have leads to the same finding."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_writer import clock_of, command, connected, default_format, messages

from paramedic.check.log import LogReport, report_of_logs
from paramedic.logs.forms import FORMS, detect, form_of_format
from paramedic.logs.reading import form_named
from paramedic.logs.times import seconds

SHARED = (
    connected(1)
    + "\n"
    + command(1, 2, 0)
    + "\n1 2: open 1\n1 1: yes 1\n1 1: ok 1\n1 2: sftp 1 Opened sftp connection (server version 3)\n"
    + "1 3: sftp 1 open(b'/a', 'rb')\n1 4: sftp 1 stat(b'/b')\n1 3: sftp 1 open(b'/a', 'rb') -> 00\n1 1: end"
)
Writer = Callable[[float, str, str, str], str]


def name_of(thread: int) -> str:
    return {1: "Thread-1", 2: "MainThread"}.get(thread, f"ThreadPoolExecutor-0_{thread}")


def iso(at: float, sep: str = " ", point: str = ",") -> str:
    return f"2026-11-23{sep}{clock_of(at).replace('.', point)}"


def stamp(at: float) -> str:
    return f"2026-11-23T{clock_of(at)}000Z"


def plain(at: float, thread: str, logger: str, words: str) -> str:
    return f"{iso(at)} DEBUG [{thread}] {logger}: {words}"


def called(thread: str) -> str:
    """Names that a program gave its threads."""
    return {"Thread-1": "ssh-io", "MainThread": "main"}.get(thread, thread.replace("ThreadPoolExecutor-0_", "copier "))


FORMATS: dict[str, Writer] = {
    "a format with names in brackets": plain,
    "pipes between the fields": lambda a, t, n, w: f"{iso(a)} | DEBUG    | {t} | {n} | {w}",
    "dashes between the fields": lambda a, t, n, w: f"{iso(a)} - {t} - {n} - DEBUG - {w}",
    "Django's verbose format": lambda a, t, n, w: f"DEBUG {iso(a)} {n} 4711 {14000 + crc32(t.encode()) % 9000} {w}",
    "a format that nobody foresaw": lambda a, t, n, w: f"<<{iso(a, 'T', '.')}>> ~{t}~ D/{n} >> {w}",
    "names without brackets in Kubernetes": lambda a, t, n, w: f"{stamp(a)} stdout F {iso(a)} DEBUG {t} {n}: {w}",
    "names without brackets in syslog": lambda a, t, n, w: (
        f"Nov 23 {clock_of(a)[:8]} web1 deploy[812]: DEBUG {called(t).replace(' ', '-')} {n}: {w}"),
    "functions and lines, the level last": lambda a, t, n, w: (
        f"{iso(a)} transport.py:1893 _log() <{called(t).replace(' ', '/')}> {n} D: {w}"),
    "the program's own names, in Docker": lambda a, t, n, w: (
        f"{stamp(a)} [{iso(a)}] (web1) [{called(t)}] INFO {n}: {w}"),
    "colours": lambda a, t, n, w: f"{iso(a)} \x1b[32mDEBUG\x1b[0m [{t}] {n}: {w}",
    "JSON of python-json-logger": lambda a, t, n, w: json.dumps(
        {"asctime": iso(a), "levelname": "DEBUG", "threadName": t, "name": n, "message": w}),
    "JSON of structlog": lambda a, t, n, w: json.dumps(
        {"event": w, "logger": n, "level": "debug", "thread_name": t, "timestamp": iso(a, "T", ".") + "Z"}),
    "JSON of loguru": lambda a, t, n, w: json.dumps({"text": w, "record": {
        "message": w, "name": n, "thread": {"id": 7, "name": t}, "process": {"id": 4711},
        "time": {"repr": "x", "timestamp": 1.7e9 + a}}}),
    "syslog": lambda a, t, n, w: f"Nov 23 15:00:0{int(a)} web1 deploy[812]: DEBUG [{t}] {n}: {w}",
    "journald, short-iso": lambda a, t, n, w: (
        f"2026-11-23T{clock_of(a)[:8]}+0100 web1 deploy[812]: " + plain(a, t, n, w)),
    "RFC 5424": lambda a, t, n, w: f"<15>1 {stamp(a)} web1 deploy 812 - - " + plain(a, t, n, w),
    "Docker with times": lambda a, t, n, w: f"{stamp(a)} {plain(a, t, n, w)}",
    "Docker's JSON": lambda a, t, n, w: json.dumps(
        {"log": plain(a, t, n, w) + "\n", "stream": "stderr", "time": stamp(a)}),
    "Docker Compose": lambda a, t, n, w: f"deploy-1  | {plain(a, t, n, w)}",
    "Kubernetes": lambda a, t, n, w: f"{stamp(a)} stderr F {plain(a, t, n, w)}",
    "kubectl --prefix": lambda a, t, n, w: f"[pod/deploy-7f/app] {plain(a, t, n, w)}",
    "paramedic.log_to_file": lambda a, t, n, w: (
        f"2026-11-23T{clock_of(a)}Z {a:.6f} DEBUG 99 {hash(t) % 97} [{t}] {n} @0xa1: {w}"),
}  # fmt: skip


def written(write: Writer, story: str = SHARED) -> str:
    return "".join(write(at, name_of(thread), logger, words) + "\n" for at, thread, logger, words in messages(story))


def read(tmp_path: Path, text: str | bytes, **options: object) -> LogReport:
    path = tmp_path / "app.log"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return report_of_logs([str(path)], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", FORMATS)
def test_the_form_is_found_out(form: str, tmp_path: Path) -> None:
    result = read(tmp_path, written(FORMATS[form]))
    assert [f.confidence for f in result.report.findings if f.hazard == "shared-sftp-client"] == ["observed"]
    assert result.report.source["messages"] == result.report.source["lines"]
    assert result.runs[0].threads_known
    assert result.runs[0].clock


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "a format that nobody foresaw"])
def test_lines_of_others_and_tracebacks_are_kept_apart(form: str, tmp_path: Path) -> None:
    write = FORMATS[form]
    other = write(0.5, "MainThread", "myapp.jobs", "job 7 is done") + "\n"
    text = other * 3 + written(write).replace("\n", f"\n{other}", 5)
    result = read(tmp_path, text)
    assert result.report.source["other_loggers"] == {"myapp.jobs": 8}
    assert "shared-sftp-client" in {f.hazard for f in result.report.findings}


def test_without_threads_nothing_is_said_about_them(tmp_path: Path) -> None:
    text = "".join(f"DEBUG:{logger}:{words}\n" for _, _, logger, words in messages(SHARED))
    result = read(tmp_path, text)
    assert not result.runs[0].threads_known
    assert result.runs[0].transports_seen == 1
    assert [f.hazard for f in result.report.findings if f.confidence != "advice"] == []


def test_a_format_string_can_be_given(tmp_path: Path) -> None:
    text = "".join(f"{t}!{logger}!{words}\n" for _, t, logger, words in messages(SHARED))
    result = read(tmp_path, text, form=form_named("%(threadName)s!%(name)s!%(message)s"))
    assert "shared-sftp-client" in {f.hazard for f in result.report.findings}


@pytest.mark.parametrize("style", ["%", "{"])
def test_what_logging_writes_with_a_format_is_read_with_it(style: str) -> None:
    text = {
        "%": "%(asctime)s %(levelname)-8s (%(threadName)-10s) %(process)d %(name)s:%(lineno)d - %(message)s",
        "{": "{asctime} {levelname:<8} ({threadName:<10}) {process:d} {name}:{lineno} - {message}",
    }[style]
    record = logging.LogRecord("paramiko.transport", 10, "t.py", 7, "[chan 3] EOF sent (3)", None, None)
    line = logging.Formatter(text, style=style).format(record)  # type: ignore[arg-type]
    parsed = form_of_format(text).parse(line.encode())
    assert parsed is not None
    assert parsed.logger == b"paramiko.transport"
    assert parsed.thread == record.threadName.encode()  # type: ignore[union-attr]
    assert parsed.process == record.process
    assert parsed.message == b"[chan 3] EOF sent (3)"


def test_a_format_without_a_message_is_refused() -> None:
    with pytest.raises(ValueError, match="no message"):
        form_named("%(asctime)s")


def test_connections_one_after_the_other_under_one_ident_are_counted_and_not_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    # The system gives a thread's ident again; the 500th connection ends in another way than the others.
    one = connected(7) + "\n1 7: "
    story = "\n".join(
        one + ("Socket exception: Connection reset by peer (104)" if n == 500 else "end") for n in range(700)
    )
    path.write_text(
        "".join(
            f"2026-11-23 {clock_of(at)} DEBUG {thread} {logger}: {words}\n"
            for at, thread, logger, words in messages(story)
        )
    )
    (run,) = report_of_logs([str(path)]).runs
    assert run.transports_seen == 700
    assert len(run.transports) < 300
    assert [t.ending.how for t in run.transports if t.ending.how != "eof"] == ["socket"]


def test_processes_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    lines = [
        f"2026-11-23 {clock_of(at)} DEBUG {pid} [{name_of(t)}] {logger}: {words}\n"
        for at, t, logger, words in messages(connected(1) + "\n" + command(1, 2, 0))
        for pid in (11, 22)
    ]
    result = read(tmp_path, "".join(lines))
    assert result.report.source["processes"] == [11, 22]
    assert [f.hazard for f in result.report.findings if f.confidence != "advice"] == []


STAMPS = {
    "2026-11-23 15:00:01,250": 1795446001.25,
    "2026-11-23T15:00:01.250Z": 1795446001.25,
    "2026-11-23T16:00:01.25+01:00": 1795446001.25,
    "20261123-15:00:01.250": 1795446001.25,
    "23/Nov/2026:15:00:01": 1795446001.0,
    "11/23/2026 15:00:01": 1795446001.0,
    "23.11.2026 15:00:01": 1795446001.0,
    "Mon Nov 23 15:00:01 2026": None,
    "15:00:01.250": 54001.25,
    "1795446001.250": 1795446001.25,
    "2026-13-45 99:99:99": None,
    "yesterday": None,
}


@pytest.mark.parametrize("text", STAMPS)
def test_stamps(text: str) -> None:
    if STAMPS[text] is not None:
        assert seconds(text.encode()) == STAMPS[text]
    else:
        assert seconds(text.encode()) is None or "Nov" in text


@given(st.binary(max_size=300))
def test_no_line_breaks_a_form(line: bytes) -> None:
    for form in FORMS:
        record = form.parse(line)
        assert record is None or isinstance(record.message, bytes)
    assert detect([line]) is None or b"aram" in line or b"chan" in line or len(line) > 5


def test_the_default_form_is_the_first_choice() -> None:
    assert detect(default_format(SHARED).encode().splitlines()) is FORMS[0]
