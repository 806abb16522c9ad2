"""What is asked of a copy, and what came of it."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from paramedic.safe.errors import TransferError

Verify = Literal["size", "sha256"]
Progress = Callable[[str, int], None]
"""Called with a path and the number of bytes that were just copied of it."""

FEWEST_REQUESTS = 32
"""How many requests of one big file are under way: 8 MB of 255 kB each. On a short line, more is slower. It is also the
most for a copy that may be resumed, whose last so many pieces are copied again."""
MOST_REQUESTS = 128
"""How many there are at most, on a long line."""
_BYTES_PER_S = 400e6


def requests_at_once(round_trip_s: float, request_bytes: int) -> int:
    """How many requests of one big file should be under way so that a long line does not hold it up.

    Threads: any thread; it does not block.
    """
    return max(FEWEST_REQUESTS, min(MOST_REQUESTS, math.ceil(round_trip_s * _BYTES_PER_S / request_bytes)))


class Pieces:
    """The pieces of one file: handed out in order, none ``most`` pieces ahead of the slowest.

    So a copy that is interrupted has holes only in its last ``most`` pieces, in whatever order the server works.

    Threads: the thread that drives the session.
    """

    def __init__(self, start: int, size: int, piece_bytes: int, most: int) -> None:
        """Divides what is between ``start`` and ``size``.

        Threads: one thread; it does not block.
        """
        self.count = -(-(size - start) // piece_bytes)
        self._next = start
        self._size = size
        self._piece_bytes = piece_bytes
        self._ahead_bytes = most * piece_bytes
        self._under_way: set[int] = set()

    def take(self) -> tuple[int, int] | None:
        """The next piece, its offset and length; None if there is none, or the slowest must be waited for.

        Threads: one thread; it does not block.
        """
        at = self._next
        if at >= self._size:
            return None
        if self._under_way and at + self._piece_bytes - min(self._under_way) > self._ahead_bytes:
            return None
        self._under_way.add(at)
        self._next = min(self._size, at + self._piece_bytes)
        return at, self._next - at

    def done(self, at: int) -> None:
        """The piece at ``at`` is where it belongs.

        Threads: one thread; it does not block.
        """
        self._under_way.discard(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFailure:
    """A file that was not copied, and why.

    Threads: a value; share it freely.
    """

    path: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyResult:
    """What a copy did.

    Threads: a value; share it freely.
    """

    host: str
    files: int = 0
    bytes: int = 0
    resumed_bytes: int = 0
    """Of these, what was there already from an earlier attempt."""
    skipped: tuple[str, ...] = ()
    """Symbolic links, sockets and the like."""
    failures: tuple[FileFailure, ...] = ()
    duration_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every file was copied."""
        return not self.failures

    def check(self) -> CopyResult:
        """Returns itself if every file was copied.

        Raises:
            TransferError: some were not.

        Threads: any thread; it does not block.
        """
        if self.failures:
            first = self.failures[0]
            rest = f" and {len(self.failures) - 1} more" if len(self.failures) > 1 else ""
            error = TransferError(f"not copied: {first.path}: {first.error}{rest}", host=self.host, phase="copy")
            error.result = self
            raise error
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked of a copy.

    Threads: a value; share it freely.
    """

    resume: bool = False
    preserve: bool = True
    follow_symlinks: bool = False
    progress: Progress | None = None
    halt: Halt | None = None


class Halt:
    """Ends copies from another thread.

    Threads: every method may be called by any thread.
    """

    def __init__(self) -> None:
        """Nothing is to end yet.

        Threads: any thread; it does not block.
        """
        self._lock = threading.Lock()
        self._under_way: set[Callable[[], None]] = set()
        self.called = False

    def call(self) -> None:
        """Ends the copies that are under way and those that begin from now on.

        Threads: any thread, any number of times. It may block for a moment while a peer does not read.
        """
        with self._lock:
            self.called = True
            under_way = list(self._under_way)
        for end in under_way:
            end()

    @contextlib.contextmanager
    def watch(self, end: Callable[[], None]) -> Iterator[None]:
        """Has ``end`` called, on another thread, if :meth:`call` is while the block runs or was before.

        Threads: any thread; it does not block.
        """
        with self._lock:
            self._under_way.add(end)
            called = self.called
        if called:
            end()
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(end)


@dataclass(slots=True)
class Tally:
    """What a copy has done so far; one thread changes it, the one that drives the jobs.

    Threads: one thread.
    """

    files: int = 0
    bytes: int = 0
    resumed: int = 0
    skipped: list[str] = field(default_factory=list)
    failures: list[FileFailure] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Local and remote paths of what was copied, for verification."""
    parts: set[str] = field(default_factory=set)
    """Files under way that are of no use to anybody if the copy ends here."""

    def fail(self, path: str, error: BaseException, *, to: str = "") -> None:
        """Notes a failure.

        Args:
            path: what was not copied.
            error: why.
            to: where it was to go, if that may be what "No such file" means.

        Threads: one thread; it does not block.
        """
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self.failures.append(FileFailure(path=path, error=f"{text}, on the way to {to}" if to else text))


_NUMBERS = iter(range(1, 1 << 62))


def part_name(name: str, size: int, mtime: int, *, resume: bool) -> str:
    """The name of a file's partial copy, beside it.

    An unfinished copy may be resumed only if it is one of the same state of the file: size and time are in the name.
    Copies that are not to be resumed have names of their own, so that two at once do not write into each other.

    Threads: any thread; it does not block.
    """
    if resume:
        state = f"{size} {mtime}"
    else:
        state = f"{os.getpid()} {threading.get_ident()} {next(_NUMBERS)} {os.urandom(8).hex()}"
    digest = hashlib.sha256(f"{name} {state}".encode("utf-8", "surrogateescape")).hexdigest()[:10]
    # 255 bytes are the limit of most file systems.
    return f".{name.encode('utf-8', 'surrogateescape')[:200].decode('utf-8', 'ignore')}.{digest}.part"
