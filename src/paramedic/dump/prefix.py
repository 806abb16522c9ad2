"""Log lines without what syslog, journald, Docker, Kubernetes and compose put in front of them.

A dump that went through a log collector has a prefix on each line, and dumps of several containers may be interleaved
in one file. `unwrap` takes the prefix off and says which stream the line belongs to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z| ?[+-]\d\d:?\d\d)?"

_DATED = tuple(
    re.compile(pattern)
    for pattern in (
        # Kubernetes (CRI): TIME stderr F text
        rf"{_TIME} (?P<key>stdout|stderr) [FP](?: |$)",
        # rsyslog's and journalctl's ISO forms: TIME host prog[123]: text
        rf"{_TIME} (?P<key>\S+ [^\s:\[]+\[\d+\]):(?: |$)",
        # docker logs --timestamps
        rf"(?P<key>){_TIME}(?: |$)",
    )
)
# RFC 3164 and journalctl's short form: Nov 23 08:31:13 host prog[123]: text
_BSD = re.compile(
    r"(?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? (?P<key>\S+ [^\s:\[]+(?:\[\d+\])?):(?: |$)"
)
# RFC 5424: <34>1 TIME HOST APP PROCID MSGID [data] text
_RFC5424 = re.compile(rf"<\d{{1,3}}>1 {_TIME} (?P<key>\S+ \S+ \S+) \S+ (?:-|(?:\[[^\]]*\])+)(?: \ufeff?|$)")
# kubectl logs --prefix
_KUBECTL = re.compile(r"\[(?P<key>pod/[^\]\s]+)\](?: |$)")
# docker compose: web-1  | text
_COMPOSE = re.compile(r"(?P<key>[A-Za-z0-9][\w.-]*) +\|(?: |$)")


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


_JSON_TEXT = ("log", "MESSAGE", "message", "msg", "textPayload", "line")
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


def _plain(line: str) -> Iterator[tuple[str, str]]:
    key = ""
    if line[:1] not in " \t":
        for _ in range(3):  # a collector in front of a collector
            match = _prefix(line)
            if match is None:
                break
            key += f"{match['key']}/" if match["key"] else ""
            line = line[match.end() :]
    yield key, line.replace("#011", "\t") if "#011" in line else line


def _from_json(line: str) -> tuple[str, str] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    for name in _JSON_TEXT:
        text = record.get(name)
        if isinstance(text, str):
            return "/".join(str(record[k]) for k in _JSON_KEY if k in record), text
    return None
