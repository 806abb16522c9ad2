"""A short command on a given connection, beside the pool's queue: for looking after other commands."""

from __future__ import annotations

from collections.abc import Callable

from paramedic.safe.link import Link
from paramedic.safe.session import Outcome, Session
from paramedic.safe.signal_safe import SignalSafeEvent
from paramedic.safe.sink import STDOUT, Collector

_PAUSE_S = 0.05
_FREED_LATE = 6
"""As many pauses later a server has surely freed the sessions that had ended when it refused another one."""


class _Waiter:
    """The owner of a session that one thread waits for."""

    def __init__(self) -> None:
        self.over = SignalSafeEvent()

    def session_started(self, session: Session) -> None:
        """Does nothing.

        Threads: the reader thread; it does not block.
        """

    def session_ended(self, session: Session) -> None:
        """Wakes the thread that waits.

        Threads: any thread; it does not block.
        """
        self.over.set()


def run_aside(link: Link, command: str, timeout: float, room: Callable[[], bool]) -> str | None:
    """Runs a command on ``link`` and returns its output; None if it could not be run within ``timeout`` seconds.

    A refusal for lack of room is tried again for as long as ``room`` says that there may be some.

    Threads: any thread but readers and the clock's. It blocks.
    """
    attempts = max(1, int(timeout / _PAUSE_S))
    for attempt in range(attempts):
        waiter = _Waiter()
        collector = Collector()
        session = Session(command.encode(), collector, waiter)
        link.launch(session)
        if not waiter.over.wait(timeout):
            session.close()
            return None
        if session.outcome is Outcome.CLOSED:
            return collector.collected(STDOUT).decode("utf-8", "replace")
        if session.outcome is not Outcome.REFUSED:
            return None
        if attempt >= _FREED_LATE and not room():
            return None
        if attempt + 1 < attempts:
            waiter.over.clear()
            waiter.over.wait(_PAUSE_S)
    return None
