"""One command on its way through a pool: queued, launched, maybe refused and queued again, ended by itself or by us."""

from __future__ import annotations

import contextvars
import enum
import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramedic.safe.clock import Alarm
from paramedic.safe.feeding import Input, replayable
from paramedic.safe.future import CommandFuture
from paramedic.safe.hunting import Child
from paramedic.safe.result import CommandResult, Ending
from paramedic.safe.runner_frames import MOST_INPUT_BYTES
from paramedic.safe.session import Outcome, Phase, Session
from paramedic.safe.sink import STDERR, STDOUT, Collector, Sink
from paramedic.safe.standstill import Holder
from paramedic.safe.stream import Channel

if TYPE_CHECKING:
    from paramedic.safe.dispatch import Dispatcher


_LOST = Outcome.LOST
_MOST_ATTEMPTS = 3
_SETTLED_S = 1.0
"""How long a stream must have been full until it is sure that its command does not just end."""


class Stage(enum.Enum):
    """How far a task has come."""

    QUEUED = "queued"
    LAUNCHED = "launched"
    ENDING = "ending"
    DONE = "done"


class Why(enum.Enum):
    """Why we end a command that has not ended by itself."""

    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    CLOSED = "closed"


@dataclass(slots=True, weakref_slot=True, kw_only=True, eq=False)
class Task:
    """One command; its fields are changed under the pool's lock, or by the one thread that has it at the time.

    Threads: it belongs to its pool.
    """

    pool: Dispatcher
    command: str
    sent_command: bytes
    input: Input
    environment: dict[bytes, bytes] | None
    terminal: bool
    run_s: float | None
    total_at: float | None
    retry_safe: bool
    leash: bool
    sink: Sink
    window_bytes: int
    growing_window: bool
    future: CommandFuture = field(init=False)
    queued_at: float = 0.0
    stage: Stage = Stage.QUEUED
    session: Session | None = None
    link: int = -1
    attempts: int = 1
    alarm: Alarm | None = None
    why: Why | None = None
    unsent: bool = False
    """Whether a runner was to run it, and did not."""
    phase: str = "queue"
    ending: Ending = Ending.UNKNOWN
    prey: Child | None = None
    """Its process on the other side, once that was found."""
    hangs: bool = False
    """Whether its end may depend on a thread of the program: who takes its output, or makes its input."""
    input_trouble: BaseException | None = None
    """Why there was no more of its input to be had."""
    feeder: threading.Thread | None = None
    """Who sends its input, once somebody does."""
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    """Of whoever asked for the command: observers are called in it, so that a span is a child of the caller's."""

    def cancel(self) -> None:
        """Ends the command, whoever asked for it being told that it was cancelled.

        Threads: any thread; it does not block.
        """
        self.pool.stop(self, Why.CANCELLED)

    def cancel_alarm(self) -> None:
        """Takes back the alarm for its limit, if there is one.

        Threads: whoever has the task; it does not block.
        """
        if self.alarm is not None:
            self.alarm.cancel()

    def drain(self) -> None:
        """Has its output come, though nobody may take it: a server that cannot send it does not report the end.

        Threads: any thread. It blocks while the peer does not read.
        """
        session = self.session
        if isinstance(self.sink, Channel) and session is not None and self.sink.drain():
            session.grant(self.window_bytes, untaken=True)  # all that may wait there

    @property
    def may_repeat(self) -> bool:
        """Whether it may be run again, though it may have run."""
        return self.retry_safe and replayable(self.input) and self.attempts < _MOST_ATTEMPTS

    @property
    def ending_unsent(self) -> Ending:
        """What became of its process, if this attempt was not sent: an earlier one may still be running."""
        return Ending.NOT_STARTED if self.attempts == 1 else Ending.UNKNOWN

    def input_failed(self, error: BaseException) -> None:
        """Called when the input cannot be read: the command is ended for that.

        Threads: the one that sends the input; it does not block.
        """
        self.input_trouble = error

    def holder(self, acquire_s: float | None) -> Holder | None:
        """Which thread it depends on while it runs; None if it goes on by itself.

        Args:
            acquire_s: for how long it may be hoped that it ends all the same.

        Threads: any thread; it does not block.
        """
        if not self.hangs or self.stage is not Stage.LAUNCHED or (session := self.session) is None:
            return None
        if session.phase is not Phase.RUNNING:
            return None
        patience_s = math.inf if acquire_s is None else acquire_s
        if isinstance(self.sink, Channel):
            taken_at, left_bytes, fed_at = self.sink.state
            if session.is_full(left_bytes):
                return Holder("a stream", self.sink.thread, fed_at + min(_SETTLED_S, patience_s), fed_at, anybodys=True)
            return Holder("a stream", self.sink.thread, taken_at + patience_s, None)
        if self.feeder is None:
            return None
        return Holder("a command's input", self.feeder, session.started_at + patience_s, None)

    def fits_runner(self, given: bytes) -> bool:
        """Whether a runner gives it, with ``given`` as its input, all that a session of its own would.

        Threads: any thread; it does not block.
        """
        plain = not (self.terminal or self.environment or self.leash or self.unsent)
        return plain and isinstance(self.sink, Collector) and len(given) <= MOST_INPUT_BYTES

    def session_started(self, session: Session) -> None:
        """Called by the session: the command was sent.

        Threads: the reader thread; it does not block.
        """
        self.pool._started(self, session)

    def session_ended(self, session: Session) -> None:
        """Called by the session, once.

        Threads: the reader thread or the one that closes; it does not block.
        """
        link = session.link
        if link is None or session.outcome is _LOST or threading.get_ident() != link.reader:
            self.pool._ended([(self, session)])
        else:
            # First the reader handles all that it has read; then one decision serves all sessions that ended.
            over = link.over
            over.append((self, session))
            if len(over) == 1:
                link.defer(lambda: self.pool._settle_over(link))

    def result(self, session: Session | None) -> CommandResult:
        """What is known of the command's end.

        Threads: whoever has the task; it does not block.
        """
        now = time.monotonic()
        started = session.started_at if session is not None and session.command_sent else 0.0
        ended = session.ended_at if session is not None and session.ended_at else now
        sink = self.sink
        collected = sink.collected if isinstance(sink, Collector) else lambda stream: b""
        return CommandResult(
            host=self.pool.host,
            command=self.command,
            exit_status=session.exit_status if session is not None else None,
            signal=session.exit_signal if session is not None else None,
            stdout=collected(STDOUT),
            stderr=collected(STDERR),
            duration_s=max(0.0, ended - started) if started else 0.0,
            queue_s=max(0.0, (started or now) - self.queued_at),
            ending=self.ending,
            attempts=self.attempts,
            by_runner=session is not None and session.by_runner,
        )
