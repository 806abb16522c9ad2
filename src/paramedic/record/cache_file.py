"""Code kept on disk, below the user's cache directory, so that a program's start does not pay for making it.

It is only a cache: whatever is wrong with a file, what is in it is made anew. It is written with mode 0600 and read
only if it belongs to this user, because code that is loaded from it is run; and only if its checksum is right, because
`marshal` trusts it.

Threads: the thread that starts a recording.
"""

from __future__ import annotations

import marshal
import os
import sys
from typing import Any
from zlib import crc32

_CHECKSUM_BYTES = 4
_ORIGIN = ""
"""The entry that says what has made the others."""


def read(kind: str, folder: str, origin: str) -> dict[Any, Any]:
    """What is kept, nothing where there is none that can be used.

    Args:
        kind: what is kept.
        folder: of the sources that it was made of.
        origin: what makes it: what another version has made is not used.

    Threads: any thread; reads a file.
    """
    try:
        with open(_path(kind, folder), "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != getattr(os, "geteuid", lambda: status.st_uid)() or status.st_mode & 0o022:
                return {}
            blob = file.read()
        data = memoryview(blob)[_CHECKSUM_BYTES:]
        if blob[:_CHECKSUM_BYTES] != _checksum(data):
            return {}
        entries = marshal.loads(data)
        return entries if isinstance(entries, dict) and entries.pop(_ORIGIN, None) == origin else {}
    except (OSError, ValueError, EOFError, TypeError):
        return {}


def save(kind: str, folder: str, origin: str, entries: dict[Any, Any]) -> None:
    """Keep this in place of what is kept; nothing is done where that cannot be.

    Args:
        kind: see `read`.
        folder: see `read`.
        origin: see `read`.
        entries: by names that are not empty; what `marshal` can write.

    Threads: any thread, also of several processes: each file is whole, the last one stays; writes a file.
    """
    try:
        path = _path(kind, folder)
        data = marshal.dumps({**entries, _ORIGIN: origin})
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        # not the process's number alone: in a container each start may have the same one, and one was killed here
        temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(_checksum(data) + data)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except (OSError, ValueError):
        pass


def can_save() -> bool:
    """Whether the folder is there, and can be written to.

    Threads: any thread; looks at the folder.
    """
    try:
        return os.access(os.path.dirname(_path("", "")), os.W_OK)
    except OSError:
        return False


def stamp(path: str) -> tuple[int, int] | None:
    """What changes when a file does: its time in ns and its size in bytes; None where there is no file.

    Threads: any thread; looks at the file.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _checksum(data: bytes | memoryview) -> bytes:
    return crc32(data).to_bytes(_CHECKSUM_BYTES)


def _path(kind: str, folder: str) -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if not os.path.isabs(base):  # an account without a home: not into the program's current folder
        raise OSError("there is no folder for caches")
    tag = f"{sys.implementation.cache_tag}-{sys.hexversion:x}-{sys.flags.optimize}"
    if "no_debug_ranges" in sys._xoptions or os.environ.get("PYTHONNODEBUGRANGES"):
        tag += "-lines"  # such code has no columns
    name = _checksum(os.fsencode(folder)).hex()
    return os.path.join(base, "paramedic", f"{kind}-{tag}-{name}.marshal")
