"""Read a recording's file: whole, cut off anywhere, or still being written."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paramedic.model.event import Event, Kind
from paramedic.model.report import Gap
from paramedic.trace.layout import (
    CHUNK_BYTES,
    HEAD,
    HEADER_BYTES,
    LAST_PIECE,
    MAGIC,
    ROLE_TEXTS,
    ROW,
    ROW_BYTES,
    SUFFIX,
    TEXT_ROW,
    VERSION,
)

_EMPTY, _CHUNK, _OWNER = int(Kind.EMPTY), int(Kind.CHUNK), int(Kind.OWNER)
_SLICE_CHUNKS = 64
"""How many chunks are decoded before what is certainly in order is handed on."""


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

    def events(self) -> Iterator[Event]:
        """All events in the order of time.

        Chunks are sorted by the time of their first row; an event is handed on as soon as no later chunk can hold an
        earlier one, so that memory is bounded by the number of threads that are alive at once.
        """
        chunks = self._row_chunks()
        waiting: list[Event] = []
        position = 0
        while position < len(chunks):
            upto = min(position + _SLICE_CHUNKS, len(chunks))
            for _, offset in chunks[position:upto]:
                waiting.extend(self._rows(offset))
            position = upto
            waiting.sort()
            if position < len(chunks):
                certain = chunks[position][0]
                low, high = 0, len(waiting)
                while low < high:  # bisect on the time only
                    middle = (low + high) // 2
                    if waiting[middle].t_ns < certain:
                        low = middle + 1
                    else:
                        high = middle
                yield from waiting[:low]
                del waiting[:low]
        yield from waiting

    def _chunk_offsets(self) -> Iterator[tuple[int, int, int, int]]:
        for offset in range(HEADER_BYTES, len(self._data) - ROW_BYTES + 1, CHUNK_BYTES):
            t_ns, generation, _, _, role, _, _, kind = ROW.unpack_from(self._data, offset)
            if kind == _CHUNK:
                yield offset, t_ns, generation, role

    def _row_chunks(self) -> list[tuple[int, int]]:
        return sorted((t, offset) for offset, t, _, role in self._chunk_offsets() if role != ROLE_TEXTS)

    def _rows(self, offset: int) -> Iterator[Event]:
        end = min(offset + CHUNK_BYTES, len(self._data))
        end -= (end - offset) % ROW_BYTES
        thread = 0
        make = tuple.__new__
        for t, a, obj, site, b, op, _, kind in ROW.iter_unpack(self._data[offset + ROW_BYTES : end]):
            if kind == _EMPTY:
                continue
            if kind == _OWNER:
                thread = a
                continue
            yield make(Event, (t, a, obj, site, b, op, thread, kind))

    def _read_texts(self) -> None:
        pieces: dict[int, dict[int, bytes]] = {}
        for offset, _, _, role in self._chunk_offsets():
            if role != ROLE_TEXTS:
                continue
            end = min(offset + CHUNK_BYTES, len(self._data))
            end -= (end - offset) % ROW_BYTES
            for text_id, piece, size, raw, kind in TEXT_ROW.iter_unpack(self._data[offset + ROW_BYTES : end]):
                if kind == _EMPTY:
                    continue
                pieces.setdefault(text_id, {})[piece] = raw[: size & ~LAST_PIECE]
        for text_id, parts in pieces.items():
            self.texts[text_id] = b"".join(parts[n] for n in sorted(parts)).decode("utf-8", "surrogateescape")

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
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
            data: bytes | mmap.mmap = b""
            if size > HEADER_BYTES:
                data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except OSError as e:
        raise RecordingError(f"{path}: cannot be read: {e.strerror or e}") from None
    if size == 0:
        raise RecordingError(f"{path}: is empty: the program ended before anything was recorded")
    if not head.startswith(MAGIC[: min(len(head), len(MAGIC))]) or len(head) < HEAD.size:
        raise RecordingError(f"{path}: is not a recording of Paramedic's (those are made by `paramedic run`)")
    _, version, length = HEAD.unpack_from(head)
    if version > VERSION:
        raise RecordingError(
            f"{path}: was made by a newer Paramedic (format {version}, this one reads {VERSION}): upgrade"
        )
    try:
        header = json.loads(head[HEAD.size : HEAD.size + length])
        if not isinstance(header, dict) or not isinstance(header.get("operations"), list):
            raise ValueError
    except ValueError:
        raise RecordingError(f"{path}: its header is damaged or cut off; nothing can be read of it") from None
    trace = TraceFile(path, header, _data=data)
    body = max(0, size - HEADER_BYTES)
    if body % CHUNK_BYTES:
        trace.gaps.append(Gap(reason="cut-off", detail=f"{path.name} ends in the middle; what stands before is used"))
    trace._read_texts()
    return trace


def find_traces(path: Path) -> list[Path]:
    """The files of a recording: of a folder all that end in ``.pmrec``, else the file itself.

    Raises:
        RecordingError: there is nothing there.

    Threads: any; blocks on the disk.
    """
    if path.is_dir():
        found = sorted(path.glob(f"*{SUFFIX}"), key=lambda p: (os.stat(p).st_mtime_ns, p.name))
        if not found:
            raise RecordingError(f"{path}: no recording is in this folder (files ending in {SUFFIX})")
        return found
    if not path.exists():
        raise RecordingError(f"{path}: there is no such file or folder")
    return [path]
