"""The pieces of a recording that is being written, as those see them who store rows into them.

Threads: any; the one that owns a chunk writes to it. Nothing here blocks.
"""

from __future__ import annotations

import mmap
from _thread import _local
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from time import monotonic_ns
from typing import Any

from paramedic.trace import native
from paramedic.trace.layout import CHUNK_BYTES, ENDED_OTHERWISE, ROW, ROW_BYTES, WORD

_rows: Callable[[Any, int, int], Iterator[int]] = (
    (lambda _, first, end: iter(range(first, end))) if native.rows is None else native.rows.Page
)


class Extent:
    """A mapped piece of the file.

    Attributes:
        mapping: its bytes.
        ends: of each row, where the time is stored at which its call ends.
        sizes: of each row, where the measure of its call's result is stored.
    """

    __slots__ = ("ends", "mapping", "sizes")

    def __init__(self, mapping: mmap.mmap) -> None:
        self.mapping = mapping
        view = memoryview(mapping)
        self.ends = view.cast(WORD)[1 :: ROW_BYTES // 8]
        self.sizes = view.cast("I")[6 :: ROW_BYTES // 4]


class Chunk:
    """What one thread at a time writes to.

    Attributes:
        extent: where it is; None for one that takes nothing.
        mapping: the extent's, or in one that takes nothing a counter of the rows that it did not take.
        rows: places that are left, as numbers of rows in the extent.
        ends: see `Extent`; of a chunk that is gone, something that keeps nothing in the file.
        sizes: as ``ends``.
        start: offset in the extent.
        number: our number of the thread.
    """

    __slots__ = ("ends", "extent", "mapping", "number", "rows", "sizes", "start")

    def __init__(self, extent: Extent | None, start: int, number: int) -> None:
        self.extent = extent
        self.start = start
        self.number = number
        self.mapping: Any
        self.ends: Any
        self.sizes: Any
        self.rows: Iterator[int]
        if extent is None:
            self.mapping, self.rows = count(1).__next__, iter(())
            self.ends, self.sizes = {}, {}
        else:
            first = start // ROW_BYTES
            self.mapping, self.rows = extent.mapping, _rows(extent.mapping, first + 1, first + CHUNK_BYTES // ROW_BYTES)
            self.ends, self.sizes = extent.ends, extent.sizes

    def let_go(self) -> None:
        """Calls that are under way, and know the chunk, shall not write into it any more when they end."""
        self.ends, self.sizes = {}, {}
        if native.rows is not None and self.extent is not None:
            self.rows.close()  # type: ignore[attr-defined]


class Silence:
    """What stands for the threads' own chunks between two recordings: every thread has the chunk that takes nothing."""

    __slots__ = ("chunk",)

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk


_MOST_ENDED = 1000


class Current:
    """What rewritten code and the hot paths in C know of a recording; all in it is another one in each recording.

    Attributes:
        local: has the calling thread's chunk as its attribute ``chunk``.
        texts: the ids of the texts that are stored.
        spare: chunks with room, of threads that have ended: the next that starts takes the first.
        ended: the numbers of those threads.
    """

    __slots__ = ("ended", "local", "spare", "texts")

    def __init__(self) -> None:
        self.local: Any = _local()
        self.texts: dict[str, int] = {}
        self.spare: deque[Chunk] = deque()
        self.ended: set[int] = set()

    def fills(self, chunk: Chunk, filled: deque[Chunk]) -> None:
        """A chunk is full, and is put among those that are.

        Of the threads that have ended only theirs are asked for: the others are forgotten, or a program that starts
        threads for days would keep the number of each.

        Threads: any; it does not block.
        """
        filled.append(chunk)
        if len(self.ended) > max(_MOST_ENDED, 2 * len(filled)):
            self.ended.intersection_update([one.number for one in list(filled)])


Span = Any
"""Where the row of a call that is under way is: `_rows.Call`, without C the chunk and the place; or `NO_SPAN`."""
NO_SPAN: Span
under_way: Callable[[Chunk, int], Span]
"""That of a place of a chunk."""
end_call: Callable[[Span, int], object]
"""Store that a call has returned, and the measure of its result."""
ended_otherwise: Callable[[Span], int]
"""A row of its own is to say how a call ended; returns the object that it was of, 0 if the chunk is gone."""
forget_pages: Callable[[], object]
"""To be called where a thread gets another chunk, or none, while there is room in the one that it had."""


def _place(chunk: Chunk, place: int) -> Span:
    return chunk, place


def _end_call(call: Span, size: int) -> None:
    chunk, place = call
    chunk.sizes[place] = size
    chunk.ends[place] = monotonic_ns()


def _ended_otherwise(call: Span) -> int:
    chunk, place = call
    if type(chunk.ends) is dict:
        return 0
    obj: int = ROW.unpack_from(chunk.mapping, place * ROW_BYTES)[2]
    chunk.ends[place] = ENDED_OTHERWISE
    return obj


if native.rows is None:
    NO_SPAN, under_way, end_call, ended_otherwise = (None, None), _place, _end_call, _ended_otherwise
    forget_pages = int  # nobody knows them but `Current.local`
else:
    NO_SPAN, under_way = None, lambda chunk, place: chunk.rows.call(place)  # type: ignore[attr-defined]
    end_call, ended_otherwise = native.rows.Call.end, native.rows.Call.ended_otherwise
    forget_pages = native.rows.Page.forget
