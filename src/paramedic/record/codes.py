"""Rewritten code objects kept on disk, so that a program's start does not pay for parsing Paramiko each time.

The cache is one file for each interpreter, below the user's cache directory. It is only a cache: whatever is wrong with
it, the functions are rewritten anew. It is written with mode 0600 and read only if it belongs to this user, because code
that is loaded from it is run.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Sequence
from types import CodeType, FunctionType
from typing import Any

from paramedic import __version__
from paramedic.record import rewrite
from paramedic.record.rewrite import CannotRewrite, Enter, Fail, Leave, Patch

_loaded: dict[str, Any] | None = None
_changed = False
_stamps: dict[str, tuple[int, int]] = {}


def prepared(function: FunctionType, enter: Enter, leave: Leave, fail: Fail, arguments: Sequence[str] = ()) -> Patch:
    """As `rewrite.prepare`, but the compiled code may come from the cache.

    Raises:
        CannotRewrite: the function cannot be given probes.

    Threads: as `rewrite.prepare`; the cache is read and written by the thread that starts a recording.
    """
    global _changed
    known = _entries()
    original = function.__code__
    key = f"{original.co_filename}|{original.co_firstlineno}|{function.__qualname__}|{','.join(arguments)}"
    stamp = _stamp(original.co_filename)
    entry = known.get(key)
    if entry is not None and entry[0] == stamp and isinstance(entry[1], CodeType):
        code = entry[1]
    else:
        code = rewrite.compiled(function, arguments)
        if stamp is not None:
            known[key] = (stamp, code)
            _changed = True
    if code.co_freevars != original.co_freevars:
        raise CannotRewrite("its closure differs from its source's")
    return rewrite.with_probes(function, code, enter, leave, fail)


def done() -> None:
    """Save what was new, and free what is not needed any more."""
    global _changed, _loaded
    if _changed and _loaded is not None:
        _changed = False
        try:
            path = _path()
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            temporary = f"{path}.{os.getpid()}"
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "wb") as file:
                marshal.dump(_loaded, file)
            os.replace(temporary, path)
        except (OSError, ValueError):
            pass
    rewrite.forget_sources()


def _path() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    tag = f"{sys.implementation.cache_tag}-{sys.hexversion:x}-{sys.flags.optimize}"
    return os.path.join(base, "paramedic", f"codes-{tag}.marshal")


def _entries() -> dict[str, Any]:
    global _loaded
    if _loaded is None:
        _loaded = {"": __version__}
        try:
            with open(_path(), "rb") as file:
                status = os.fstat(file.fileno())
                if status.st_uid == getattr(os, "geteuid", lambda: status.st_uid)() and not status.st_mode & 0o022:
                    data = marshal.load(file)
                    if isinstance(data, dict) and data.get("") == __version__:
                        _loaded = data
        except (OSError, ValueError, EOFError, TypeError):
            pass
    return _loaded


def _stamp(path: str) -> tuple[int, int] | None:
    stamp = _stamps.get(path)
    if stamp is None:
        try:
            status = os.stat(path)
        except OSError:
            return None
        stamp = _stamps[path] = (status.st_mtime_ns, status.st_size)
    return stamp
