"""Append rows to a memory-mapped file without a lock and without a system call per row.

A thread owns a chunk at a time. Appending is: take the next place (one instruction, so neither a signal handler nor a
finalizer that records, too, can take the same one), store 32 bytes. Pages belong to the kernel: they survive
``os._exit``, a segmentation fault and ``kill -9``. When a call ends, the time is stored into the row of its beginning.

This module runs inside the observed program. It keeps its own references to what it uses, because the program may patch
or close anything, and it imports only built-in modules, so that it does not import ``threading`` before, say, gevent.
"""

from __future__ import annotations

import json
from _thread import get_ident
from collections import deque
from collections.abc import Callable
from errno import EACCES, EMFILE, ENFILE, ENOENT, EPERM
from itertools import count
from struct import error as struct_error
from time import monotonic_ns
from typing import Any

from paramedic.model.event import Kind
from paramedic.trace import native
from paramedic.trace.chunks import NO_SPAN, Chunk, Current, Extent, Silence, Span, forget_pages, under_way
from paramedic.trace.extents import ExtentFile
from paramedic.trace.layout import (
    CHUNK_BYTES,
    EXTENT_BYTES,
    HEAD,
    HEADER_BYTES,
    KIND_SHIFT,
    LAST_PIECE,
    MAGIC,
    ROLE_ROWS,
    ROLE_TEXTS,
    ROW,
    ROW_BYTES,
    SPAN_ROW,
    STATUS,
    STATUS_OFFSET,
    STORED_ROW,
    TEXT_BYTES,
    TEXT_ROW,
    VERSION,
)

_CHUNK, _OWNER, _TEXT = int(Kind.CHUNK), int(Kind.OWNER), int(Kind.TEXT)
_PIECES_PER_CHUNK = CHUNK_BYTES // ROW_BYTES - 1
_HERE = __file__.removesuffix("writer.py")
_ZEROS = bytes(CHUNK_BYTES)
_LONGEST_TEXT_BYTES = 8192
_KEPT_EXTENTS = 4
"""So much room is made before the process may lose the right to make any."""
_RETRY_ROWS = 256
"""A thread that got no chunk asks again after so many rows: another thread may have ended meanwhile."""

Text = Callable[[str], int]
Row = Callable[[int, int, int, int, int, int], None]
"""kind, op, obj, site, a, b."""

_KEPT = ("current", "on_new_thread", "row", "span", "text")
"""Attributes to which rewritten code and the probes refer: they stay when a writer takes another file."""
_KINDS = tuple(kind << KIND_SHIFT for kind in range(256))


class TraceWriter:
    """One process's file.

    Threads: `row` and `text` may be called from any thread, also from a signal handler or a finalizer that interrupts
    them; they do not block. The others are called where nothing else runs (start, stop, after a fork).
    """

    def __init__(self, path: str, header: dict[str, Any], max_size_bytes: int) -> None:
        """Create the file, mode 0600.

        Args:
            path: where; it must not exist.
            header: what the reader needs to know; becomes JSON.
            max_size_bytes: at this size chunks are used again, oldest first; at least two extents.

        Raises:
            OSError: the file cannot be made. Nothing is left behind but possibly an empty file.
        """
        blob = json.dumps(header).encode()
        self._file = ExtentFile(path, HEAD.pack(MAGIC, VERSION, len(blob)) + blob)
        self.path = self._file.path
        self._begin(max(2, (max_size_bytes - HEADER_BYTES) // EXTENT_BYTES))

    @classmethod
    def asleep_until(cls, wake: Callable[[], None]) -> TraceWriter:
        """A writer that has no file yet; see `sleep`."""
        writer: TraceWriter = object.__new__(cls)
        writer.path = ""
        writer._begin(0)
        writer.sleep(wake)
        return writer

    def _begin(self, max_extents: int) -> None:
        self.full: str = ""
        """Why nothing more is recorded, or ""."""
        self.dropped_rows = 0
        """Rows that were not kept: overwritten by later ones, or never written, because the file is full."""
        self._file_is_ours = True
        self._wakes: deque[Callable[[], None]] = deque()
        self._max_extents = max_extents
        self._extents = count()
        self._refused: deque[int] = deque()
        self._out_of_reach: deque[int] = deque()
        self._room_is_kept = False
        self._maps: list[Extent] = []
        self._fresh: deque[tuple[Extent, int]] = deque()
        self._filled: deque[Chunk] = deque()
        self._chunks: set[Chunk] = set()
        self.current = Current()
        self._thread_numbers = count(1)
        self._text_ids = count(1)
        self._pieces = count()
        self._text_chunks: dict[int, tuple[Extent, int]] = {}
        self.on_new_thread: Callable[[int], None] | None = None
        self.numbers: dict[int, int] = {}
        """Numbers that threads were given before they have recorded anything, by their idents."""
        self._paused = False
        self.row = self._make_row()
        """Append one row for the calling thread; see `paramedic.model.event.Kind` for the arguments."""
        self.span = self._make_span()
        """Append one row into which the end of a call will be stored."""
        self.text: Text = self._text if native.rows is None else native.rows.Text(self.current, self._text)
        """The id of a text, which is written when it is new. Id 0 is the empty text, or one that found no room."""

    def _make_row(self) -> Row:
        """The hot path, as a closure: every attribute that is not looked up counts."""
        current, pack, now, full, adopt, kinds = (
            self.current, STORED_ROW.pack_into, monotonic_ns, self._next_chunk, self.adopt_thread, _KINDS,
        )  # fmt: skip

        def row(kind: int, op: int, obj: int, site: int, a: int, b: int) -> None:
            try:
                chunk = current.local.chunk
                for place in chunk.rows:  # the quickest way to take one
                    pack(chunk.mapping, place * 32, now(), a, obj, site, b, op + kinds[kind])
                    return
                chunk = full(chunk)
            except (AttributeError, struct_error) as e:
                if e.__traceback__ is not None and e.__traceback__.tb_next is not None:
                    raise  # a signal handler's
                if type(e) is struct_error:  # a number that has no room in its field: the program comes first
                    return
                chunk = adopt()
            if chunk is not None:
                again(chunk, kind, op, obj, site, a, b)

        def again(chunk: Chunk, kind: int, op: int, obj: int, site: int, a: int, b: int) -> None:
            try:
                for place in chunk.rows:  # or others have filled it meanwhile
                    pack(chunk.mapping, place * 32, now(), a, obj, site, b, op + kinds[kind])
                    return
            except struct_error as e:
                if e.__traceback__ is not None and e.__traceback__.tb_next is not None:
                    raise

        return row if native.rows is None else native.rows.Row(current, row)

    def _make_span(self) -> Callable[[int, int, int, int], Span]:
        current, pack, now, full, adopt, kinds = (
            self.current, SPAN_ROW.pack_into, monotonic_ns, self._next_chunk, self.adopt_thread, _KINDS,
        )  # fmt: skip

        def span(kind: int, op: int, obj: int, site: int) -> Span:
            chunk: Chunk | None
            try:
                chunk = current.local.chunk
            except AttributeError as e:
                if e.__traceback__ is not None and e.__traceback__.tb_next is not None:
                    raise
                chunk = adopt()
            for _ in range(2):
                if chunk is None:
                    break
                for place in chunk.rows:
                    pack(chunk.mapping, place * 32, now(), obj, site, op + kinds[kind])
                    return under_way(chunk, place)
                chunk = full(chunk)
            return NO_SPAN

        return span if native.rows is None else native.rows.Span(current, span)

    def pause(self) -> None:
        """From now on nothing is recorded, by whichever thread and through whichever reference to `row`."""
        self._paused = True
        self._let_go()
        # all threads at once, between two of their rows
        self.current.local = Silence(self._no_chunk(0))

    def resume(self, other: TraceWriter) -> None:
        """After `pause`: go on with another file. References to this writer and to its `row` stay good."""
        self._take_over(other)
        self.current.local = other.current.local

    def _take_over(self, other: TraceWriter) -> None:
        ours, theirs = self.current, other.current
        ours.texts = theirs.texts  # first: ids of the old file's must not come into the new one
        ours.spare, ours.ended = theirs.spare, theirs.ended
        self.__dict__.update(other.__dict__ | {name: self.__dict__[name] for name in _KEPT})

    def _let_go(self) -> None:
        for chunk in list(self._chunks):
            chunk.let_go()
        self._chunks.clear()

    def _text(self, words: str) -> int:
        if not words or self._paused:
            return 0
        if known := self.current.texts.get(words):
            return known
        if self._wakes:
            self._wake()
        texts, text_id = self.current.texts, next(self._text_ids)  # of one file: in the next the id is another text's
        if not self._put_text(text_id, words):
            return 0
        # two threads may both get here with the same words: then it has two ids, which does no harm
        texts[words] = text_id
        return text_id

    def reserve_thread(self) -> int:
        """A number for a thread that is about to be started."""
        if self._wakes:
            self._wake()
        return next(self._thread_numbers)

    def adopt_thread(self, number: int = 0) -> Chunk:
        """Give the calling thread a chunk; number 0 means a thread whose start was not seen."""
        if self._paused:
            return self._no_chunk(0)
        if self._wakes:
            self._wake()
            if number == 0 and "chunk" in self.current.local.__dict__:
                return self.current.local.chunk  # type: ignore[no-any-return]
        local = self.current.local  # of this recording: the next one has another
        announce = number == 0
        if announce:
            number = self.numbers.pop(get_ident(), 0) or next(self._thread_numbers)
        try:
            chunk = self.current.spare.popleft()
            chunk.number = number
        except IndexError:
            fresh = self._take_chunk(ROLE_ROWS)
            chunk = self._chunk_of(fresh, number) if fresh is not None else self._no_chunk(number)
        earlier: Chunk | None = local.__dict__.get("chunk")
        if earlier is not None and announce:  # a finalizer or signal handler has recorded meanwhile
            self._give_back(chunk)
            return earlier
        local.chunk = chunk
        if earlier is not None:  # the thread has a new number
            forget_pages()
            self._give_back(earlier)
        self._own(chunk)
        if announce and self.on_new_thread is not None:
            self.on_new_thread(number)
            if self._paused:  # it found that nothing is to be recorded any more
                return self._no_chunk(0)
        return chunk

    def keep_room(self) -> None:
        """The process is about to give up rights: have a file, and some room in it, while that can be had."""
        if self._paused or self._room_is_kept:
            return
        if self._wakes:
            self._wake()
        self._room_is_kept = True
        while len(self._maps) < _KEPT_EXTENTS and self._add_extent():
            pass

    def current_thread(self) -> int:
        """Our number of the calling thread."""
        try:
            return int(self.current.local.chunk.number)
        except AttributeError:
            return self.adopt_thread().number

    def end_thread(self) -> None:
        """The calling thread writes no more: what is left of its chunk goes to the next thread that starts."""
        if self._paused:
            return
        try:
            chunk: Chunk = self.current.local.chunk
            del self.current.local.chunk
        except AttributeError:
            return
        forget_pages()
        self.current.ended.add(chunk.number)
        self._give_back(chunk)

    def _give_back(self, chunk: Chunk) -> None:
        if chunk.extent is not None:
            self.current.spare.append(chunk)

    def become(self, other: TraceWriter) -> None:
        """After a fork, in the child: go on with another file. References to this writer stay good.

        The parent's mappings are kept, untouched: they are shared with it, and must not be written to.
        """
        self._let_go()
        self._inherited = (self._maps, getattr(self, "_file", None))
        self._take_over(other)
        self.current.local.__dict__.clear()  # the calling thread is the only one that a fork leaves

    @property
    def asleep(self) -> bool:
        """Whether there is no file, because there was nothing yet to record."""
        return bool(self._wakes)

    def sleep(self, wake: Callable[[], None]) -> None:
        """Have no file until there is something to record: many children only run another program.

        Args:
            wake: called by the first thread that has something; to call `become` or `close_for_good`.
        """
        self.close_for_good()
        self._room_is_kept = False
        self.current.texts = {}
        self._wakes.clear()
        self._wakes.append(wake)

    def _wake(self) -> None:
        try:
            wake = self._wakes.pop()
        except IndexError:  # another thread was quicker; what this one has meanwhile is lost
            return
        wake()

    def close_for_good(self, why: str = "") -> None:
        """After a fork, in a child that cannot have a file: record nothing, above all not into the parent's."""
        self.full = why or self.full
        self._file_is_ours = False
        self._wakes.clear()
        self._fresh.clear()
        self.current.spare.clear()
        self._max_extents = 0
        self._text_chunks.clear()
        self._filled.clear()
        self._let_go()
        self.current.local.__dict__.clear()

    def _own(self, chunk: Chunk) -> None:
        for place in chunk.rows:  # or it is full, or there is none
            STORED_ROW.pack_into(chunk.mapping, place * 32, monotonic_ns(), chunk.number, 0, 0, 0, _OWNER << KIND_SHIFT)
            return

    def _next_chunk(self, chunk: Chunk) -> Chunk | None:
        if self._paused:
            return None
        local = self.current.local  # of this recording: `pause` may put there what all threads share
        current: Chunk | None = getattr(local, "chunk", None)
        if current is not chunk:  # a signal handler or finalizer has turned the page meanwhile
            return current
        if chunk.extent is None:  # this thread has none, because the file was full
            self._count_dropped(1)
            if self.full or chunk.mapping() % _RETRY_ROWS:
                return None
        fresh = self._take_chunk(ROLE_ROWS)
        if fresh is None:
            local.chunk = self._no_chunk(chunk.number)
            return None
        if chunk.extent is not None:
            self.current.fills(chunk, self._filled)
        turned = self._chunk_of(fresh, chunk.number)
        self._own(turned)
        local.chunk = turned
        return turned

    def _no_chunk(self, number: int) -> Chunk:
        """What a thread has whose rows find no room."""
        return Chunk(None, 0, number)

    def _count_dropped(self, rows: int) -> None:
        self.dropped_rows += rows  # two threads may count one time for both: it says how many, about
        self._tell_status()

    def _tell_status(self) -> None:
        """Into the header's page, where a reader finds it also after ``kill -9``."""
        if self._file_is_ours:
            why = self.full.encode("utf-8", "replace")[:1014]
            STATUS.pack_into(self._file.status, STATUS_OFFSET, self.dropped_rows, len(why), why)

    def _chunk_of(self, fresh: tuple[Extent, int], number: int) -> Chunk:
        chunk = Chunk(*fresh, number)
        self._chunks.add(chunk)
        return chunk

    def _take_chunk(self, role: int) -> tuple[Extent, int] | None:
        generation = 0
        while not self._paused:
            try:
                extent, start = self._fresh.popleft()
                break
            except IndexError:
                if self._add_extent():
                    continue
            found = self._recycled(role)
            if found is None:
                return None
            extent, start = found
            generation = ROW.unpack_from(extent.mapping, start)[1] + 1
            extent.mapping[start : start + CHUNK_BYTES] = _ZEROS
            self._count_dropped(CHUNK_BYTES // ROW_BYTES - 1)
            break
        else:
            return None
        ROW.pack_into(extent.mapping, start, monotonic_ns(), generation, 0, 0, role, 0, 0, _CHUNK)
        return extent, start

    def _recycled(self, role: int) -> tuple[Extent, int] | None:
        if self.full or self._refused:
            return None  # what stands is kept: it is the run's beginning, and nobody said that it may go
        if role == ROLE_TEXTS and len(self._text_chunks) >= len(self._maps) * EXTENT_BYTES // CHUNK_BYTES // 2:
            return None  # rows without their texts say little, but texts alone say nothing
        oldest = self._oldest()
        if oldest is None or oldest.extent is None:
            return None
        oldest.let_go()
        self._chunks.discard(oldest)
        return oldest.extent, oldest.start

    def _oldest(self) -> Chunk | None:
        """The oldest filled chunk of a thread that has ended, else the oldest of all."""
        for chunk in list(self._filled):
            if chunk.number in self.current.ended:
                try:
                    self._filled.remove(chunk)
                except ValueError:  # another thread was quicker
                    continue
                return chunk
        try:
            return self._filled.popleft()
        except IndexError:
            return None

    def _add_extent(self) -> bool:
        if self.full:
            return False
        number = next(self._extents) if not (again := self._refused or self._out_of_reach) else again.popleft()
        if number >= self._max_extents:
            return False
        try:
            extent = Extent(self._file.extent(number))
        except (OSError, ValueError, MemoryError, RecursionError) as e:  # it is not the program's trouble
            if not _is_ours(e):
                raise
            if getattr(e, "errno", 0) in (EMFILE, ENFILE):  # the program may close some: to be tried again
                self._refused.append(number)
                return False
            if self._room_is_kept and getattr(e, "errno", 0) in (EACCES, EPERM, ENOENT):
                self._out_of_reach.append(number)  # as if that were the greatest size; the rights may come back
                return False
            self.full = _reason(e)
            self._tell_status()
            return False
        self._maps.append(extent)
        self._fresh.extend((extent, offset) for offset in range(0, EXTENT_BYTES, CHUNK_BYTES))
        return True

    def _put_text(self, text_id: int, words: str) -> bool:
        raw = _bytes(words)
        last = max(0, len(raw) - 1) // TEXT_BYTES
        for piece in range(last + 1):
            slot = next(self._pieces)
            number, index = divmod(slot, _PIECES_PER_CHUNK)
            chunk = self._text_chunks.get(number)
            if chunk is None:
                fresh = self._take_chunk(ROLE_TEXTS)
                if fresh is None:
                    return False
                # the loser of a race leaves an empty chunk behind
                chunk = self._text_chunks.setdefault(number, fresh)
            part = raw[piece * TEXT_BYTES : (piece + 1) * TEXT_BYTES]
            size = len(part) | (LAST_PIECE if piece == last else 0)
            TEXT_ROW.pack_into(chunk[0].mapping, chunk[1] + (index + 1) * ROW_BYTES, text_id, piece, size, part, _TEXT)
        return True


def _bytes(words: str) -> bytes:
    try:
        return words.encode("utf-8", "surrogateescape")[:_LONGEST_TEXT_BYTES]
    except UnicodeEncodeError:  # a thread may be called "\ud800"
        return words.encode("utf-8", "backslashreplace")[:_LONGEST_TEXT_BYTES]


def _is_ours(error: Exception) -> bool:
    """Whether it came up in the file's own code; what a signal handler raises in its middle is the program's."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(_HERE):
        traceback = traceback.tb_next
    return traceback is None and not isinstance(error, TimeoutError)


def _reason(error: Exception) -> str:
    """Why nothing more is recorded, for people; the path is told beside it."""
    words = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return words[:1].lower() + words[1:]
