"""Read a recording's file: whole, cut off anywhere, or still being written."""

from __future__ import annotations

import json
import mmap
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from paramedic.model.event import Event, Kind, Row
from paramedic.model.report import Gap
from paramedic.trace.layout import (
    CHUNK_BYTES,
    EXTENT_BYTES,
    FIRST_VERSION,
    HEAD,
    HEADER_BYTES,
    LAST_PIECE,
    MAGIC,
    ROLE_TEXTS,
    ROW,
    ROW_BYTES,
    STATUS,
    STATUS_OFFSET,
    SUFFIX,
    TEXT_ROW,
    VERSION,
)
from paramedic.trace.merging import merged
from paramedic.trace.rows import new_decoder

_CHUNK, _TEXT = int(Kind.CHUNK), int(Kind.TEXT)


class RecordingError(Exception):
    """A file is not a recording that can be read; the message says what it is and what to do."""


@dataclass(slots=True)
class TraceFile:
    """One process's recording, opened.

    Attributes:
        path: the file.
        header: what the recorder said about the process.
        texts: by id.
        gaps: what is known to be missing.

    Threads: one thread at a time.
    """

    path: Path
    header: dict[str, Any]
    texts: dict[int, str] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    _data: bytes | mmap.mmap = b""

    def rows(self) -> Iterator[Row]:
        """All events in the order of time, as plain tuples.

        They are read a few thousand at a time; memory is bounded by that.
        """
        return chain.from_iterable(self._batches())

    def events(self) -> Iterator[Event]:
        """All events in the order of time."""
        return map(Event._make, self.rows())

    def _batches(self) -> Iterator[list[Row]]:
        decoder = new_decoder(self.header["operations"])
        for events in merged(self._data, self._row_chunks(), decoder):
            yield events
            self._tell_damaged(decoder.damaged)
        self._tell_damaged(decoder.damaged)

    def _tell_damaged(self, rows: int) -> None:
        if rows:
            detail = f"{self.path.name}: {rows} rows say nothing that this version knows; they are left out"
            self.gaps[:] = [g for g in self.gaps if g.reason != "damaged"]
            self.gaps.append(Gap(reason="damaged", detail=detail, count=rows))

    def _chunk_offsets(self) -> Iterator[tuple[int, int, int, int]]:
        for offset in range(HEADER_BYTES, len(self._data) - ROW_BYTES + 1, CHUNK_BYTES):
            t_ns, generation, _, _, role, _, _, kind = ROW.unpack_from(self._data, offset)
            if kind == _CHUNK:
                yield offset, t_ns, generation, role

    def _row_chunks(self) -> list[tuple[int, int]]:
        return sorted((t, offset) for offset, t, _, role in self._chunk_offsets() if role != ROLE_TEXTS)

    def _read_texts(self) -> None:
        pieces: dict[int, dict[int, tuple[int, bytes]]] = {}
        for offset, _, _, role in self._chunk_offsets():
            if role != ROLE_TEXTS:
                continue
            end = min(offset + CHUNK_BYTES, len(self._data))
            end -= (end - offset) % ROW_BYTES
            for text_id, piece, size, raw, kind in TEXT_ROW.iter_unpack(self._data[offset + ROW_BYTES : end]):
                if kind == _TEXT:
                    pieces.setdefault(text_id, {})[piece] = size, raw
        for text_id, parts in pieces.items():
            raw = b""
            for number in range(len(parts)):  # what stands before the first missing piece is used
                size, part = parts.get(number, (LAST_PIECE, b""))
                raw += part[: size & ~LAST_PIECE]
                if size & LAST_PIECE:
                    break
            # not "surrogateescape": what is read here is printed, and written to files
            self.texts[text_id] = raw.decode("utf-8", "backslashreplace")

    def _read_status(self, head: bytes) -> None:
        dropped, length, why = STATUS.unpack_from(head, STATUS_OFFSET)
        if dropped:
            # once the disk is full, what stands is kept, and a greater limit would not help
            which = " found no room"
            if not length:
                which = ", the oldest of finished threads first, were not kept; a greater --max-size keeps more"
            detail = f"{dropped} rows{which}"
            self.gaps.append(Gap(reason="chunk-dropped", detail=detail, count=dropped))
        if length:
            words = why[:length].decode("utf-8", "backslashreplace")
            self.gaps.append(Gap(reason="disk-full", detail=f"the recording stopped before the program did: {words}"))

    def close(self) -> None:
        """Let go of the file."""
        if isinstance(self._data, mmap.mmap):
            self._data.close()


def open_trace(path: Path) -> TraceFile:
    """Open one process's file.

    Raises:
        RecordingError: it is no recording, is newer than this version reads, or cannot be opened.

    Threads: any; blocks on the disk.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
            raise RecordingError(f"{path}: is not a file; name a recording's folder, or a {SUFFIX} file in it")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(HEADER_BYTES)
            data: bytes | mmap.mmap = b""
            if size > HEADER_BYTES:
                data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as e:
        raise RecordingError(f"{path}: cannot be read: {getattr(e, 'strerror', None) or e}") from None
    if size == 0:
        raise RecordingError(f"{path}: is empty: the program ended before anything was recorded")
    if not head.startswith(MAGIC[: min(len(head), len(MAGIC))]):
        raise RecordingError(f"{path}: is not a recording of Paramedic's (those are made by `paramedic run`)")
    _, version, length = HEAD.unpack_from(head) if len(head) >= HEAD.size else (MAGIC, VERSION, 0)
    if version > VERSION:
        raise RecordingError(
            f"{path}: was made by a newer Paramedic (format {version}, this one reads {VERSION}): upgrade"
        )
    header = _header(head[HEAD.size : HEAD.size + length]) if FIRST_VERSION <= version <= VERSION else None
    if header is None:
        raise RecordingError(
            f"{path}: its header is damaged or cut off; nothing can be read of it; record again: paramedic run app.py"
        )
    trace = TraceFile(path, header, _data=data)
    if len(head) == HEADER_BYTES:
        trace._read_status(head)
    is_whole = size > HEADER_BYTES and not (size - HEADER_BYTES) % EXTENT_BYTES
    if not is_whole and not any(gap.reason == "disk-full" for gap in trace.gaps):
        trace.gaps.append(Gap(reason="cut-off", detail=f"{path.name} ends in the middle; what stands before is used"))
    trace._read_texts()
    return trace


_HEADER_TYPES: dict[str, type] = {
    **dict.fromkeys(("process", "parent", "started_ns"), int),
    **dict.fromkeys(("paramedic", "python", "platform", "level", "program"), str),
}


def _header(blob: bytes) -> dict[str, Any] | None:
    """The header's JSON, without what is not of the type that it should be; None if it is not one."""
    try:
        header = json.loads(blob)
    except (ValueError, RecursionError):
        return None
    operations = header.get("operations") if isinstance(header, dict) else None
    if not isinstance(operations, list) or not all(isinstance(name, str) for name in operations):
        return None
    return {k: v for k, v in header.items() if isinstance(v, _HEADER_TYPES.get(k, object))}


def header_of(path: Path) -> dict[str, Any] | None:
    """What the recorder said about the process of a file; None if that cannot be read.

    Threads: any; blocks on the disk.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
    except OSError:
        return None
    if len(head) < HEAD.size:
        return None
    magic, version, length = HEAD.unpack_from(head)
    known = magic == MAGIC and FIRST_VERSION <= version <= VERSION
    return _header(head[HEAD.size : HEAD.size + length]) if known else None


def find_traces(path: Path) -> list[Path]:
    """The files of a recording: of a folder all that end in ``.pmrec``, else the file itself.

    Raises:
        RecordingError: there is nothing there.

    Threads: any; blocks on the disk.
    """
    if path.is_dir():
        try:
            # a link that leads nowhere is told when it is opened, as what else cannot be read
            found = sorted(path.glob(f"*{SUFFIX}"), key=lambda p: (os.lstat(p).st_mtime_ns, p.name))
        except OSError as e:
            raise RecordingError(f"{path}: cannot be read: {e.strerror or e}") from None
        if not found:
            raise RecordingError(f"{path}: no recording is in this folder (files ending in {SUFFIX})")
        return found
    if not path.exists():
        raise RecordingError(f"{path}: there is no such file or folder")
    return [path]
