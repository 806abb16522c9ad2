"""A runner on the other side of one connection, and the commands that it runs.

Opening a session costs sshd a fork, and the client seven messages. A runner (:mod:`.remote_runner`) is one session in
which a program of ours starts commands as sshd would, each as a process of its own, with its own two outputs.
"""

from __future__ import annotations

import enum
import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from importlib import resources

from paramedic.safe import packets, runner_frames
from paramedic.safe.link import Link
from paramedic.safe.packets import Packet
from paramedic.safe.runner_frames import BadFrame, Hearing, Said
from paramedic.safe.session import Outcome, Owner, Phase, Session
from paramedic.safe.sink import STDERR, STDOUT, Sink

_LOG = logging.getLogger("paramedic.safe")
_WORDS_BYTES = 2000


@functools.cache
def _program() -> bytes:
    return resources.files("paramedic.safe").joinpath("remote_runner.py").read_bytes()


class RunnerCommand(Session):
    """A command that a runner runs; to its owner it is as good as a session.

    Threads: as :class:`~paramedic.safe.session.Session`.
    """

    __slots__ = ("given", "number", "runner")
    by_runner = True

    def __init__(self, runner: Runner, command: bytes, sink: Sink, owner: Owner, given: bytes) -> None:
        """Prepares a command; :meth:`start` begins it.

        Args:
            runner: who runs it.
            command: what to run.
            sink: where output goes.
            owner: who is told.
            given: all of its standard input, at most ``MOST_INPUT_BYTES``.

        Threads: any thread; it does not block.
        """
        super().__init__(command, sink, owner)
        self.runner = runner
        self.given = given
        self.number = 0

    def start(self) -> None:
        """Has the command run.

        Threads: any thread. It blocks while the peer does not read (never on the reader).
        """
        if not self._may_send.acquire(blocking=False):
            self.discard()
        elif not self.runner.admit(self):
            self._end(Outcome.UNSENT)
        else:
            self.runner.flush()

    def begin(self, link: Link, number: int) -> None:
        """Called by the runner: from now on, it may be told of the command.

        Threads: the one that starts it, under the runner's lock; it does not block.
        """
        self.link = link
        self.number = number
        self.requested_at = self.started_at = time.monotonic()
        self.command_sent = True
        self.phase = Phase.RUNNING
        if (owner := self.owner) is not None:
            owner.session_started(self)  # before anybody can hear of its end

    def signal(self, name: str) -> None:
        """Sends a signal ("TERM") to the remote process group; nothing happens if the command has ended.

        Threads: any thread. It blocks while the peer does not read.
        """
        if self.phase is Phase.RUNNING:
            self.runner.say(runner_frames.signal(self.number, name))

    def close(self) -> None:
        """Waits for the command no longer.

        Threads: any thread. It blocks while the peer does not read.
        """
        if self.phase is Phase.RUNNING:
            self.runner.drop(self)
            self._end(Outcome.ABANDONED)

    def told(self, said: Said, payload: bytes) -> bool:
        """Called by the runner with what was said of the command; returns whether that was the last.

        Raises:
            BadFrame: it makes no sense.

        Threads: the reader thread; it does not block.
        """
        self.answered = True
        if said in (Said.OUT, Said.ERR):
            if self.phase is Phase.RUNNING:
                self.sink.feed(STDOUT if said is Said.OUT else STDERR, payload)
            return False
        if said is Said.ALIVE:
            return False
        if said is Said.REFUSED:
            self.command_sent = False
            self._end(Outcome.UNSENT)
            return True
        how = runner_frames.read_exit(payload)
        self.exit_status, self.exit_signal, self.core_dumped = how.status, how.signal, how.core_dumped
        self._end(Outcome.CLOSED)
        return True

    def lose(self, outcome: Outcome) -> None:
        """Called by the runner when it has ended before the command did.

        Threads: any thread; it does not block.
        """
        self._end(outcome)


class _Line(Session):
    """The session that a runner runs in: its input stays open, and anybody adds to it without waiting for room."""

    __slots__ = ("_order_of_input", "_unsent")

    def __init__(self, command: bytes, sink: Sink, owner: Owner) -> None:
        super().__init__(command, sink, owner, growing_window=True)
        self._unsent = b""
        self._order_of_input = threading.Lock()

    def say(self, data: bytes) -> None:
        """Sends ``data`` after what was said before, as soon as there is room.

        Threads: any thread. It blocks while the peer does not read (never on the reader).
        """
        self.put(data)
        if self.link is not None:
            self.link.flush()

    def put(self, data: bytes) -> None:
        """As :meth:`say`, but for the sending, which the next flush of the link does.

        Threads: any thread; it does not block.
        """
        with self._order_of_input:
            self._unsent += data
            self._send_what_fits()

    def _next_input(self) -> list[bytes]:
        return []  # it does not end; what was said already follows when the runner hears of the start

    def _widen(self, count: int) -> None:
        with self._order_of_input:
            self._window_left += count
            self._send_what_fits()

    def _send_what_fits(self) -> None:
        # You hold the lock: the order of the pieces is that of the link's outbox.
        link = self.link
        while link is not None and self.phase is Phase.RUNNING and self._unsent and self._window_left > 0:
            size = min(len(self._unsent), self._window_left, self.max_data_bytes)
            self._window_left -= size
            link.send_soon((Packet(packets.data(self.remote, self._unsent[:size]), self.sender),))
            self._unsent = self._unsent[size:]


class State(enum.Enum):
    """Where a runner is in its life."""

    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"
    """It takes no more commands, and ends when those that it has are over."""
    OVER = "over"


class Runner:
    """One runner; see the module's text.

    Threads: every method may be called by any thread.
    """

    def __init__(self, link: Link, answer_s: float, changed: Callable[[Runner], None]) -> None:
        """Prepares a runner; :meth:`start` starts it.

        Args:
            link: the connection that it is for.
            answer_s: seconds within which something has to be heard of a command.
            changed: told of its states.

        Threads: any thread; it does not block.
        """
        mark = f"paramedic-runner-{secrets.token_hex(8)}"
        self.link = link
        self.state = State.STARTING
        self.why = ""
        """Why it is not to be had; empty while it is, or if it ended in a way that another may not."""
        self.served = 0
        """How many commands it has run to their end."""
        self.hopeless = False
        """Whether another one would be no better."""
        self._changed = changed
        self._lock = threading.Lock()
        self._commands: dict[int, RunnerCommand] = {}
        self._numbers = 0
        self._hearing = Hearing(mark)
        self._words = b""
        self._line = _Line(runner_frames.bootstrap(mark, len(_program()), min(1.0, answer_s / 4)), self, self)

    def start(self) -> None:
        """Asks the server for the session that it runs in.

        Threads: any thread. It blocks while the peer does not read (never on the reader).
        """
        self._line.say(_program())
        self.link.launch(self._line)

    @property
    def has_process(self) -> bool:
        """Whether the server has been asked for its process, which has not ended."""
        return self._line.phase is Phase.RUNNING

    # -- what its commands ask for

    def admit(self, command: RunnerCommand) -> bool:
        """Counts a command among its own, which it tells from then on what becomes of them; False if it takes none.

        Threads: any thread; it does not block.
        """
        with self._lock:
            if self.state is not State.READY:
                return False
            self._numbers += 1
            command.begin(self.link, self._numbers)
            self._commands[self._numbers] = command
            # Before anybody may want to end it: what is said of a command that is not known there is lost.
            self._line.put(runner_frames.run(self._numbers, command.command, command.given))
            return True

    def flush(self) -> None:
        """Sends what it was given to run.

        Threads: any thread. It blocks while the peer does not read (never on the reader).
        """
        self.link.flush()

    def say(self, frame: bytes) -> None:
        """Tells the other side.

        Threads: any thread. It blocks while the peer does not read (never on the reader).
        """
        self._line.say(frame)

    def drop(self, command: RunnerCommand) -> None:
        """Wants to hear no more of a command.

        Threads: any thread. It blocks while the peer does not read.
        """
        self._forget(command.number)
        self._line.say(runner_frames.drop(command.number))
        if not command.answered:
            self.give_up("it does not answer")

    def _forget(self, number: int) -> RunnerCommand | None:
        with self._lock:
            found = self._commands.pop(number, None)
            leaves = self.state is State.LEAVING and not self._commands
        if leaves:
            self._line.close()
        return found

    def leave(self) -> None:
        """Takes no more commands, and ends when those that it has are over.

        Threads: any thread. It blocks while the peer does not read (never on the reader).
        """
        with self._lock:
            if self.state in (State.LEAVING, State.OVER):
                return
            self.state = State.LEAVING
            idle = not self._commands
        if idle:
            self._close()

    def give_up(self, why: str) -> None:
        """Ends it: it does not do what it should. Its commands' ends will not be known.

        Threads: any thread. It blocks while the peer does not read (never on the reader).
        """
        self.why = self.why or why
        self._close()

    def _close(self) -> None:
        if not self._line.withdraw():
            self._line.close()

    # -- what its session tells

    def feed(self, stream: int, data: bytes) -> int:
        """Takes what the runner says apart.

        Threads: the reader thread; it does not block.
        """
        if stream != STDOUT:
            self._words = (self._words + data)[-_WORDS_BYTES:]
            return len(data)
        try:
            for said, number, payload in self._hearing.hear(data):
                command = self._commands.get(number)
                if command is not None and command.told(said, payload):
                    self.served += 1
                    self._forget(number)
        except BadFrame as error:
            self.give_up(f"it said what makes no sense: {error}")
            return 0
        if self.state is State.STARTING and self._hearing.greeting is not None:
            self._greeted(self._hearing.greeting)
        return len(data)

    def _greeted(self, greeting: str) -> None:
        if greeting != "ready":
            self.hopeless = True
            self.give_up(greeting.removeprefix("unfit "))
            return
        with self._lock:
            if self.state is State.STARTING:
                self.state = State.READY
        self._changed(self)

    def finish(self) -> None:
        """Does nothing: the session's owner is told.

        Threads: any thread; it does not block.
        """

    def session_started(self, session: Session) -> None:
        """Tells those that look for processes of the connection that one of them is no command's.

        Threads: the reader thread; it does not block.
        """
        self.link.guests[session.channel] = (session.order, session.order)
        self._line.put(b"")  # what was said before, as far as there is room
        if self.state is not State.STARTING or self.why:
            session.close()  # nobody wants it any more

    def session_ended(self, session: Session) -> None:
        """Ends the commands that it had.

        Threads: any thread; it does not block.
        """
        self.link.guests.pop(session.channel, None)
        with self._lock:
            was, self.state = self.state, State.OVER
            commands, self._commands = list(self._commands.values()), {}
        if not self.why and was is not State.LEAVING and session.outcome is not Outcome.LOST:
            if session.outcome is Outcome.REFUSED:
                self.why = "the server has no session for it"
            else:
                words = self._words.decode("utf-8", "replace").strip().splitlines()[-1:]
                self.why = f"it ended{' by itself' if was is State.READY else ' before it began'}" + (
                    f": {words[0][:200]}" if words else ""
                )
        if self.why:
            _LOG.debug("a runner is gone: %s", self.why)
        for command in commands:
            command.lose(Outcome.LOST if session.outcome is Outcome.LOST else Outcome.ORPHANED)
        self._changed(self)
