"""Whether a server that says nothing is still there: asked while it is used, and left to the kernel while it is not.

A reader thread that wakes up costs half a millisecond of CPU on an idle machine, ten times what it costs beside other
work. So the reader of a connection on which nothing is open **rests**: it sleeps for ten times the interval, and the
kernel sends the signs of life meanwhile (TCP keepalive). That finds a host that is gone as soon as asking would; a
server that is stuck while its kernel answers is found at the end of the rest, or when somebody uses the connection.

A reader that rests cannot be called; what wakes it is data, or the end of the connection. So whoever sends something
while it rests (a request for a session, mostly) has the pool's clock look whether anything came in answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from paramedic.safe.clock import Clock
from paramedic.safe.wire import Wire

REST = 10.0
"""How many intervals a rest is long."""
_ASK_AFTER = 1.9
_LOST_AFTER = 2.9


class Pulse:
    """The signs of life of one connection; see the module's text.

    Threads: :meth:`before_wait` and :meth:`silent` belong to the reader thread.
    """

    def __init__(
        self,
        wire: Wire,
        interval_s: float,
        clock: Clock | None,
        *,
        in_use: Callable[[], bool],
        ask: Callable[[], None],
        lost: Callable[[float], None],
    ) -> None:
        """Begins to look after ``wire``.

        Args:
            wire: the connection; it is told to wait accordingly.
            interval_s: the silence after which the server is asked; after three times that it is lost.
            clock: looks after the connection while the reader rests; None: it never does.
            in_use: whether anything is open on the connection.
            ask: asks the server for any answer, without waiting for one.
            lost: told for how many seconds nothing came.

        Threads: any thread; it does not block.
        """
        self._wire = wire
        self._interval_s = interval_s
        self._clock = clock
        self._in_use = in_use
        self._ask = ask
        self._lost = lost
        self._may_rest = wire.keep_alive(interval_s) and clock is not None
        self._rested_until = 0.0
        self._roused_at = 0.0
        self._watched = threading.Lock()  # a token: taken while an alarm of the clock is to come
        wire.set_poll(interval_s)
        wire.on_send = self._sent if self._may_rest else None

    def before_wait(self) -> None:
        """The reader is about to wait: for how long?

        Threads: the reader thread; it does not block.
        """
        if not self._may_rest:
            return
        resting = not self._in_use() and self._rested_until <= self._wire.received_at
        if resting:
            # First say so, then look again: who opens something first makes it known, then looks whether we rest.
            self._wire.resting = True
            resting = not self._in_use()
        self._wire.resting = resting
        self._wire.set_poll(self._interval_s * (REST if resting else 1))

    def silent(self) -> None:
        """Nothing came for as long as the reader was to wait.

        Threads: the reader thread; it blocks while the peer does not read.
        """
        now = time.monotonic()
        if self._wire.resting:
            self._rested_until = now
            self._wire.resting = False
            self._ask()
            return
        silent_s = now - self._wire.received_at
        if self._rested_until > self._wire.received_at:
            silent_s = now - self._rested_until + 2 * self._interval_s
        if silent_s > _LOST_AFTER * self._interval_s:
            self._lost(now - self._wire.received_at)
        elif silent_s > _ASK_AFTER * self._interval_s or self._in_use():
            # One that nobody uses is asked once before it is given up, one that is in use twice.
            self._ask()

    def _sent(self) -> None:
        # On the thread that sent something while the reader rests.
        now = time.monotonic()
        if self._roused_at <= self._wire.received_at:
            self._roused_at = now
        self._watch(now)

    def _watch(self, since: float) -> None:
        if self._clock is not None and self._watched.acquire(blocking=False):
            self._clock.at(since + self._interval_s, self._look, slack_s=self._interval_s / 60)

    def _look(self) -> None:
        # On the clock's thread. What is sent before the token is given back is looked at here, the rest by the next.
        self._watched.release()
        now, roused_at = time.monotonic(), self._roused_at
        if not self._wire.resting or self._wire.received_at >= roused_at:
            return  # the reader is awake, or nothing is waited for
        if now - roused_at > _LOST_AFTER * self._interval_s:
            self._lost(now - roused_at)
        elif now - roused_at < self._interval_s:
            self._watch(roused_at)  # this alarm was meant for something that was answered
        else:
            self._watch(now)  # before asking, which has it watched, too
            self._ask()
