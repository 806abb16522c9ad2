"""Waits for a channel's `status_event`, which say with a limit what `recv_exit_status` says without one.

Paramiko's own waits and sets of the event are far more than the program's, and pass by: only its class is changed.

Threads: any; the wait blocks as the original does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from paramedic.model.operations import NUMBER
from paramedic.record.frames import SYNC
from paramedic.record.probe import Probes, milliseconds

_SHORT_S = 1.0
"""Who waits no longer than this only looks, and reads in between."""


class _Waited:
    """Stands for the channel of an event in a probe."""

    __slots__ = ("_paramedic_id_",)

    def __init__(self, given: int) -> None:
        self._paramedic_id_ = given


def status_events(probes: Probes) -> Callable[[Any, int], None]:
    """What makes the event of a channel, whose id is given, one whose waits are seen.

    Threads: the thread that starts a recording; the result in any thread.
    """
    threading = sys.modules["threading"]

    def arguments(_: Any, timeout: Any) -> tuple[int, int]:
        return milliseconds(timeout), probes.writer.text("status_event.wait")

    begin, end, fail = probes.call(NUMBER["Channel.recv_exit_status"], lambda _: 0, arguments, SYNC)
    original, plain = threading.Event, threading.Event.wait
    if original.__module__ != "threading":  # gevent's, which has room for nothing
        return lambda channel, given: None

    class StatusEvent(original):  # type: ignore[misc,valid-type]
        """The event of one channel."""

        def wait(self, timeout: Any = None) -> Any:
            """As of an event.

            Threads: any; blocks as the original does.
            """
            looks = self._flag or (timeout is not None and not timeout > _SHORT_S)
            token = None if looks else begin(_Waited(self.paramedic_channel), timeout)
            try:
                result = plain(self, timeout)
            except BaseException as e:
                if token is not None:
                    fail(token, e)
                raise
            return result if token is None else end(token, result)

    def watch(channel: Any, given: int) -> None:
        event = channel.status_event
        if type(event) is original:
            event.paramedic_channel = given
            event.__class__ = StatusEvent

    return watch
