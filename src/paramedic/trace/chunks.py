"""The pieces of a recording that is being written, as those see them who store rows into them.

Threads: any; the one that owns a chunk writes to it. Nothing here blocks.
"""

from __future__ import annotations

import mmap
import sys
from _thread import _local
from collections.abc import Iterator
from itertools import count
from typing import Any

from paramedic.trace.layout import CHUNK_BYTES, ENDED_OTHERWISE, LOWER, ROW_WORDS, WORD, WORD_BYTES


class Extent:
    """A mapped piece of the file.

    Attributes:
        mapping: its bytes.
        words: the same as numbers of 8 bytes, see `paramedic.trace.layout`.
        sizes: the same as numbers of 4 bytes, from the first row's ``b`` on: where the measure of a call's result goes.
    """

    __slots__ = ("mapping", "sizes", "words")

    def __init__(self, mapping: mmap.mmap) -> None:
        self.mapping = mapping
        view, sizes = memoryview(mapping), memoryview(mapping)[_B_OFFSET:]
        as_is = sys.byteorder == "little"
        self.words: Any = view.cast(WORD) if as_is else _OtherOrder(view, WORD_BYTES)
        self.sizes: Any = sizes.cast("I") if as_is else _OtherOrder(sizes, WORD_BYTES // 2)


_B_OFFSET = 24


class _OtherOrder:
    """The numbers in a file, on a machine that has the bytes of its own the other way round."""

    __slots__ = ("_view", "_width")

    def __init__(self, view: memoryview, width: int) -> None:
        self._view = view
        self._width = width

    def __getitem__(self, at: int) -> int:
        return int.from_bytes(self._view[at * self._width : (at + 1) * self._width], "little")

    def __setitem__(self, at: int, value: int) -> None:
        try:
            self._view[at * self._width : (at + 1) * self._width] = value.to_bytes(self._width, "little")
        except OverflowError as e:  # as a memoryview says it
            raise ValueError(str(e)) from None


class Chunk:
    """What one thread at a time writes to.

    Attributes:
        extent: where it is; None for one that takes nothing.
        mapping: the extent's, or in one that takes nothing a counter of the rows that it did not take.
        rows: places that are left: the numbers of their first words in the extent.
        words: see `Extent`; of a chunk that is gone, something that keeps nothing in the file.
        sizes: as ``words``; a row's place in it is twice that in those.
        start: offset in the extent.
        number: our number of the thread.
    """

    __slots__ = ("extent", "mapping", "number", "rows", "sizes", "start", "words")

    def __init__(self, extent: Extent | None, start: int, number: int) -> None:
        self.extent = extent
        self.start = start
        self.number = number
        self.mapping: Any
        self.words: Any
        self.sizes: Any
        self.rows: Iterator[int]
        if extent is None:
            self.mapping, self.rows = count(1).__next__, iter(())
            self.words, self.sizes = {}, {}
        else:
            self.mapping, self.words, self.sizes = extent.mapping, extent.words, extent.sizes
            first, after = start // WORD_BYTES, (start + CHUNK_BYTES) // WORD_BYTES
            self.rows = iter(range(first + ROW_WORDS, after, ROW_WORDS))

    def ended_otherwise(self, place: int) -> int:
        """A row of its own is to say how a call ended; returns the object that it was of, 0 if the chunk is gone."""
        words = self.words
        if type(words) is dict:
            return 0
        obj: int = words[place + 2] & LOWER
        words[place + 1] = ENDED_OTHERWISE
        return obj

    def let_go(self) -> None:
        """Calls that are under way, and know the chunk, shall not write into it any more when they end."""
        self.words, self.sizes = {}, {}


class Silence:
    """What stands for the threads' own chunks between two recordings: every thread has the chunk that takes nothing."""

    __slots__ = ("chunk",)

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk


class Current:
    """What rewritten code knows of a recording.

    Attributes:
        local: has the calling thread's chunk as its attribute ``chunk``; another one in each recording.
    """

    __slots__ = ("local",)

    def __init__(self) -> None:
        self.local: Any = _local()


Span = tuple[Chunk, int] | tuple[None, None]
"""Where the row of a call that is under way is: the chunk and the place; or it has none."""
NO_SPAN: Span = (None, None)
