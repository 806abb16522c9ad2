"""From the rows of a file to events: what one row says in short is told at length, what says nothing is counted.

Where it was built, `paramedic.trace._decoder` does it in C.

Threads: one thread for each decoder; nothing here blocks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from paramedic.model.event import FIRST_STREAM, KINDS, Kind, Row, State
from paramedic.trace.layout import ENDED_OTHERWISE, ROW

_CALL, _RETURN, _NEW, _LINK, _STATE = (int(k) for k in (Kind.CALL, Kind.RETURN, Kind.NEW, Kind.LINK, Kind.STATE))
_WINDOW, _REMOTE_CHANNEL = int(State.WINDOW), int(State.REMOTE_CHANNEL)
_FORM = 1
"""Of _decoder.c: one that was built from another state of the source, in a checkout not built anew, is left out."""
ALWAYS = 1 << 64
"""After all that a row can name."""


Going = dict[int, int] | None
"""Calls that have not ended: places of their rows among others, and their threads; None where nobody asks."""


class Meaning:
    """What a row is to a decoder. The numbers are those of _decoder.c."""

    DAMAGED = 0
    EMPTY = 1
    PLAIN = 2  # an event as it is
    NAMES_OPERATION = 3  # the same, if this version knows the operation, as of all that follow but the last two
    SPAN = 4
    LATER = 5
    RETURN = 6
    OPENED = 7
    OWNER = 8


_KNOWN = dict.fromkeys(KINDS, Meaning.PLAIN) | {
    Kind.EMPTY: Meaning.EMPTY, Kind.CHUNK: Meaning.DAMAGED, Kind.TEXT: Meaning.DAMAGED, Kind.OWNER: Meaning.OWNER,
    Kind.CALL: Meaning.NAMES_OPERATION, Kind.RAISE: Meaning.NAMES_OPERATION, Kind.NEW: Meaning.NAMES_OPERATION,
    Kind.SPAN: Meaning.SPAN, Kind.LATER: Meaning.LATER, Kind.RETURN: Meaning.RETURN, Kind.OPENED: Meaning.OPENED,
}  # fmt: skip
_MEANINGS = bytes(_KNOWN.get(kind, Meaning.DAMAGED) for kind in range(256))


class Decoder(Protocol):
    """Turns one file's rows into events."""

    @property
    def damaged(self) -> int:
        """How many rows said nothing that this version knows."""

    def decode(
        self, rows: bytes, thread: int, events: list[Row], until_ns: int, later: list[Row], going: Going, /
    ) -> int:
        """Append the events that rows tell; returns whose row would come next.

        Args:
            rows: some.
            thread: whose they are, until one says otherwise.
            events: grows.
            until_ns: before when ends of calls are wanted that the rows of their beginnings tell.
            later: grows by the others.
            going: grows by the places of calls that have not ended, and their threads, where that is wanted.
        """


class PythonDecoder:
    """`Decoder`, where that in C was not built.

    Args:
        names: of the operations, as the file's header has them.
    """

    __slots__ = ("_brings_streams", "_new_channel", "_new_stream", "_operations", "damaged")

    def __init__(self, names: Sequence[str]) -> None:
        self._operations = len(names)
        self._new_channel, self._new_stream, self._brings_streams = _special(names)
        self.damaged = 0

    def decode(
        self, rows: bytes, thread: int, events: list[Row], until_ns: int, later: list[Row], going: Going, /
    ) -> int:
        """As the protocol says."""
        append, operations, brings_streams = events.append, self._operations, self._brings_streams
        for place, (t, a, obj, site, b, op, flags, kind) in enumerate(ROW.iter_unpack(rows)):
            meaning = _MEANINGS[kind]
            if meaning == Meaning.PLAIN:
                append((t, a, obj, site, b, op, thread, kind))
            elif meaning == Meaning.OWNER:
                thread = a
            elif meaning == Meaning.OPENED:
                append((t, 0, obj, 0, b, self._new_channel, thread, _NEW))
                append((t, a & 0xFFFFFFFF, obj, 0, b, op, thread, _LINK))
                append((t, site, obj, 0, 0, _WINDOW, thread, _STATE))
                append((t, a >> 32, obj, 0, b, _REMOTE_CHANNEL, thread, _STATE))
            elif meaning == Meaning.DAMAGED or (meaning != Meaning.EMPTY and op >= operations):
                self.damaged += 1
            elif meaning == Meaning.NAMES_OPERATION:
                append((t, a, obj, site, b, op, thread, kind))
            elif meaning == Meaning.SPAN or meaning == Meaning.LATER:
                if meaning == Meaning.SPAN:
                    append((t, flags - 1, obj, site, 0, op, thread, _CALL))
                if a > ENDED_OTHERWISE:
                    ended = a if a > t else t + 1  # a clock that stands still must not put the end before the beginning
                    self._returned(ended, b, obj, op, thread, events if ended < until_ns else later)
                elif not a and going is not None:
                    going[place] = thread
            elif meaning == Meaning.RETURN:
                if a > 0 and op == brings_streams > 0:  # written by earlier versions
                    for stream in range(3):
                        append((t, b, a + stream, 0, stream, self._new_stream, thread, _NEW))
                    a = b = 0
                append((t, a, obj, site, b, op, thread, kind))
        return thread

    def _returned(self, t_ns: int, result: int, obj: int, op: int, thread: int, events: list[Row]) -> None:
        if result and op == self._brings_streams > 0:
            for stream in range(3):
                channel = result - FIRST_STREAM >> 2
                events.append((t_ns, channel, result + stream, 0, stream, self._new_stream, thread, _NEW))
            result = 0
        events.append((t_ns, result, obj, 0, 0, op, thread, _RETURN))


def _special(names: Sequence[str]) -> tuple[int, int, int]:
    """The operations that make a channel and a stream, and the one that brings three streams; 0 for none."""
    channel, stream, brings = (
        names.index(name) if name in names else 0
        for name in ("Channel.__init__", "ChannelFile.__init__", "SSHClient.exec_command")
    )
    return channel, stream, brings


new_decoder: Callable[[Sequence[str]], Decoder] = PythonDecoder
"""A decoder for a file whose header has these names of operations.

Threads: any.
"""
if os.environ.get("PARAMEDIC_CORE") != "python" and "t" not in getattr(sys, "abiflags", ""):
    try:
        from paramedic.trace import _decoder
    except ImportError:  # there was no compiler, or it was built for another interpreter
        pass
    else:

        def _in_c(names: Sequence[str]) -> Decoder:
            return _decoder.Decoder(
                _MEANINGS,
                (len(names), *_special(names), FIRST_STREAM, ENDED_OTHERWISE),
                (_CALL, _RETURN, _NEW, _LINK, _STATE, _WINDOW, _REMOTE_CHANNEL),
            )

        if _decoder.FORM == _FORM:
            new_decoder = _in_c
