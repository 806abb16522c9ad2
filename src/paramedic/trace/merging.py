"""The rows of many chunks in one order of time, a few thousand at a time.

Only the rows that are next are decoded, so that memory is bounded by that and not by how many threads are alive; what
is fresh in the processor's caches is also read faster.

Threads: one thread for each iterator; nothing here blocks but on the disk.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import itemgetter

from paramedic.model.event import Kind, Row
from paramedic.trace.layout import CHUNK_BYTES, ROW_BYTES
from paramedic.trace.rows import ALWAYS, Decoder

_TIME = itemgetter(0)
_OWNER = int(Kind.OWNER)
_CHUNKS = 4
"""So many chunks are opened between two steps."""
_MOST_ROWS = 8_192
_LEAST_ROWS = 256
"""About so many rows make a step; where many chunks are open, at least so many of one of them."""
_NO_ROW = bytes(ROW_BYTES)


class _Cursor:
    """How far one chunk has been read."""

    __slots__ = ("_later", "_rows", "_thread", "_times", "left", "place")

    def __init__(self, data: bytes | mmap.mmap, offset: int) -> None:
        end = min(offset + CHUNK_BYTES, len(data))
        rows = data[offset + ROW_BYTES : end - (end - offset) % ROW_BYTES].rstrip(
            b"\0"
        )  # a row's last byte is its kind
        rows = rows[: len(rows) // ROW_BYTES * ROW_BYTES]
        if _NO_ROW in rows:
            rows = b"".join(row for row in _apart(rows) if row[-1])
        times: list[int] = memoryview(rows).cast("Q")[:: ROW_BYTES // 8].tolist()
        if times != sorted(times):
            # a signal handler has recorded while a row was made: that row has the later time and the earlier place
            rows = b"".join(_in_order(_apart(rows)))
            times = list(accumulate(memoryview(rows).cast("Q")[:: ROW_BYTES // 8].tolist(), max))
        self._rows = rows
        self._times = times
        self._thread = 0
        self.place = 0
        self._later: list[Row] = []
        self.left = len(times)

    def time_after(self, rows: int) -> int:
        """The time of the row that comes after so many others."""
        place = self.place + rows
        return self._times[place] if place < len(self._times) else ALWAYS

    def take(self, until_ns: int, decoder: Decoder, events: list[Row]) -> None:
        """Append what happened before that moment."""
        later = self._later
        if later:
            events += [end for end in later if end[0] < until_ns]
            later[:] = [end for end in later if end[0] >= until_ns]
        place = self.place
        upto = bisect_left(self._times, until_ns, place)
        if upto > place:
            rows = self._rows[place * ROW_BYTES : upto * ROW_BYTES]
            self._thread = decoder.decode(rows, self._thread, events, until_ns, later, None)
            self.place = upto
        self.left = len(self._times) - self.place + len(later)


def _apart(rows: bytes) -> list[bytes]:
    return [rows[begin : begin + ROW_BYTES] for begin in range(0, len(rows), ROW_BYTES)]


def _in_order(rows: list[bytes]) -> Iterator[bytes]:
    """The rows of each owner in the order of their times."""
    owned: list[tuple[int, bytes]] = []
    for row in rows:
        if row[-1] == _OWNER:
            yield from (row for _, row in sorted(owned, key=_TIME))
            owned.clear()
            yield row  # before all that are its thread's, whatever their times
        else:
            owned.append((int.from_bytes(row[:8], "little"), row))
    yield from (row for _, row in sorted(owned, key=_TIME))


def merged(data: bytes | mmap.mmap, chunks: Sequence[tuple[int, int]], decoder: Decoder) -> Iterator[list[Row]]:
    """The events of a file, in pieces, in the order of time.

    Args:
        data: the file.
        chunks: time of the first row and offset of each chunk, in the order of time.
        decoder: for this file's rows.
    """
    cursors: list[_Cursor] = []
    opened = 0
    while opened < len(chunks):
        upto = min(opened + _CHUNKS, len(chunks))
        cursors += [_Cursor(data, offset) for _, offset in chunks[opened:upto]]
        opened = upto
        certain = chunks[opened][0] if opened < len(chunks) else ALWAYS  # no other chunk has an earlier row
        until_ns = 0
        while until_ns < certain and cursors:
            rows = max(_LEAST_ROWS, _MOST_ROWS // len(cursors))
            # one more than the time of a row, or a clock that stands still would stop the reading
            until_ns = max(until_ns, min(certain, min(cursor.time_after(rows) for cursor in cursors))) + 1
            until_ns = min(until_ns, certain)
            events: list[Row] = []
            for cursor in cursors:
                cursor.take(until_ns, decoder, events)
            cursors = [cursor for cursor in cursors if cursor.left]
            events.sort(key=_TIME)  # stable: what one thread did in one nanosecond stays in its order
            if events:
                yield events
