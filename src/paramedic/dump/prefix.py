"""Log lines without what syslog, journald, Docker, Kubernetes and compose put in front of them.

A dump that went through a log collector has a prefix on each line, and dumps of several containers may be interleaved
in one file. `unwrap` takes the prefix off and says which stream the line belongs to.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

from paramedic.dump.printed_values import summarised

_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z| ?[+-]\d\d:?\d\d)?"

_DATED = tuple(
    re.compile(pattern)
    for pattern in (
        # Kubernetes (CRI): TIME stderr F text
        rf"{_TIME} (?P<key>stdout|stderr) (?:F|(?P<partial>P))(?: |$)",
        # rsyslog's and journalctl's ISO forms: TIME host prog[123]: text
        rf"{_TIME} (?P<key>\S+ [^\s:\[]+\[\d+\]):(?: |$)",
        # docker logs --timestamps
        rf"(?P<key>){_TIME}(?: |$)",
    )
)
# RFC 3164 and journalctl's short form: Nov 23 08:31:13 host prog[123]: text
_BSD = re.compile(
    r"(?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? (?P<key>[^\s#]\S* [^\s:\[]+(?:\[\d+\])?):(?: |$)"
)
# RFC 5424: <34>1 TIME HOST APP PROCID MSGID [data] text
_RFC5424 = re.compile(rf"<\d{{1,3}}>1 {_TIME} (?P<key>\S+ \S+ \S+) \S+ (?:-|(?:\[[^\]]*\])+)(?: \ufeff?|$)")
# kubectl logs --prefix
_KUBECTL = re.compile(r"\[(?P<key>pod/[^\]\s]+)\](?: |$)")
# docker compose: web-1  | text
_COMPOSE = re.compile(r"(?P<key>[A-Za-z0-9][\w.@-]*) +\|(?: |$)")


def _prefix(line: str) -> re.Match[str] | None:
    """The prefix at the start of the line; which one it may be the first character says."""
    first = line[:1]
    if first.isdigit():
        return next((m for m in (p.match(line) for p in _DATED) if m), None) or _COMPOSE.match(line)
    if first == "<":
        return _RFC5424.match(line) or _BSD.match(line)
    if first == "[":
        return _KUBECTL.match(line)
    return _BSD.match(line) or _COMPOSE.match(line) if first.isalpha() else None


_JSON_TEXT = ("log", "MESSAGE", "message", "msg", "textPayload", "line", "event", "text")
_JSON_KEY = ("_HOSTNAME", "_PID", "stream", "kubernetes", "container_name", "pod")


def unwrap(line: str) -> Iterator[tuple[str, str]]:
    """The lines that one line of a log carries, each as (stream, text).

    A plain line comes back as ("", line). A JSON record may carry several lines.

    Threads: pure.
    """
    if line.startswith("{") and line.rstrip().endswith("}"):
        carried = _from_json(line)
        if carried is not None:
            key, text = carried
            for part in text.splitlines() or [""]:
                for inner, rest in _plain(part):
                    yield key + inner, rest
            return
    yield from _plain(line)


_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_HEAD_INSIDE = re.compile(
    r"(?:Current t|T)hread 0x[\da-f]+ (?:\[.*\] )?\(most recent call (?:first|last)\):?\s*$"
    r"|Thread (?:0x)?[\da-fA-F]+(?:/\S+)? \((?:idle|active)[^)]*\)(?:: \".*\")?\s*$"
    r"|Thread \d+ \(Thread 0x[\da-f]+ \(LWP \d+\)|Stack dump(?: for PID|, thread) \d+|~{5,} Stack of \S+ \("
    r"|Traceback for thread \d+ |Process \d+: |Timeout \(\d+:\d\d:\d\d|Fatal Python error: |# ?Thread(?:ID)?: "
)
_ESCAPED_FRAME = re.compile(r'File \\?"[^"]+", line \d+, in [^\\]+\\n')
_ESCAPED_END = re.compile(r"""\\n(?:['"],? ?(?:['"]|\]$|$))?|(?:(?<=['"])|^\s*["'])(?=\s*File \\?")""")
_MAX_LEARNED, _MAX_PREFIX = 8, 200
_MAX_PARTIAL = 20_000
_MAX_STREAMS = 64


class Unwrapper:
    """Takes prefixes off the lines of one input: those that `unwrap` knows, and those that it shows by itself.

    Where a dump's head stands in the middle of a line, what stands before it is the prefix of whoever wrote the log,
    with other digits in each line: a logger's, a mail's ``>``, ``grep -n``'s.

    Threads: for one thread at a time; keeps a few patterns and the unfinished lines.
    """

    def __init__(self) -> None:
        """Nothing is learned yet."""
        self._learned: dict[str, re.Pattern[str]] = {}
        self._partial: dict[str, str] = {}

    @property
    def has_learned(self) -> bool:
        """Whether lines may have a prefix that only the input itself has shown."""
        return bool(self._learned)

    def lines(self, line: str) -> Iterator[tuple[str, str]]:
        """As `unwrap`, of a line as it is in the input: colours and the escapes of HTML are taken off as well."""
        if "\x1b" in line:
            line = _COLOUR.sub("", line)
        if "&" in line and ("&lt;" in line or "&quot;" in line or "&#34;" in line):
            line = html.unescape(line)
        for key, text in unwrap(line):
            if key.endswith(_PART):  # Kubernetes writes a long line in pieces
                key = key.removesuffix(_PART)
                if len(self._partial) < _MAX_STREAMS:
                    self._partial[key] = (self._partial.get(key, "") + text)[:_MAX_PARTIAL]
                continue
            if self._partial and key in self._partial:
                text = self._partial.pop(key) + text
            if "<FrameSummary " in text and (frames := summarised(text)):
                for part in frames:
                    yield self._without_own(key, part)
                continue
            if "\\n" in text and _ESCAPED_FRAME.search(text):  # the repr of a list or text of frames, or its JSON
                for part in _ESCAPED_END.sub("\n", text).replace('\\"', '"').splitlines():
                    yield self._without_own(key, part)
                continue
            yield self._without_own(key, text)

    def _without_own(self, key: str, text: str) -> tuple[str, str]:
        """The line without a prefix that it was learned from the heads of dumps."""
        if "hread" in text or "Process " in text or "Stack " in text or "Timeout (" in text or "Fatal " in text:
            self._learn(text)
        for pattern in self._learned.values():
            match = pattern.match(text)
            if match is not None:
                return key, text[match.end() :]
        return key, text

    def _learn(self, text: str) -> None:
        head = _HEAD_INSIDE.search(text[:_MAX_PARTIAL])
        prefix = text[: head.start()] if head is not None else ""
        if not prefix.strip() or len(prefix) > _MAX_PREFIX or prefix in self._learned:
            return
        if any(p.fullmatch(prefix) for p in self._learned.values()):
            return
        if len(self._learned) >= _MAX_LEARNED:
            self._learned.pop(next(iter(self._learned)))
        self._learned[prefix] = _pattern(prefix)


def _pattern(prefix: str) -> re.Pattern[str]:
    """What matches the prefix with any other numbers; the spaces at its end are part of it, further ones are not."""
    body = prefix.rstrip()
    parts = re.split(r"(\s*\d+|\s+)", body)
    made = "".join(
        re.escape(p) if n % 2 == 0 else r"\s*\d+" if p.strip() and p[0].isspace() else r"\d+" if p.strip() else r"\s+"
        for n, p in enumerate(parts)
    )
    spaces = len(prefix) - len(body)
    return re.compile(made + (rf"(?:\s{{{spaces}}}|\s*$)" if spaces else ""))


_PART = "\0"
"""Ends the key of a piece of a line whose rest is still to come."""


def _plain(line: str) -> Iterator[tuple[str, str]]:
    key, part = "", ""
    if line[:1] not in " \t":
        for _ in range(3):  # a collector in front of a collector
            match = _prefix(line)
            if match is None:
                break
            key += f"{match['key']}/" if match["key"] else ""
            part = _PART if match.groupdict().get("partial") else part
            line = line[match.end() :]
    if "#01" in line:  # as rsyslog writes control characters
        for text in line.replace("#011", "\t").split("#012") if key else [line.replace("#011", "\t")]:
            yield key + part, text
        return
    yield key + part, line


def _from_json(line: str) -> tuple[str, str] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    inner = record.get("jsonPayload")
    for name in _JSON_TEXT:
        text = record.get(name)
        if text is None and isinstance(inner, dict):
            text = inner.get(name)
        if isinstance(text, list) and all(isinstance(b, int) and 0 <= b < 256 for b in text):
            text = bytes(text).decode("utf-8", "replace")  # journald's way with lines that have control characters
        if isinstance(text, str):
            return "/".join(str(record[k]) for k in _JSON_KEY if k in record), text
    return None
