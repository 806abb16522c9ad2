"""The recording's file, mapped piece by piece, without keeping a descriptor that the program could close or count.

This runs inside the observed program. Before Python 3.13 a mapping duplicates the descriptor that it is made from and
keeps it, which would use up one of the program's descriptors for each MB; and after the program has closed it (daemons
close all that they find), its number may be a file of the program's, which the mapping's end would close. So the
duplicate is closed at once, and the mapping is kept until the interpreter is gone.
"""

from __future__ import annotations

import mmap
import os
import sys
from errno import EINVAL, ENOSYS, EOPNOTSUPP
from typing import Any

from paramedic.trace.layout import EXTENT_BYTES, HEADER_BYTES

try:
    from resource import RLIM_INFINITY, RLIMIT_FSIZE, getrlimit
except ImportError:  # Windows
    getrlimit = None  # type: ignore[assignment]

# Our own references: the program may patch the module's.
_open, _close, _dup, _fstat, _lseek, _pwrite = os.open, os.close, os.dup, os.fstat, os.lseek, os.pwrite
_fallocate = getattr(os, "posix_fallocate", None)
_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)
_KEEPS_DESCRIPTOR = sys.version_info < (3, 13)
_BLOCK = bytes(1 << 16)

_kept: list[Any] = []
if _KEEPS_DESCRIPTOR and hasattr(os, "register_at_fork"):
    # The interpreter holds its fork hooks until after the program's last object is gone. This one does nothing else.
    os.register_at_fork(after_in_child=_kept.__len__)


class ExtentFile:
    """One file of a recording, from which extents can be mapped.

    Attributes:
        path: absolute, because the program may change its folder.
        status: mapping of the header page.

    Threads: any, also from a signal handler or a finalizer that interrupts it; does not wait for other threads.
    """

    def __init__(self, path: str, head: bytes) -> None:
        """Create the file, mode 0600, with its first page.

        Args:
            path: where; it must not exist.
            head: what the first page begins with.

        Raises:
            OSError: the file cannot be made, or has no room for its first page. An empty file may be left behind.
        """
        self.path = os.path.abspath(path)
        fd = _open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _CLOEXEC, 0o600)
        try:
            status = _fstat(fd)
            self._identity = status.st_dev, status.st_ino
            self._reserve(fd, 0, HEADER_BYTES)
            if _pwrite(fd, head, 0) != len(head):
                raise OSError("the disk has no room for the recording's header")
            self.status = self._map(fd, 0, HEADER_BYTES)
        finally:
            _close(fd)

    def extent(self, number: int) -> mmap.mmap:
        """Make room for an extent on the disk, and map it.

        Raises:
            OSError: there is no room, or the file is gone; the file is as it was, or longer.
            ValueError: there is no room in the address space, or the file was cut off.
        """
        start = HEADER_BYTES + number * EXTENT_BYTES
        # opened by name each time: a descriptor kept open may have been closed, its number may be the program's by now
        fd = _open(self.path, os.O_RDWR | _CLOEXEC)
        try:
            status = _fstat(fd)
            if (status.st_dev, status.st_ino) != self._identity:
                raise OSError("the recording's file was replaced")
            self._reserve(fd, start, EXTENT_BYTES)
            return self._map(fd, start, EXTENT_BYTES)
        finally:
            _close(fd)

    def _reserve(self, fd: int, start: int, size: int) -> None:
        # A store to a page that the disk has no room for would be SIGBUS: ask for the room first.
        if getrlimit is not None:
            limit = getrlimit(RLIMIT_FSIZE)[0]
            if limit != RLIM_INFINITY and start + size > limit:
                raise OSError("the limit of a file's size is reached (ulimit -f)")  # asking would be SIGXFSZ
        if _fallocate is not None:
            try:
                _fallocate(fd, start, size)
                return
            except OSError as e:
                if e.errno not in (EINVAL, ENOSYS, EOPNOTSUPP):
                    raise
        for offset in range(start, start + size, len(_BLOCK)):
            if _pwrite(fd, _BLOCK, offset) != len(_BLOCK):
                raise OSError("the disk is full")

    def _map(self, fd: int, start: int, size: int) -> mmap.mmap:
        if not _KEEPS_DESCRIPTOR:
            return mmap.mmap(fd, size, offset=start, trackfd=False)  # type: ignore[call-arg, unused-ignore]
        # The duplicate will get the lowest free number. Another thread may take that meanwhile; so what is closed must
        # share its file position, which is this extent's alone, with the descriptor that was duplicated.
        guess = _dup(fd)
        _close(guess)
        mapping = mmap.mmap(fd, size, offset=start)
        _kept.append(mapping)
        try:
            _lseek(fd, start, os.SEEK_SET)
            status = _fstat(guess)
            if (status.st_dev, status.st_ino) == self._identity and _lseek(guess, 0, os.SEEK_CUR) == start:
                _close(guess)
        except OSError:  # the number is nobody's, or is not a file
            pass
        return mapping
