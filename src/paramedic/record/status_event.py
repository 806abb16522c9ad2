"""Waits for a channel's `status_event`, which say with a limit what `recv_exit_status` says without one.

Paramiko's own waits for it, and for its other events, are far more than the program's: the guard passes over them. The
event's class stays what it is: where events are of two classes, the interpreter forgets what it has learned about them.

Threads: any; the wait blocks as the original does.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import _getframe
from typing import Any

from paramedic.model.operations import NUMBER
from paramedic.record.frames import SYNC
from paramedic.record.patches import Fail, Guard, Leave, Target
from paramedic.record.probe import Probes, milliseconds

CHANNEL = "_paramedic_channel_"
"""Attribute of an event: the id of the channel whose `status_event` it is."""
_SHORT_S = 1.0
"""Who waits no longer than this only looks, and reads in between."""


class _Waited:
    """Stands for the channel of an event in a probe; as the token it tells these waits from others."""

    __slots__ = ("_paramedic_id_",)

    def __init__(self, given: int) -> None:
        self._paramedic_id_ = given


def status_waits(
    probes: Probes,
    threading: Any,
    others: tuple[Callable[..., Any], Leave, Fail] | None = None,
    known: Guard | None = None,
) -> Target:
    """What is to be watched in ``Event.wait``.

    Args:
        probes: where to record.
        threading: the module.
        others: the probes of waits for the program's own events, the first of which gets the caller's frame second.
        known: asks whether an event is one of those.

    Threads: the thread that starts a recording; the probes in any thread, without blocking.
    """
    if threading.Event.__module__ == "threading":  # gevent's has no room for anything
        probes.defaults.append((threading.Event, CHANNEL))

    def arguments(_: Any, timeout: Any) -> tuple[int, int]:
        return milliseconds(timeout), probes.writer.text("status_event.wait")

    begin, end, fail = probes.call(NUMBER["Channel.recv_exit_status"], lambda _: 0, arguments, SYNC, framed=True)

    def enter(event: Any, timeout: Any = None) -> Any:
        try:
            given, frame = event._paramedic_channel_, _getframe(2)
            if not given:
                return others[0](event, frame, timeout) if others is not None else None
            if event._flag or timeout is not None and not timeout > _SHORT_S:
                return None
            waited = _Waited(given)
            return None if begin(waited, frame, timeout) is None else waited
        except Exception as e:
            probes.trouble("status_event", e)
            return None

    def leave(token: Any, result: Any) -> Any:
        if type(token) is _Waited:
            return end(token._paramedic_id_, result)
        return others[1](token, result) if others is not None else result

    def failed(token: Any, error: BaseException) -> None:
        if type(token) is _Waited:
            fail(token._paramedic_id_, error)
        elif others is not None:
            others[2](token, error)

    # the cheapest questions first: nearly all waits are Paramiko's own, for what has come already or with a short limit
    asked = f"not _first._flag and (timeout is None or timeout > {_SHORT_S}) and _first.{CHANNEL}"
    guard = Guard(f"{asked} and {probes.by_program.words}", probes.by_program.values)
    if known is not None:
        guard = Guard(f"{known.words} or {guard.words}", {**known.values, **guard.values})
    return Target(threading.Event, "wait", enter, leave, failed, ("timeout",), guard)
