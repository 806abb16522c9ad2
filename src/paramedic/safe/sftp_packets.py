"""SFTP version 3 (draft-ietf-secsh-filexfer-02, and OpenSSH's PROTOCOL) as bytes. Pure."""

from __future__ import annotations

import errno
import stat
import struct
from dataclasses import dataclass

INIT, VERSION = 1, 2
OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR = range(3, 13)
REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME = range(13, 19)
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
EXTENDED, EXTENDED_REPLY = 200, 201

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE = range(5)

FLAG_READ, FLAG_WRITE, FLAG_CREATE, FLAG_TRUNCATE = 0x01, 0x02, 0x08, 0x10
_ATTR_SIZE, _ATTR_OWNER, _ATTR_MODE, _ATTR_TIMES, _ATTR_EXTENDED = 0x1, 0x2, 0x4, 0x8, 0x80000000

_ERRNO = {NO_SUCH_FILE: errno.ENOENT, PERMISSION_DENIED: errno.EACCES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What a server says about a file; None is what it does not say.

    Threads: a value; share it freely.
    """

    size: int | None = None
    mode: int | None = None
    mtime: int | None = None
    atime: int | None = None

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.mode is not None and stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode is not None and stat.S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, as far as the server says."""
        return self.mode is None or stat.S_ISREG(self.mode)

    def encode(self) -> bytes:
        """The wire form.

        Threads: any thread; it does not block.
        """
        flags = 0
        body = b""
        if self.size is not None:
            flags |= _ATTR_SIZE
            body += struct.pack(">Q", self.size)
        if self.mode is not None:
            flags |= _ATTR_MODE
            body += struct.pack(">I", self.mode)
        if self.mtime is not None:
            flags |= _ATTR_TIMES
            body += struct.pack(">II", (self.atime if self.atime is not None else self.mtime), self.mtime)
        return struct.pack(">I", flags) + body


def text(value: bytes | str) -> bytes:
    """A string's wire form; file names are bytes on the wire, UTF-8 with surrogate escapes here.

    Threads: any thread; it does not block.
    """
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return struct.pack(">I", len(data)) + data


class BadAnswer(OSError, ValueError):
    """A server's answer that makes no sense. A file whose copy meets one is not copied, and the others are."""


class Reader:
    """Takes fields from a packet.

    Threads: one thread.
    """

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        """Starts at the beginning.

        Threads: any thread; it does not block.
        """
        self._data = data
        self._at = 0

    def number(self) -> int:
        """A 32-bit number.

        Raises:
            BadAnswer: the packet is too short.

        Threads: one thread; it does not block.
        """
        return self._unpack(">I", 4)

    def long(self) -> int:
        """A 64-bit number.

        Raises:
            BadAnswer: the packet is too short.

        Threads: one thread; it does not block.
        """
        return self._unpack(">Q", 8)

    def _unpack(self, form: str, size: int) -> int:
        if self._at + size > len(self._data):
            raise BadAnswer("the packet is too short")
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += size
        return int(value)

    def string(self) -> bytes:
        """A string.

        Raises:
            BadAnswer: the packet is too short.

        Threads: one thread; it does not block.
        """
        size = self.number()
        if self._at + size > len(self._data):
            raise BadAnswer("the packet is too short")
        self._at += size
        return self._data[self._at - size : self._at]

    def name(self) -> str:
        """A file name.

        Raises:
            BadAnswer: the packet is too short.

        Threads: one thread; it does not block.
        """
        return self.string().decode("utf-8", "surrogateescape")

    def more(self) -> bool:
        """Whether anything is left.

        Threads: one thread; it does not block.
        """
        return self._at < len(self._data)

    def attributes(self) -> Attributes:
        """A file's attributes.

        Raises:
            BadAnswer: the packet is too short.

        Threads: one thread; it does not block.
        """
        flags = self.number()
        size = self.long() if flags & _ATTR_SIZE else None
        if flags & _ATTR_OWNER:
            self.long()
        mode = self.number() if flags & _ATTR_MODE else None
        atime, mtime = (self.number(), self.number()) if flags & _ATTR_TIMES else (None, None)
        if flags & _ATTR_EXTENDED:
            for _ in range(self.number()):
                self.string()
                self.string()
        return Attributes(size=size, mode=mode, mtime=mtime, atime=atime)


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer.

    Threads: a value; share it freely.
    """

    kind: int
    body: bytes

    def failed(self) -> OSError | None:
        """The error that it reports, or None.

        Threads: any thread; it does not block.
        """
        if self.kind != STATUS:
            return None
        reader = Reader(self.body)
        code = reader.number()
        if code == OK:
            return None
        said = reader.name() if reader.more() else ""
        return OSError(_ERRNO.get(code, errno.EIO), said or f"status {code}")

    def is_eof(self) -> bool:
        """Whether it says that there is no more.

        Threads: any thread; it does not block.
        """
        return self.kind == STATUS and Reader(self.body).number() == EOF

    def expect(self, kind: int) -> Reader:
        """The fields, if the answer is of this kind.

        Raises:
            OSError: it reports an error.
            BadAnswer: it is of another kind.

        Threads: any thread; it does not block.
        """
        error = self.failed()
        if error is not None:
            raise error
        if self.kind != kind:
            raise BadAnswer(f"an SFTP answer of type {self.kind} instead of {kind}")
        return Reader(self.body)
