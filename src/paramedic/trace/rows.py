"""From the rows of a file to events: what one row says in short is told at length, what says nothing is counted.

Threads: one thread for each decoder; nothing here blocks.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence

from paramedic.model.event import FIRST_STREAM, KINDS, Kind, Row, State
from paramedic.trace.layout import ENDED_OTHERWISE, ROW

_EMPTY, _CHUNK, _OWNER, _TEXT = int(Kind.EMPTY), int(Kind.CHUNK), int(Kind.OWNER), int(Kind.TEXT)
_OPENED, _NEW, _LINK, _STATE, _RETURN = (int(k) for k in (Kind.OPENED, Kind.NEW, Kind.LINK, Kind.STATE, Kind.RETURN))
_CALL, _SPAN, _LATER = int(Kind.CALL), int(Kind.SPAN), int(Kind.LATER)
ENDS_LATER = frozenset((_SPAN, _LATER))
"""Kinds of rows into which the end of a call is stored."""
_WINDOW, _REMOTE_CHANNEL = int(State.WINDOW), int(State.REMOTE_CHANNEL)
_KINDS = KINDS.keys() - {_EMPTY, _CHUNK, _OWNER, _TEXT}
_PLAIN = _KINDS - {_OPENED, _RETURN, _SPAN, _LATER}
"""Kinds of rows that are events as they are."""
_NAMES_OPERATION = frozenset(int(k) for k in (Kind.CALL, Kind.RETURN, Kind.RAISE, Kind.NEW, Kind.SPAN, Kind.LATER))


class Decoder:
    """Turns one file's rows into events.

    Args:
        names: of the operations, as the file's header has them.

    Attributes:
        damaged: how many rows said nothing that this version knows.
    """

    __slots__ = ("_brings_streams", "_new_channel", "_new_stream", "_operations", "damaged")

    def __init__(self, names: Sequence[str]) -> None:
        self._operations = len(names)
        self._new_channel, self._new_stream, self._brings_streams = (
            names.index(name) if name in names else 0
            for name in ("Channel.__init__", "ChannelFile.__init__", "SSHClient.exec_command")
        )
        self.damaged = 0

    def decode(
        self, raw: Iterable[Row], thread: int, events: list[Row], until_ns: int = 0, later: list[Row] | None = None
    ) -> int:
        """Append the events that rows tell; returns whose row would come next.

        Args:
            raw: rows as `paramedic.trace.layout.ROW` takes them apart.
            thread: whose they are, until one says otherwise.
            events: grows.
            until_ns: up to when ends of calls are wanted that the rows of their beginnings tell.
            later: grows by those that come after that; None: no such end is wanted.
        """
        append, plain, operations, brings_streams = events.append, _PLAIN, self._operations, self._brings_streams
        for t, a, obj, site, b, op, flags, kind in raw:
            if kind in plain and op < operations:
                append((t, a, obj, site, b, op, thread, kind))
            elif kind == _SPAN and op < operations:
                append((t, flags - 1, obj, site, 0, op, thread, _CALL))
                if a > ENDED_OTHERWISE and later is not None:
                    ended = a if a > t else t + 1  # a clock that stands still must not put the end before the beginning
                    wanted = events if ended < until_ns else later
                    if b and op == brings_streams:
                        self._returned(ended, b, obj, op, thread, wanted)
                    else:
                        wanted.append((ended, b, obj, 0, 0, op, thread, _RETURN))
            elif kind == _RETURN and op < operations:
                if a > 0 and op == brings_streams > 0:  # written by earlier versions
                    for stream in range(3):
                        append((t, b, a + stream, 0, stream, self._new_stream, thread, _NEW))
                    a = b = 0
                append((t, a, obj, site, b, op, thread, kind))
            elif kind == _OPENED:
                append((t, 0, obj, 0, b, self._new_channel, thread, _NEW))
                append((t, a & 0xFFFFFFFF, obj, 0, b, op, thread, _LINK))
                append((t, site, obj, 0, 0, _WINDOW, thread, _STATE))
                append((t, a >> 32, obj, 0, b, _REMOTE_CHANNEL, thread, _STATE))
            elif kind == _OWNER:
                thread = a
            elif kind == _LATER and op < operations:
                if a > ENDED_OTHERWISE and later is not None:
                    ended = a if a > t else t + 1
                    wanted = events if ended < until_ns else later
                    self._returned(ended, b, obj, op, thread, wanted)
            elif kind in _KINDS and kind not in _NAMES_OPERATION:
                append((t, a, obj, site, b, op, thread, kind))
            elif kind != _EMPTY:
                self.damaged += 1
        return thread

    def decode_end(self, row: bytes | mmap.mmap, offset: int, thread: int, events: list[Row]) -> None:
        """Append that a call returned, which is told by the row of its beginning."""
        began, ended, obj, _, b, op, _, _ = ROW.unpack_from(row, offset)
        if op < self._operations:
            self._returned(max(began + 1, ended), b, obj, op, thread, events)

    def _returned(self, t_ns: int, result: int, obj: int, op: int, thread: int, events: list[Row]) -> None:
        if result and op == self._brings_streams > 0:
            for stream in range(3):
                channel = result - FIRST_STREAM >> 2
                events.append((t_ns, channel, result + stream, 0, stream, self._new_stream, thread, _NEW))
            result = 0
        events.append((t_ns, result, obj, 0, 0, op, thread, _RETURN))
