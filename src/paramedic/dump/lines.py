"""Bytes of any kind as lines of text, without ever holding more of them than one long line."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import IO

CHUNK_BYTES = 1 << 16
MAX_LINE_CHARS = 1 << 20
"""A record of a log may have a whole dump in one line."""
_SURE_BYTES = 64


def first_chunk(stream: IO[bytes]) -> bytes:
    """The beginning of a stream, enough to see what it holds.

    Threads: for one thread; blocks as the stream does.
    """
    return stream.read(CHUNK_BYTES)


def lines_of(first: bytes, stream: IO[bytes]) -> Iterator[str]:
    """All lines of a stream whose beginning was read already.

    Bytes that are no UTF-8 become replacement characters; UTF-16 with a byte-order mark (a Windows console's
    redirection), or plainly such without one, is read as such; a longer line than a megabyte is split. As with
    ``str.split``, an empty line at the end says that the last one was finished.

    Threads: for one thread; blocks as the stream does.
    """
    encoding = "utf-16" if first[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    for half, name in ((1, "utf-16-le"), (0, "utf-16-be")):  # without a mark: every other byte of English is none
        sure = first[:_SURE_BYTES]
        if len(sure) == _SURE_BYTES and not any(sure[half::2]) and all(sure[1 - half :: 2]):
            encoding = name
    if encoding != "utf-8":
        yield from _wide_lines(first, stream, encoding)
        return
    first = first.removeprefix(b"\xef\xbb\xbf")
    end = b"\n" if b"\n" in first or b"\r" not in first else b"\r"
    rest = b""
    chunk = first
    newline = b""
    while chunk:
        whole, newline, rest = (rest + chunk).rpartition(end)
        if newline:
            for line in whole.decode(encoding, "replace").split(end.decode()):
                if len(line) <= MAX_LINE_CHARS:
                    yield line.rstrip("\r")
                else:
                    yield from _cut(line.rstrip("\r"))
        while len(rest) > MAX_LINE_CHARS:
            yield rest[:MAX_LINE_CHARS].decode(encoding, "replace")
            rest = rest[MAX_LINE_CHARS:]
        chunk = stream.read(CHUNK_BYTES)
    if rest or newline:
        yield from _cut(rest.decode(encoding, "replace").rstrip("\r"))


def _wide_lines(first: bytes, stream: IO[bytes], encoding: str) -> Iterator[str]:
    decoder = getincrementaldecoder(encoding)("replace")
    chunk, rest, newline = first, "", ""
    while chunk:
        whole, newline, rest = (rest + decoder.decode(chunk)).rpartition("\n")
        for line in whole.split("\n") if newline else ():
            yield from _cut(line.rstrip("\r"))
        while len(rest) > MAX_LINE_CHARS:
            yield rest[:MAX_LINE_CHARS]
            rest = rest[MAX_LINE_CHARS:]
        chunk = stream.read(CHUNK_BYTES)
    rest += decoder.decode(b"", True)
    if rest or newline:
        yield from _cut(rest.rstrip("\r"))


def _cut(line: str) -> Iterator[str]:
    if len(line) <= MAX_LINE_CHARS:
        yield line
        return
    for start in range(0, len(line), MAX_LINE_CHARS):
        yield line[start : start + MAX_LINE_CHARS]
