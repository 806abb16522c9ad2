"""Rewritten code objects kept on disk, so that a program's start does not pay for parsing Paramiko each time.

There is one `cache_file` for each interpreter and folder of sources.

Threads: the thread that starts a recording.
"""

from __future__ import annotations

import marshal
import os
import sys
from types import FunctionType
from typing import Any

from paramedic import __version__
from paramedic.record import cache_file
from paramedic.record.patches import CannotRewrite, Patch, Target, with_probes

_KIND = "functions"
_IN_C = ""

_loaded: dict[str, dict[Any, Any]] = {}
"""By folder of sources, then by function: the source's stamp, and the code as `marshal` writes it. One by one, since
the other level's are there, too."""
_changed: set[str] = set()
_stamps: dict[str, tuple[int, int] | None] = {}


def _origin() -> str:
    """What has rewritten the code: another version's, or another state of ours, is not used."""
    here = os.path.dirname(os.path.abspath(__file__))
    names = ("rewrite.py", "span_code.py", "syntax.py")
    return f"{__version__} {' '.join(str(_stamp(os.path.join(here, name))) for name in names)}"


def prepared(function: FunctionType, target: Target) -> Patch:
    """As `rewrite.prepare`, but the compiled code may come from the cache.

    Raises:
        CannotRewrite: the function cannot be given probes.

    Threads: as `rewrite.prepare`; the cache is read and written by the thread that starts a recording.
    """
    original = function.__code__
    folder = os.path.dirname(original.co_filename)
    known = _loaded.get(folder)
    if known is None:
        known = _loaded[folder] = cache_file.read(_KIND, folder, _origin())
    key = (original.co_filename, original.co_firstlineno, function.__qualname__, *_what(target))
    stamp = _stamp(original.co_filename)
    entry = known.get(key)
    if entry is not None and entry[0] == stamp:
        code = marshal.loads(entry[1])
    else:
        from paramedic.record import rewrite  # not before it is needed: it imports ast

        code = rewrite.compiled(function, target)
        if stamp is not None:
            known[key] = (stamp, marshal.dumps(code))
            _changed.add(folder)
    if code.co_freevars != original.co_freevars:
        raise CannotRewrite("its closure differs from its source's")
    return with_probes(function, code, target)


def _what(target: Target) -> tuple[object, ...]:
    """What of a target decides how its code is rewritten."""
    guard, span, stored = target.guard, target.span, target.stored
    asked = None if guard is None else (guard.words, guard.often, guard.sure)
    spans = None if span is None else (span.words, span.measure) if span.ends is None else _IN_C
    if stored is None:
        stores: object = None
    elif stored.native is not None:
        stores = (_IN_C, stored.item)
    else:
        stores = (stored.words, stored.fields, stored.then, stored.otherwise)
    made = tuple(target.makers)
    return target.parameters, asked, spans, stores, made, target.only, target.enter is None, target.ends


def save() -> None:
    """Keep what was new.

    Threads: as `prepared`.
    """
    for folder in _changed:
        cache_file.save(_KIND, folder, _origin(), _loaded[folder])
    _changed.clear()
    rewrite = sys.modules.get("paramedic.record.rewrite")
    if rewrite is not None:
        rewrite.forget_sources()


def forget() -> None:
    """Free what was read; it is read again where it is needed again.

    Threads: as `prepared`.
    """
    _loaded.clear()
    _stamps.clear()


def _stamp(path: str) -> tuple[int, int] | None:
    if path not in _stamps:
        _stamps[path] = cache_file.stamp(path)
    return _stamps[path]
