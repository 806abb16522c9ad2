"""The bytes of logs: files, compressed files, pipes, files that still grow; in blocks of whole lines."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

BLOCK_BYTES = 1 << 16
"""Bytes that are read at once; what is made of them should fit into a processor's cache."""
MAX_LINE_BYTES = 1 << 20
"""Longest line that is kept as it is; of a longer one only the beginning is."""
KEPT_OF_LONG = 1 << 16
POLL_S = 0.5
"""How often a growing file is looked at."""

_ROTATION = re.compile(
    r"(?:\.\d{1,4}|[.-]\d{4}-?\d\d-?\d\d(?:[_T-]?\d\d[-:]?\d\d(?:[-:]?\d\d)?)?)?(?:\.(?:gz|bz2|xz))?\Z"
)
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class UnreadableLog(Exception):
    """A log cannot be read; the message is a sentence that says which and why."""


@dataclass(slots=True)
class Block:
    """Some whole lines.

    Attributes:
        file: path; "" for a pipe.
        first: number of the first line, counted in its file from 1.
        lines: without line ends.
        size: bytes that were read for it.
    """

    file: str
    first: int
    lines: list[bytes]
    size: int


@dataclass(slots=True)
class Source:
    """One stream of lines: a file with its rotated predecessors, or a pipe.

    Attributes:
        name: for people.
        files: oldest first; empty for standard input.
        long_lines: lines that were cut.
        broken: what was wrong with a compressed file, in words.
        start: byte of the only file at which to begin; it must be the first of a line.
        stop: byte at which to end, as a line does; None for the end of the file.
    """

    name: str
    files: tuple[Path, ...]
    long_lines: int = 0
    broken: str = ""
    start: int = 0
    stop: int | None = None

    def blocks(self, *, follow: bool = False, wait: Callable[[float], None] = time.sleep) -> Iterator[Block]:
        """The lines, in blocks.

        Args:
            follow: at the end of the last file go on waiting for more, as ``tail -F`` does; never ends by itself, and
                yields an empty block whenever there is nothing new.
            wait: how to wait; for tests.

        Raises:
            UnreadableLog: a file cannot be opened or read.

        Threads: for one thread; blocks on a pipe.
        """
        if not self.files:
            yield from self._of_stream(sys.stdin.buffer, "", None)
            return
        for path in self.files:
            last = follow and path is self.files[-1]
            again = True
            try:
                while again:
                    with _opened(path) as stream:
                        if self.start:
                            stream.seek(self.start)
                        yield from self._of_stream(stream, str(path), wait if last else None)
                    again = last  # it was rotated: go on with the file that now has the name
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
                    raise UnreadableLog(f"cannot read {path}: {error.strerror}") from None
                self.broken = f"{path} ends early: {error}"

    def _of_stream(self, stream: IO[bytes], file: str, wait: Callable[[float], None] | None) -> Iterator[Block]:
        decoder: codecs.IncrementalDecoder | None = None
        number, rest, skipping, fresh = 1, b"", False, True
        read = getattr(stream, "read1", stream.read)
        left = None if self.stop is None else self.stop - self.start
        while True:
            try:
                data = read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left))
            except (EOFError, zlib.error, lzma.LZMAError) as error:
                self.broken = f"{file} ends early: {error}"
                data = b""
            if not data:
                if wait is not None:
                    wait(POLL_S)
                    if _replaced(stream, file):
                        break
                    yield Block(file, number, [], 0)
                    continue
                break
            size = len(data)
            if left is not None:
                left -= size
            if fresh:
                fresh = False
                if data[:2] in _UTF16:  # what PowerShell's ">" writes
                    decoder = codecs.getincrementaldecoder(_UTF16[data[:2]])("replace")
                    data = data[2:]
                elif data.startswith(codecs.BOM_UTF8):
                    data = data[3:]
            if decoder is not None:
                data = decoder.decode(data).encode("utf-8", "replace")
            lines = data.split(b"\n")
            if skipping:
                if len(lines) == 1:
                    continue
                lines[0], skipping = rest, False
            elif rest:
                lines[0] = rest + lines[0]
            rest = lines.pop()
            if len(rest) > MAX_LINE_BYTES:
                rest, skipping = rest[:KEPT_OF_LONG], True
                self.long_lines += 1
            if lines:
                if len(lines[0]) > MAX_LINE_BYTES:  # the others lie inside one block
                    lines[0] = lines[0][:KEPT_OF_LONG]
                    self.long_lines += 1
                if lines[0][-1:] == b"\r" or lines[-1][-1:] == b"\r":
                    lines = [x.rstrip(b"\r") for x in lines]
                yield Block(file, number, lines, size)
                number += len(lines)
        if rest:
            yield Block(file, number, [rest], 0)


def _replaced(stream: IO[bytes], file: str) -> bool:
    """Another file has the name now, or the file was emptied."""
    try:
        now, held = os.stat(file), os.fstat(stream.fileno())
    except OSError:
        return False
    return (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino) or now.st_size < stream.tell()


_PACKED: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)
"""How compressed files begin, and what opens them."""


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a log, unpacked; its beginning is only peeked at, because a named pipe gives each byte once."""
    with path.open("rb") as raw:
        head = raw.peek(6)
        unpack = next((unpack for begins, unpack in _PACKED if head.startswith(begins)), None)
        if unpack is None:
            yield raw
        else:
            with unpack(raw) as unpacked:
                yield unpacked


def sources_of(names: Sequence[str], *, rotated: bool = False) -> list[Source]:
    """The streams that these names stand for; rotated files of one log become one stream, oldest first.

    Args:
        names: paths; "-" for standard input.
        rotated: also take the rotated predecessors (``log.1``, ``log.2.gz``, ``log-20261122``) that lie beside a file.

    Raises:
        UnreadableLog: a file is not there, is a directory or may not be read.

    Threads: any; looks at the file system.
    """
    streams: dict[str, list[Path]] = {}
    order: list[str] = []
    for name in names:
        path = Path(name)
        base = name if name == "-" else _base(path)
        if base not in streams:
            streams[base] = []
            order.append(base)
        if name == "-":
            continue
        if path.is_dir():
            raise UnreadableLog(f"{name} is a folder; name the log files in it")
        if not path.exists():
            raise UnreadableLog(f"there is no file {name}")
        for one in [path, *(_predecessors(path) if rotated else ())]:
            if one not in streams[base]:
                streams[base].append(one)
    return [Source(name=base, files=tuple(sorted(streams[base], key=_age, reverse=True))) for base in order]


def _base(path: Path) -> str:
    stem = _ROTATION.sub("", path.name)
    return str(path.with_name(stem)) if stem else str(path)


def _predecessors(path: Path) -> list[Path]:
    base = _base(path)
    return [p for p in path.parent.glob("*") if p.is_file() and p != path and _base(p) == base]


def _age(path: Path) -> tuple[int, str]:
    """Sorts rotated files: ``log`` is youngest, then ``log.1``; dated ones are older the earlier their date is."""
    suffix = path.name[len(Path(_base(path)).name) :]
    number = re.match(r"\.(\d{1,4})(?:\.|\Z)", suffix)
    if number:
        return int(number[1]), ""
    digits = re.sub(r"\D", "", suffix.partition(".gz")[0])
    # Inverted digits, so that the earlier date sorts as the older file.
    return (1 if digits else 0), "".join(chr(ord("9") - ord(d) + ord("0")) for d in digits)
