"""Rewritten code objects kept on disk, so that a program's start does not pay for parsing Paramiko each time.

The cache is one file for each interpreter and folder of sources, below the user's cache directory. It is only a cache:
whatever is wrong with it, the functions are rewritten anew. It is written with mode 0600 and read only if it belongs to
this user, because code that is loaded from it is run; and only if its checksum is right, because `marshal` trusts it.

Threads: the thread that starts a recording.
"""

from __future__ import annotations

import marshal
import os
import sys
from _imp import source_hash
from types import CodeType, FunctionType
from typing import Any

from paramedic import __version__
from paramedic.record.patches import TAKES_BACK, CannotRewrite, Patch, Target, with_probes

_KEY = 0x706D6564
_HASH_BYTES = 8

_loaded: dict[str, dict[str, Any]] = {}
"""By folder of sources, then by function."""
_changed: set[str] = set()
_stamps: dict[str, tuple[int, int]] = {}


def _origin() -> str:
    """What has rewritten the code: another version's, or another state of ours, is not used."""
    here = os.path.dirname(os.path.abspath(__file__))
    stamps = (_stamp(os.path.join(here, name)) for name in ("rewrite.py", "announcing.py", "span_code.py", "syntax.py"))
    return f"{__version__} {' '.join(map(str, stamps))}"


def prepared(function: FunctionType, target: Target) -> Patch:
    """As `rewrite.prepare`, but the compiled code may come from the cache.

    Raises:
        CannotRewrite: the function cannot be given probes.

    Threads: as `rewrite.prepare`; the cache is read and written by the thread that starts a recording.
    """
    original = function.__code__
    folder = os.path.dirname(original.co_filename)
    known = _entries(folder)
    key = f"{original.co_filename}|{original.co_firstlineno}|{function.__qualname__}|{','.join(target.parameters)}"
    if target.guard is not None:
        key += "|" + target.guard.words + f"|{TAKES_BACK}" * (target.guard.notice is not None)
    key += "|" + ",".join(
        (*target.notices, "", *target.makers, *["only"] * target.only, *["first"] * (target.enter is None))
    )
    key += "|ends" * target.ends
    if target.span is not None:
        key += f"|{target.span.words}|{target.span.measure}" if target.span.ends is None else "|in C"
    if target.stored is not None and target.stored.native is not None:
        key += f"|in C|{target.stored.item}"
    elif target.stored is not None:
        key += "|" + "|".join((target.stored.words, target.stored.fields, target.stored.then, target.stored.otherwise))
    stamp = _stamp(original.co_filename)
    entry = known.get(key)
    if entry is not None and entry[0] == stamp and isinstance(entry[1], CodeType):
        code = entry[1]
    else:
        from paramedic.record import rewrite  # not before it is needed: it imports ast

        code = rewrite.compiled(function, target)
        if stamp is not None:
            known[key] = (stamp, code)
            _changed.add(folder)
    if code.co_freevars != original.co_freevars:
        raise CannotRewrite("its closure differs from its source's")
    return with_probes(function, code, target)


def done() -> None:
    """Save what was new, and free what is not needed any more."""
    for folder in list(_changed):
        try:
            _save(_path(folder), _loaded[folder])
        except (OSError, ValueError):
            pass
    _changed.clear()
    _loaded.clear()
    _stamps.clear()
    rewrite = sys.modules.get("paramedic.record.rewrite")
    if rewrite is not None:
        rewrite.forget_sources()


def _save(path: str, entries: dict[str, Any]) -> None:
    data = marshal.dumps(entries)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(source_hash(_KEY, data) + data)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def _path(folder: str) -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if not os.path.isabs(base):  # an account without a home: not into the program's current folder
        raise OSError("there is no folder for caches")
    tag = f"{sys.implementation.cache_tag}-{sys.hexversion:x}-{sys.flags.optimize}"
    name = source_hash(_KEY, os.fsencode(folder)).hex()
    return os.path.join(base, "paramedic", f"codes-{tag}-{name}.marshal")


def _entries(folder: str) -> dict[str, Any]:
    known = _loaded.get(folder)
    if known is None:
        known = _loaded[folder] = _read(folder) or {"": _origin()}
    return known


def _read(folder: str) -> dict[str, Any] | None:
    try:
        with open(_path(folder), "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != getattr(os, "geteuid", lambda: status.st_uid)() or status.st_mode & 0o022:
                return None
            blob = file.read()
        if blob[:_HASH_BYTES] != source_hash(_KEY, blob[_HASH_BYTES:]):
            return None
        data = marshal.loads(blob[_HASH_BYTES:])
        return data if isinstance(data, dict) and data.get("") == _origin() else None
    except (OSError, ValueError, EOFError, TypeError):
        return None


def _stamp(path: str) -> tuple[int, int] | None:
    stamp = _stamps.get(path)
    if stamp is None:
        try:
            status = os.stat(path)
        except OSError:
            return None
        stamp = _stamps[path] = (status.st_mtime_ns, status.st_size)
    return stamp
