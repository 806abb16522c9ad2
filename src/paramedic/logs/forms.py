"""The forms that a line of a log can have, and how to find out which one a log has.

A form takes the header of a line apart: time, process, thread, logger; the message is what remains. Most forms are
format strings of `logging`, so ``--format`` takes one too. What wraps the lines (syslog, journald, Docker,
Kubernetes) is taken off first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from paramedic.logs.learnt_forms import KNOWN_THREAD, LEVEL, LOGGER, learnt_pattern
from paramedic.logs.phrases import recognise, split_channel
from paramedic.logs.times import STAMP, paramiko_seconds, seconds

PARAMIKO_FORMAT = "%(levelname)-.3s [%(asctime)s.%(msecs)03d] thr=%(_threadid)-3d %(name)s: %(message)s"
"""The format of ``paramiko.util.log_to_file`` (util.py), with ``%Y%m%d-%H:%M:%S`` for the time."""


class Record(NamedTuple):
    """One line, taken apart.

    Attributes:
        time_s: seconds since 1970; None where the line has no time.
        process: id; None where the line does not say.
        thread: number, ident or name as in the log; b"" where the line does not say.
        logger: None where the form has no loggers.
        message: the rest.
        connection: address of the transport, where the form has it (`paramedic.log_to_file`).
    """

    time_s: float | None
    process: int | None
    thread: bytes
    logger: bytes | None
    message: bytes
    connection: bytes = b""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of lines.

    Attributes:
        name: for people.
        parse: a line taken apart, or None if it has another form.
        threads: what it says about threads: ``number`` (Paramiko's own, never used twice), ``name``, ``ident`` (the
            system uses it again), or "".
        quick_clock: finds the time without taking the line apart.
        guessed: it looks for Paramiko's words, so that lines of others are not understood.
    """

    name: str
    parse: Callable[[bytes], Record | None] = field(repr=False)
    threads: str = ""
    quick_clock: Callable[[bytes], float | None] | None = field(default=None, repr=False)
    guessed: bool = False

    def clock(self, line: bytes) -> float | None:
        """The time of a line.

        Threads: pure.
        """
        if self.quick_clock is not None:
            return self.quick_clock(line)
        record = self.parse(line)
        return None if record is None else record.time_s


_FIELDS: dict[str, bytes] = {
    "asctime": rb"(?P<time>" + STAMP + rb")",
    "created": rb"(?P<time>\d+\.\d+)",
    "levelname": LEVEL,
    "name": rb"(?P<logger>[\w.<>-]+)",
    "thread": rb"(?P<thread>\d+)",
    "_threadid": rb"(?P<thread>\d+)",
    "native_id": rb"(?P<thread>\d+)",
    "threadName": rb"(?P<thread>\S(?:.*?\S)?)",
    "process": rb"(?P<process>\d+)",
    "processName": rb"\S.*?",
    "message": rb"(?P<message>.*)",
    "msecs": rb"[\d.]+",
    "taskName": rb".*?",
}
_PERCENT = re.compile(r"%\((\w+)\)[-#0+ ]*\d*(?:\.\d+)?[a-zA-Z]|%%")
_BRACE = re.compile(r"\{(\w+)(?:![rsa])?(?::[^{}]*)?\}")


def form_of_format(text: str) -> Form:
    """The form of a format string of `logging`, in its ``%`` or its ``{`` style.

    Args:
        text: such as ``%(asctime)s %(threadName)s %(name)s %(message)s``.

    Raises:
        ValueError: it has no message, or it cannot be read.

    Threads: pure.
    """
    percent = "%(" in text
    pattern = b""
    used: set[str] = set()
    position = 0
    text = re.sub(r"(%\(asctime\)s)[.,]%\(msecs\)0?3?d", r"\1", text)
    for found in (_PERCENT if percent else _BRACE).finditer(text):
        pattern += _literal(text[position : found.start()])
        position = found.end()
        name = found[1]
        if not name:
            pattern += b"%"
            continue
        piece = _FIELDS.get(name, rb"\S*?")
        group = re.match(rb"\(\?P<(\w+)>", piece)
        if group and group[1].decode() in used:
            piece = rb"(?:" + piece[group.end() :]  # a name is taken once
        elif group:
            used.add(group[1].decode())
        pattern += rb" *" + piece + rb" *" if name != "message" else piece
    pattern += _literal(text[position:])
    if "message" not in used:
        raise ValueError("the format has no message")
    compiled = re.compile(pattern + rb"\Z", re.DOTALL)
    named = "threadName" in text
    number = "_threadid" in text
    kind = "number" if number else "name" if named else "ident" if "thread" in used else ""
    return Form(name=text, parse=_by_pattern(compiled), threads=kind)


def _literal(text: str) -> bytes:
    return re.sub(rb"(?:\\? )+", rb" +", re.escape(text.encode())).replace(rb"\	", rb"\s+")


def _by_pattern(pattern: re.Pattern[bytes]) -> Callable[[bytes], Record | None]:
    groups = pattern.groupindex
    match = pattern.match

    def parse(line: bytes) -> Record | None:
        found = match(line)
        if not found:
            return None
        process = found["process"] if "process" in groups else None
        return Record(
            seconds(found["time"]) if "time" in groups else None,
            int(process) if process and len(process) < 12 else None,
            found["thread"] if "thread" in groups else b"",
            found["logger"] if "logger" in groups else None,
            found["message"],
        )

    return parse


_PARAMEDIC = re.compile(
    rb"(\d{4}-\d\d-\d\dT[\d:.]+Z) [\d.]+ \w+ (\d+) (\d+ \[.*?\]) ([\w.]+)(?: @(0x[0-9a-f]+))?: (.*)\Z", re.DOTALL
)


def _parse_paramedic(line: bytes) -> Record | None:
    found = _PARAMEDIC.match(line)
    if not found:
        return None
    stamp, process, thread, logger, connection, message = found.groups()
    return Record(seconds(stamp), int(process[:12]), thread, logger, message, connection or b"")


PARAMEDIC_FORM = Form("paramedic.log_to_file", _parse_paramedic, "ident")

_JSON_KEYS = {
    "time": ("timestamp", "asctime", "time", "ts", "@timestamp", "created", "datetime", "date", "t"),
    "logger": ("logger", "name", "logger_name", "loggerName", "log.logger", "channel"),
    "thread": ("threadName", "thread_name", "thread.name", "process.thread.name", "thread", "thread_id", "tid"),
    "process": ("process", "pid", "process_id", "process.pid", "_PID"),
    "message": ("message", "event", "msg", "MESSAGE", "log", "text"),
}
"""What python-json-logger, structlog, ECS and the like call the fields; the first that is there counts."""


def _parse_json(line: bytes) -> Record | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("record"), dict):  # loguru's serialize=True
        data = data["record"]
    message = _pick(data, "message")
    if not isinstance(message, str):
        return None
    process = _plain(_pick(data, "process"), "id")
    stamp = _plain(_pick(data, "time"), "timestamp")
    return Record(
        float(stamp) if isinstance(stamp, int | float) else seconds(str(stamp).encode()) if stamp else None,
        int(process) if str(process).isdigit() and len(str(process)) < 12 else None,
        _text(_plain(_pick(data, "thread"), "name")),
        _text(_plain(_pick(data, "logger"), "name")) if _pick(data, "logger") is not None else None,
        message.encode("utf-8", "replace"),
    )


def _pick(data: dict[str, Any], what: str) -> Any:
    return next((data[k] for k in _JSON_KEYS[what] if data.get(k) is not None), None)


def _plain(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else value


def _text(value: Any) -> bytes:
    return b"" if value is None else str(value).encode("utf-8", "replace")


JSON_FORM = Form("JSON lines", _parse_json, "name")

_HEAD_THREAD = re.compile(rb"thr(?:ead)?[=: ]+([\w-]+)|\b(" + KNOWN_THREAD + rb")")
_HEAD_LOGGER = re.compile(rb"\b" + LOGGER + rb"\b")
_HEAD_PROCESS = re.compile(rb"\bpid[=: ]+(\d+)|\[(\d+)\]")
_STAMP = re.compile(STAMP)
_START = re.compile(
    rb"\[chan \d+\] |starting thread \((?:client|server) mode\): 0x|(?:Local|Remote) version/idstring: SSH-"
    rb"|Secsh channel \d+ |EOF in transport thread|Connected \(version |userauth is OK|Authentication \(|=== Key exch"
    rb"|Switch to new keys|Sending global request |Received global request |Global request "
    rb"|Exception \((?:client|server)"
    rb"|Disconnect \(code |Dropping user packet|Ignoring message for dead|Oops, unhandled type|Adding \S+ host key for "
    rb"|Trying (?:SSH|discovered) |Socket exception: |Unknown exception: |Banner: |Kex: |Cipher: |MAC: |HostKey: "
)


def _parse_anyhow(line: bytes) -> Record | None:
    found = _START.search(line)
    if not found:
        return None
    head = line[: found.start()]
    thread, process, stamp = _HEAD_THREAD.search(head), _HEAD_PROCESS.search(head), _STAMP.search(head)
    logger = _HEAD_LOGGER.search(head)
    if thread is None and logger is None and stamp is None and head.strip():
        return None
    number = (process[1] or process[2]) if process else None
    return Record(
        seconds(stamp[0]) if stamp else None,
        int(number) if number and len(number) < 10 else None,
        (thread[1] or thread[2]) if thread else b"",
        logger[0] if logger else None,
        line[found.start() :],
    )


ANYHOW = Form("some other format, read by Paramiko's own words", _parse_anyhow, "name", guessed=True)

_A, _L, _N, _T, _M, _P = (
    "%(asctime)s",
    "%(levelname)s",
    "%(name)s",
    "%(threadName)s",
    "%(message)s",
    "%(process)d",
)
_FORMATS: tuple[str, ...] = (
    PARAMIKO_FORMAT,
    f"{_L}:{_N}:{_M}",
    f"{_A} {_L} {_P} [{_T}] {_N}: {_M}",
    f"{_A} {_L} [{_P}] [{_T}] {_N}: {_M}",
    f"{_A} {_L} [{_T}] {_N}: {_M}",
    f"{_A} {_L} [{_T}] {_N} - {_M}",
    f"{_A} {_L} [{_T}] {_N} {_M}",
    f"{_A} [{_L}] [{_T}] {_N}: {_M}",
    f"{_A} [{_L}] ({_T}) {_N}: {_M}",
    f"{_A} [{_L}] ({_T}) {_M}",
    f"{_A} [{_T}] {_L} {_N}: {_M}",
    f"{_A} [{_T}] {_L} {_N} - {_M}",
    f"{_A} [{_T}] [{_L}] {_N}: {_M}",
    f"[{_A}] [{_L}] [{_T}] {_N}: {_M}",
    f"[{_A}] {_L} [{_T}] {_N}: {_M}",
    f"[{_A}] [{_P}] [{_L}] {_N}: {_M}",
    f"{_A} - {_T} - {_N} - {_L} - {_M}",
    f"{_A} - {_N} - {_T} - {_L} - {_M}",
    f"{_A} - {_N} - {_L} - {_T} - {_M}",
    f"{_A} - {_L} - {_T} - {_N} - {_M}",
    f"{_A} | {_L} | {_T} | {_N} | {_M}",
    f"{_A}|{_L}|{_T}|{_N}|{_M}",
    f"{_L} {_A} {_P} %(thread)d {_N} {_M}",
    f"{_L} {_A} {_N} {_P} %(thread)d {_M}",
    f"{_A} {_L} %(thread)d {_N}: {_M}",
    f"{_A} {_P} {_L} {_N}: {_M}",
    f"{_A} - {_N} - {_L} - {_M}",
    f"{_A} {_L} {_N}: {_M}",
    f"{_A} {_L} {_N} - {_M}",
    f"{_A} {_L} {_N} {_M}",
    f"{_A} {_N} {_L} {_M}",
    f"{_A} {_N} {_L}: {_M}",
    f"{_A}:{_L}:{_N}:{_M}",
    f"[{_A}] {_L}:{_N}:{_M}",
    f"[{_A}] [{_L}] {_N}: {_M}",
    f"{_A} [{_L}] {_N}: {_M}",
    f"{_L} [{_T}] {_N}: {_M}",
    f"{_L} [{_T}] {_N} - {_M}",
    f"[{_L}] [{_T}] {_N}: {_M}",
    f"[{_T}] {_L} {_N}: {_M}",
    f"{_L} {_T} {_N}: {_M}",
    f"[{_L}] {_N}: {_M}",
    f"{_L} - {_N} - {_M}",
    f"{_N} - {_L} - {_M}",
    f"{_L} {_N}: {_M}",
    f"{_L}    {_N}:%(filename)s:%(lineno)d {_M}",
    f"{_N}: {_M}",
)
PARAMIKO_FORM = replace(form_of_format(PARAMIKO_FORMAT), quick_clock=paramiko_seconds)
FORMS: tuple[Form, ...] = (PARAMIKO_FORM, PARAMEDIC_FORM, *map(form_of_format, _FORMATS[1:]), JSON_FORM, ANYHOW)

_WRAPPERS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    (
        "syslog",
        re.compile(
            rb"(?:<\d+>)?(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ [^\s:\[]+(?:\[(?P<process>\d+)\])?: "
        ),
    ),
    (
        "journald or RFC 5424",
        re.compile(
            rb"(?:<\d+>1 )?(?P<time>\d{4}-\d\d-\d\dT[\d:.,]+(?:Z|[+-]\d\d:?\d\d)?) \S+ [^\s:\[]+"
            rb"(?:\[(?P<process>\d+)\]: |: | (?P<pid>\d+|-) \S+ (?:-|\[.*?\]) )"
        ),
    ),
    ("Kubernetes (CRI)", re.compile(rb"(?P<time>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) (?:stdout|stderr) [FP] ")),
    ("Docker", re.compile(rb"(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z) (?=\S)")),
    ("Docker Compose or kubectl --prefix", re.compile(rb"(?:[\w./-]+ +\| |\[pod/\S+\] )")),
)


def _unwrapped(name: str, wrapper: re.Pattern[bytes], inner: Form) -> Form:
    groups = wrapper.groupindex

    def parse(line: bytes) -> Record | None:
        found = wrapper.match(line)
        record = inner.parse(line[found.end() :]) if found else None
        if found is None or record is None:
            return None
        time_s, process = record.time_s, record.process
        if time_s is None and "time" in groups:
            time_s = seconds(found["time"])
        if process is None and "process" in groups:
            digits = found["process"] or (found["pid"] if "pid" in groups else None)
            process = int(digits) if digits and digits.isdigit() and len(digits) < 12 else None
        return record._replace(time_s=time_s, process=process)

    return Form(f"{inner.name} in {name}", parse, inner.threads, guessed=inner.guessed)


def _docker_json(inner: Form) -> Form:
    def parse(line: bytes) -> Record | None:
        outer = _outer_json(line)
        record = inner.parse(outer[0]) if outer else None
        if outer is None or record is None:
            return None
        return record if record.time_s is not None else record._replace(time_s=seconds(outer[1]))

    return Form(f"{inner.name} in Docker's JSON", parse, inner.threads, guessed=inner.guessed)


def _outer_json(line: bytes) -> tuple[bytes, bytes] | None:
    try:
        data = json.loads(line)
        return str(data.get("log", data.get("MESSAGE", ""))).rstrip("\n").encode(), str(data.get("time", "")).encode()
    except (ValueError, AttributeError, RecursionError):
        return None


def _weight(form: Form, lines: Sequence[bytes]) -> tuple[int, int]:
    """How many lines the form explains as Paramiko's, and how much it tells about them."""
    hits = told = 0
    for line in lines:
        record = form.parse(line)
        if record is not None and _STAMP.search(record.thread):
            continue  # no name of a thread: the form takes more for it than it should
        if record is not None and recognise(split_channel(record.message)[1]) is not None:
            if record.logger is not None or record.thread or record.time_s is not None or form is ANYHOW:
                hits += 1
                told += 3 * bool(record.thread) + 2 * (record.logger is not None) + (record.time_s is not None)
                told += (record.process is not None) + 2 * bool(record.connection)
    return hits, told


def detect(lines: Sequence[bytes]) -> Form | None:
    """The form that explains most of these lines as Paramiko's; None if none does.

    Args:
        lines: some from the beginning of the log, or around a line that looks like Paramiko's.

    Threads: pure.
    """
    plain = detect_plain(lines)
    if plain is PARAMIKO_FORM:
        return plain
    candidates: list[Form] = [*FORMS, *([plain] if plain else [])]
    for name, wrapper in _WRAPPERS:
        inside = [line[found.end() :] for line in lines if (found := wrapper.match(line))]
        if 2 * len(inside) > len(lines) and (inner := detect_plain(inside)) is not None:
            candidates.append(_unwrapped(name, wrapper, inner))
    outer = [o[0] for line in lines if line[:1] == b"{" and (o := _outer_json(line)) and o[0]]
    if 2 * len(outer) > len(lines) and (inner := detect_plain(outer)) is not None:
        candidates.append(_docker_json(inner))
    return _best(candidates, lines)


def detect_plain(lines: Sequence[bytes]) -> Form | None:
    """As `detect`, for lines that nothing wraps.

    Threads: pure.
    """
    best = _best(FORMS, lines)
    if best is None or best.guessed or not best.threads:
        pattern = learnt_pattern(lines, _START)
        if pattern is not None:
            threads = "name" if b"<thread>" in pattern else ""
            learnt = Form("columns that were learnt from the log", _by_pattern(re.compile(pattern, re.DOTALL)), threads)
            return _best([*([best] if best else []), learnt], lines)
    return best


def _best(forms: Sequence[Form], lines: Sequence[bytes]) -> Form | None:
    best, most = None, (0.0, False, 0)
    for form in forms:
        hits, told = _weight(form, lines)
        # A few lines of another form are no reason to guess at all the others.
        weight = (hits * 0.8 if form.guessed else hits, not form.guessed, told)
        if hits and weight > most:
            best, most = form, weight
    return best
