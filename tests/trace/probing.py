"""What the tests of the hot paths in C stand on: frames whose stacks are known, and what was stored."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from paramedic.model.event import Kind
from paramedic.trace.reader import open_trace
from paramedic.trace.writer import TraceWriter


def leave_to(asked: list[tuple[Any, ...]]) -> Callable[..., Any]:
    def python(*given: Any) -> Any:
        asked.append(given)
        return None

    return python


class Sites:
    """What `record.frames` keeps with a frame."""

    __slots__ = ("apart", "calls", "keep", "sites")

    def __init__(self, sites: Any) -> None:
        self.sites = sites
        self.apart, self.calls, self.keep = None, {}, True

    def __call__(self, *_: object) -> None:
        return None


def called(begin: Any, key: Any, sites: Any) -> Any:
    """What a function that looks it up gets, whose caller's stacks are known."""

    def function() -> Any:
        return begin[key]

    sys._getframe().f_trace = sites
    return function()


def stored(writer: TraceWriter) -> list[tuple[int, ...]]:
    """kind, op, obj, site, a, b"""
    writer.row(int(Kind.GOT), 0, 1, 0, 0, 0)
    events = [e for e in open_trace(Path(writer.path)).events() if e.kind not in (Kind.GOT, Kind.CHUNK, Kind.OWNER)]
    return [(e.kind, e.op, e.obj, e.site, e.a, e.b) for e in events]


class Thing(SimpleNamespace):
    """An object of Paramiko's."""
