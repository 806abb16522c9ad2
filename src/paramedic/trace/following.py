"""Read a recording that is being written piece by piece: each time only what has come since.

Threads: one thread at a time for each file.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from paramedic.model.event import Kind, Row
from paramedic.trace.layout import (
    CHUNK_BYTES,
    HEADER_BYTES,
    LAST_PIECE,
    ROLE_TEXTS,
    ROW,
    ROW_BYTES,
    TEXT_ROW,
)
from paramedic.trace.reader import RecordingError, TraceFile, open_trace
from paramedic.trace.rows import ALWAYS, new_decoder

_EMPTY, _CHUNK, _TEXT = int(Kind.EMPTY), int(Kind.CHUNK), int(Kind.TEXT)
_LATER = bytes([Kind.LATER])
_ROWS = CHUNK_BYTES // ROW_BYTES
_GIVEN_UP_ROWS = 64
"""A row that is empty although so many stand behind it will not be written any more."""


@dataclass(slots=True)
class _Place:
    """How far a chunk was read.

    Attributes:
        generation: of the chunk: it may be used again.
        row: that comes next.
        thread: whose it would be.
        open: offsets of calls that had not ended, and their threads.
    """

    generation: int
    row: int = 1
    thread: int = 0
    open: dict[int, int] = field(default_factory=dict)


class TraceFollower:
    """One process's file, while it grows.

    Attributes:
        trace: the file as it was first opened, with its header; its texts grow with what is read.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            RecordingError: it is no recording that can be read (not yet, perhaps).
        """
        self.trace: TraceFile = open_trace(path)
        self._path = path
        self._decoder = new_decoder(self.trace.header["operations"])
        self._places: dict[int, _Place] = {}
        self._pieces: dict[int, list[tuple[int, int, bytes]]] = {}
        self._held: list[Row] = []
        self._data: Any = b""

    def events(self, until_ns: int) -> list[Row]:
        """What has come since the last time, in the order of time, up to a moment; what is later is kept for next time.

        Args:
            until_ns: on the recording's clock.
        """
        self._map()
        fresh = self._held
        for offset in range(HEADER_BYTES, len(self._data) - CHUNK_BYTES + 1, CHUNK_BYTES):
            place = self._places.get(offset)
            if (
                place is not None
                and place.row >= _ROWS
                and not place.open
                and place.generation == self._generation(offset)
            ):
                continue
            t_ns, generation, _, _, role, _, _, kind = ROW.unpack_from(self._data, offset)
            if kind != _CHUNK:
                continue
            if place is None or place.generation != generation:
                place = self._places[offset] = _Place(generation)
            if role == ROLE_TEXTS:
                self._texts(offset, place)
            else:
                self._rows(offset, place, fresh)
        fresh.sort(key=itemgetter(0))
        upto = len(fresh)
        while upto and fresh[upto - 1][0] > until_ns:
            upto -= 1
        self._held = fresh[upto:]
        return fresh[:upto]

    def close(self) -> None:
        """Let go of the file."""
        self.trace.close()
        if isinstance(self._data, mmap.mmap):
            self._data.close()

    def _map(self) -> None:
        try:
            with self._path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > max(HEADER_BYTES, len(self._data)):
                    self._data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise RecordingError(f"{self._path}: cannot be read any more: {error}") from None

    def _generation(self, offset: int) -> int:
        return int(ROW.unpack_from(self._data, offset)[1])

    def _rows(self, offset: int, place: _Place, fresh: list[Row]) -> None:
        data = self._data
        begin = offset + place.row * ROW_BYTES
        rows = data[begin : offset + CHUNK_BYTES].rstrip(b"\0")  # a row's last byte is its kind
        rows = rows[: len(rows) // ROW_BYTES * ROW_BYTES]
        taken = rows[ROW_BYTES - 1 :: ROW_BYTES].find(_EMPTY, max(0, len(rows) // ROW_BYTES - _GIVEN_UP_ROWS + 1))
        if taken >= 0:
            rows = rows[: taken * ROW_BYTES]  # its thread is in the middle of the next one
        # looked at before what comes later is decoded, so that what one thread did stays in its order
        for at, whose in list(place.open.items()):
            end = ROW.unpack_from(data, at)[1]
            if end:
                del place.open[at]
                self._decoder.decode(data[at : at + ROW_BYTES - 1] + _LATER, whose, fresh, ALWAYS, [], None)
        fresh_open: dict[int, int] = {}
        place.row += len(rows) // ROW_BYTES
        place.thread = self._decoder.decode(rows, place.thread, fresh, ALWAYS, [], fresh_open)
        place.open.update((begin + row * ROW_BYTES, whose) for row, whose in fresh_open.items())

    def _texts(self, offset: int, place: _Place) -> None:
        begin = offset + place.row * ROW_BYTES
        for text_id, piece, size, raw, kind in TEXT_ROW.iter_unpack(self._data[begin : offset + CHUNK_BYTES]):
            if kind != _TEXT:
                return
            place.row += 1
            parts = self._pieces.setdefault(text_id, [])
            parts.append((piece, size, raw))
            last = max(parts)
            if last[1] & LAST_PIECE and len(parts) == last[0] + 1:
                whole = b"".join(raw[: size & ~LAST_PIECE] for _, size, raw in sorted(parts))
                self.trace.texts[text_id] = whole.decode("utf-8", "backslashreplace")
                del self._pieces[text_id]
