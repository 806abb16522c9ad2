"""The pipe by which ``select()`` learns that a channel has data, and the moment in which it loses that word.

``OrPipe.set`` and ``clear`` (paramiko/pipe.py, 2.12 to 5.1) have no lock: when a reader of one stream empties the pipe
while the transport's thread notes data of the other, the note is there and the pipe is empty. Also here: a channel that
is closed, with its lock held, where the garbage collector may come in.

Threads: the probes run in any thread of the program's and do not block, but in a run with traps.
"""

from __future__ import annotations

from collections.abc import Iterator
from sys import _getframe
from typing import Any

from paramedic.model.event import Kind, State
from paramedic.record.patches import Target
from paramedic.record.probe import CLOSE, PIPE, Probes

_STATE = int(Kind.STATE)
_FRAMES = 6
"""From a wake-up pipe to the channel's method that reads: through the event and the buffer."""


def wake_ups(paramiko: Any, homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """The points where a wake-up pipe is filled and emptied.

    Threads: the thread that starts a recording; the probes in any thread.
    """
    pipes = paramiko.pipe
    row, id_of, trouble, hold_back = probes.row, probes.id_of, probes.trouble, probes.hold_back

    def clears(pipe: Any) -> Any:
        pipe._paramedic_told_ = False
        return pipe

    def cleared(pipe: Any, result: Any) -> Any:
        try:
            other = pipe._partner
            # in this order: what another thread is in the middle of is no loss
            if _has_told(other) and not pipe._pipe._set and _has_told(other):
                reader = _reader(homes["Channel"])
                if reader is not None:
                    row(_STATE, State.WAKE_UP_LOST, id_of(reader), 0, 1, 0)
        except Exception as e:
            trouble("wake-up", e)
        return result

    def has_set(pipe: Any, result: Any) -> Any:
        pipe._paramedic_told_ = True
        return result

    yield Target(pipes.OrPipe, "clear", clears, cleared)
    yield Target(pipes.OrPipe, "set", None, has_set)
    if hold_back is None:
        return

    def empties(pipe: Any) -> None:
        if pipe._set and not pipe._forever:
            hold_back(PIPE)

    def closes(channel: Any) -> None:
        hold_back(CLOSE)

    yield Target(pipes.PosixPipe, "clear", empties)
    yield Target(homes["Channel"], "_close_internal", closes)


def _has_told(pipe: Any) -> bool:
    return bool(pipe._set) and getattr(pipe, "_paramedic_told_", False)


def _reader(channels: type) -> Any:
    frame: Any = _getframe(2)
    for _ in range(_FRAMES):
        if frame is None:
            return None
        first = frame.f_locals.get("self")
        if isinstance(first, channels):
            return first
        frame = frame.f_back
    return None
