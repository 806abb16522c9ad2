"""A form of lines that no list has, learnt from the lines themselves.

What stands before the message is taken for columns: time, level, logger, and words that are not known yet. Which of
them is the thread, Paramiko's messages tell: a transport's own thread confirms channels, others ask for them, so the
thread's column is the one that is different on the two.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from paramedic.logs.phrases import split_channel
from paramedic.logs.times import STAMP

LEVEL = (
    rb"(?:\x1b\[[\d;]*m)*(?i:trace|spam|verbose|debug|debu|dbg|deb|dbug|info|inf|notice|success|warning|warn|war|error|err"
    rb"|erro|critical|crit|cri|fatal|notset|level \d+|[dtiwecf])(?:\x1b\[[\d;]*m)*"
)
"""The words for levels, in colours too."""
LOGGER = rb"paramiko(?:\.\w+)*"
KNOWN_THREAD = rb"MainThread|ThreadPoolExecutor-\d+_\d+|Thread-\d+(?: \([^)]*\))?|Dummy-\d+|asyncio_\d+"

_TOKEN = re.compile(
    rb"(?P<time>" + STAMP + rb")|(?P<logger>\b" + LOGGER + rb"\b)|(?P<level>\b" + LEVEL + rb"(?=\W|\Z))"
    rb"|(?P<named>"
    + KNOWN_THREAD
    + rb")|(?P<place>\b\w+\.py(?::\d+)?\b)|(?P<group>(?<=\[)[^\]]+(?=\])|(?<=\()[^)]+(?=\)))"
    rb"|(?P<word>[^\s\[\](){}<>|:;,=\"']+)"
)
_PIECES = {
    "time": rb"(?:" + STAMP + rb")",
    "logger": rb"[\w.<>-]+",
    "level": LEVEL,
    "named": rb"\S(?:.*?\S)?",
    "place": rb"\w+\.py(?::\d+)?",
    "group": rb"[^\])]+",
    "word": rb"[^\s\[\](){}<>|:;,=\"']+",
}
_OF_TRANSPORTS = (b"Max packet out: ", b"EOF received ", b"Switch to new keys", b"starting thread (", b"userauth is OK")
_OF_OTHERS = (b"Max packet in: ", b"Opened sftp connection", b"Adding ", b"Trying ")

Columns = tuple[tuple[str, bytes], ...]
"""Kinds of columns, with what stands before each."""


def learnt_pattern(lines: Sequence[bytes], start: re.Pattern[bytes]) -> bytes | None:
    """A regular expression with the groups that forms have, for the most usual columns of these lines; None if unclear.

    Args:
        lines: a sample.
        start: finds where Paramiko's words begin in a line.

    Threads: pure.
    """
    rows: list[tuple[Columns, bytes, list[bytes], bytes]] = []
    for line in lines:
        found = start.search(line)
        columns = _columns(line[: found.start()]) if found else None
        if found is not None and columns is not None:
            rows.append((*columns, split_channel(line[found.start() :])[1]))
    if not rows:
        return None
    (usual, end), _ = Counter((columns, rest) for columns, rest, *_ in rows).most_common(1)[0]
    kinds = [kind for kind, _ in usual]
    if kinds.count("logger") != 1:
        return None
    same = [(values, words) for columns, rest, values, words in rows if (columns, rest) == (usual, end)]
    thread = _thread_of(kinds, same)
    process = _process_of(kinds, same, thread)
    pattern = b""
    seen: set[str] = set()
    for index, (kind, before) in enumerate(usual):
        name = "thread" if index == thread else "process" if index == process else kind
        if kind == "time" and "time" in kinds[index + 1 :]:
            name = ""  # that of what wraps the lines; the last one is the program's own
        piece = rb"\d+" if index == process else _PIECES[kind]
        wanted = name in ("time", "logger", "thread", "process") and name not in seen
        seen.add(name)
        pattern += _literal(before) + (b"(?P<%b>%b)" % (name.encode(), piece) if wanted else b"(?:%b)" % piece)
    return pattern + _literal(end) + rb"(?P<message>.*)\Z"


def _columns(head: bytes) -> tuple[Columns, bytes, list[bytes]] | None:
    columns, values, position = [], [], 0
    for found in _TOKEN.finditer(head):
        before = re.sub(rb"\s+", b" ", head[position : found.start()])
        columns.append((found.lastgroup or "", before))
        values.append(found[0])
        position = found.end()
    return (tuple(columns), re.sub(rb"\s+", b" ", head[position:]), values) if len(columns) < 16 else None


def _literal(text: bytes) -> bytes:
    return rb"\s+".join(map(re.escape, text.split(b" "))) if text.strip() else rb"\s*" if text else b""


def _thread_of(kinds: list[str], rows: list[tuple[list[bytes], bytes]]) -> int | None:
    """The column that is never the same for a transport's own messages and for those of its users."""
    best = None
    for index, kind in enumerate(kinds):
        if kind not in ("named", "group", "word"):
            continue
        transports = {values[index] for values, words in rows if words.startswith(_OF_TRANSPORTS)}
        others = {values[index] for values, words in rows if words.startswith(_OF_OTHERS)}
        apart = bool(transports) and bool(others) and not transports & others
        rank = (apart, kind == "named", kind == "group")
        if (apart or kind == "named") and (best is None or rank > best[0]):
            best = (rank, index)
    return None if best is None else best[1]


def _process_of(kinds: list[str], rows: list[tuple[list[bytes], bytes]], thread: int | None) -> int | None:
    for index, kind in enumerate(kinds):
        if kind in ("group", "word") and index != thread and all(values[index].isdigit() for values, _ in rows):
            return index
    return None
