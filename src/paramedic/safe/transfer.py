"""What is asked of a copy, and what came of it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from paramedic.safe.errors import TransferError

Verify = Literal["size", "sha256"]
Progress = Callable[[str, int], None]
"""Called with a path and the number of bytes that were just copied of it."""

BIG_FILE_REQUESTS = 32
"""How many requests of one big file are under way; times 255 kB, this is what fills a long fat network."""


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

    def fail(self, path: str, error: BaseException) -> None:
        """Notes a failure.

        Threads: one thread; it does not block.
        """
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self.failures.append(FileFailure(path=path, error=text))


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
