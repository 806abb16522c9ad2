"""Sessions that the server has not answered yet, and the alarm for those that it does not answer in time."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

from paramedic.safe.clock import Alarm, Clock
from paramedic.safe.session import Phase, Session


class Answers:
    """Waits for the answers to one pool's requests for sessions.

    All wait equally long, so the one that was asked for first is late first: one alarm for all.

    Threads: every method may be called by any thread.
    """

    def __init__(self, clock: Clock, limit_s: float, late: Callable[[Session], None]) -> None:
        """Begins with none.

        Args:
            clock: has the alarm.
            limit_s: how long a server may take to answer.
            late: called with each session for which it took longer, on the clock's thread; must not block.

        Threads: any thread; it does not block.
        """
        self._clock = clock
        self._limit_s = limit_s
        self._late = late
        self._lock = threading.Lock()
        self._open: deque[tuple[float, weakref.ref[Session]]] = deque()  # weakly: their output need not wait
        self._alarm: Alarm | None = None

    def expect(self, session: Session) -> None:
        """Waits for the answer to a session that is about to be asked for.

        Threads: any thread; it does not block.
        """
        with self._lock:
            self._forget_answered()
            self._open.append((time.monotonic() + self._limit_s, weakref.ref(session)))
            if self._alarm is None:
                self._set_alarm()

    def rest(self) -> None:
        """Takes the alarm back if there is no answer to wait for: an idle pool has nothing to wake up for.

        Threads: any thread; it does not block.
        """
        if self._alarm is None:
            return
        with self._lock:
            self._forget_answered()
            if not self._open and self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None

    def _forget_answered(self) -> None:
        # You hold the lock.
        while self._open and _unanswered(self._open[0][1]) is None:
            self._open.popleft()

    def _set_alarm(self) -> None:
        # You hold the lock. A thousand hosts of a group have one each.
        self._alarm = self._clock.at(self._open[0][0], self._look, slack_s=self._limit_s / 60)

    def _look(self) -> None:
        late: list[Session | None] = []
        with self._lock:
            now = time.monotonic()
            while self._open and (self._open[0][0] <= now or _unanswered(self._open[0][1]) is None):
                late.append(_unanswered(self._open.popleft()[1]))
            self._alarm = None
            if self._open:
                self._set_alarm()
        for session in late:
            if session is not None:
                self._late(session)


def _unanswered(known: weakref.ref[Session]) -> Session | None:
    session = known()
    return None if session is None or session.answered or session.phase is Phase.ENDED else session
