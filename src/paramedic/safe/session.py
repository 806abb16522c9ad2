"""One command on one connection, driven by the connection's reader thread.

A session is a small state machine: OPENING, then RUNNING once the server gave it a channel (the command is sent in the
same breath), then ENDED. The reader thread feeds it; it takes both output streams at once, so that no order or size of
output can stop it; it tells its owner how it ended, once.

It is no Paramiko channel: it has no buffer that moves bytes around, no lock for reading and no file objects.
"""

from __future__ import annotations

import enum
import threading
import time
from typing import Protocol

import paramiko

from paramedic.safe import packets
from paramedic.safe.link import Link, moment
from paramedic.safe.packets import Packet, Sender
from paramedic.safe.signal_safe import SignalSafeCondition
from paramedic.safe.sink import STDERR, STDOUT, Sink
from paramedic.safe.window import Window


class Phase(enum.Enum):
    """Where a session is in its life."""

    OPENING = "opening"
    RUNNING = "running"
    ENDED = "ended"


class Outcome(enum.Enum):
    """How a session ended."""

    CLOSED = "closed"
    """The server closed it; ``exit_status`` or ``exit_signal`` say how the command ended."""
    REFUSED = "refused"
    """The server refused to open it: nothing was started."""
    EXEC_REFUSED = "exec refused"
    """The server opened it and refused to run the command."""
    LOST = "lost"
    """The connection is gone; ``command_sent`` says whether the command may have started."""
    ABANDONED = "abandoned"
    """We closed it without waiting for the server."""
    UNSENT = "unsent"
    """The runner that was to run the command had ended, or could not: nothing was run."""
    ORPHANED = "orphaned"
    """The runner ended before the command did, or without a word about it."""


_OPENING, _RUNNING, _ENDED = Phase.OPENING, Phase.RUNNING, Phase.ENDED  # an Enum's look-up is slow up to Python 3.11


class Owner(Protocol):
    """Who wants to know about a session."""

    def session_started(self, session: Session) -> None:
        """The command was sent.

        Threads: the reader thread; it must not block.
        """

    def session_ended(self, session: Session) -> None:
        """The session ended, see ``outcome``. Comes once.

        Threads: the reader thread, or the one that closed the link or launched into a dead one. The reader is in the
        middle of what it has read: it must not block and must not launch; see ``Link.defer``.
        """


class Session:
    """One command; see the module's text.

    Threads: made and launched by any thread; :meth:`signal`, :meth:`write`, :meth:`end_input`, :meth:`grant` and
    :meth:`close` may be called by any thread while it runs. The attributes may be read once it has ended.
    """

    __slots__ = (
        "_accepted",
        "_input",
        "_is_given_up",
        "_may_send",
        "_once",
        "_room",
        "_window",
        "_window_left",
        "_withdrawn",
        "answered",
        "channel",
        "command",
        "command_sent",
        "core_dumped",
        "ended_at",
        "environment",
        "exit_message",
        "exit_signal",
        "exit_status",
        "hold_input",
        "link",
        "max_data_bytes",
        "order",
        "outcome",
        "owner",
        "packet_bytes",
        "phase",
        "refusal",
        "remote",
        "sender",
        "sink",
        "requested_at",
        "started_at",
        "subsystem",
        "terminal",
        "window_bytes",
        "__weakref__",
    )
    by_runner = False

    def __init__(
        self,
        command: bytes,
        sink: Sink,
        owner: Owner,
        *,
        input: bytes = b"",
        hold_input: bool = False,
        subsystem: bytes | None = None,
        environment: dict[bytes, bytes] | None = None,
        terminal: bool = False,
        window_bytes: int = 2 * 1024 * 1024,
        growing_window: bool = False,
    ) -> None:
        """Prepares a session; ``Link.launch`` starts it.

        Args:
            command: what to run.
            sink: where output goes.
            owner: who is told.
            input: bytes for the command's standard input; few enough to be sent from the reader thread.
            hold_input: leave the input open after ``input``: somebody will :meth:`write` and :meth:`end_input`.
            subsystem: ask for this subsystem instead of running ``command``.
            environment: variables to ask for.
            terminal: ask for a pseudo-terminal.
            window_bytes: how much output the server may send before it is taken.
            growing_window: let it grow where the line is long.

        Threads: any thread; it does not block.
        """
        self.command = command
        self.sink = sink
        self.owner: Owner | None = owner  # until it was told of the end: the two refer to each other no longer
        self.subsystem = subsystem
        self.environment = environment
        self.terminal = terminal
        self.window_bytes = window_bytes
        self.packet_bytes = 32768
        self.hold_input = hold_input
        self.sender = Sender()
        self.link: Link | None = None
        self.channel = -1
        self.remote = -1
        self.phase = _OPENING
        self.outcome: Outcome | None = None
        self.order = 0
        self.command_sent = False
        self.answered = False  # the server said that it runs the command, or anything else after it was asked to
        self.exit_status: int | None = None
        self.exit_signal: str | None = None
        self.exit_message = ""
        self.core_dumped = False
        self.refusal: paramiko.ChannelException | None = None
        self.requested_at = 0.0
        self.started_at = 0.0
        self.ended_at = 0.0
        self.max_data_bytes = 32768
        self._input = input
        self._is_given_up = self._withdrawn = self._accepted = False
        self._window = Window(window_bytes, grows=growing_window)
        self._window_left = 0
        self._once = threading.Lock()
        self._may_send = threading.Lock()
        self._room: SignalSafeCondition | None = SignalSafeCondition() if hold_input else None

    # -- what anybody may do

    def withdraw(self) -> bool:
        """Keeps the command from being sent; says whether that was still possible.

        Threads: any thread; it does not block.
        """
        if not self._may_send.acquire(blocking=False):
            return False
        self._withdrawn = True
        return True

    def forgo(self) -> None:
        """If it was withdrawn: waits no longer for the server's answer to the request for it; one that comes closes it.

        Threads: any thread; it does not block.
        """
        if self._withdrawn and self.phase is _OPENING:
            self._end(Outcome.ABANDONED)

    def signal(self, name: str) -> None:
        """Sends a signal ("TERM") to the remote process; nothing happens if the session has ended.

        Threads: any thread. It blocks while the peer does not read.
        """
        if self.phase is _RUNNING:
            self._send(packets.signal(self.remote, name.encode()))

    def close(self) -> None:
        """Keeps the command from being sent, or closes its channel without waiting for it; what comes is thrown away.

        Threads: any thread. It blocks while the peer does not read.
        """
        self._is_given_up = True  # the reader thread may be sending the command: it looks at this when it has
        if not self.withdraw() and self.phase is _RUNNING:
            self._send(packets.close(self.remote))
            self._end(Outcome.ABANDONED)

    def write(self, data: bytes, timeout: float | None = None) -> None:
        """Sends input, as the server makes room for it.

        Args:
            data: any number of bytes.
            timeout: seconds to wait for room at most, in total; None for no limit.

        Raises:
            TimeoutError: there was no room in time; some of ``data`` may be sent.
            BrokenPipeError: the session ended, or the input was ended.

        Threads: any thread, one at a time. It blocks while there is no room.
        """
        room = self._room
        if room is None:
            raise BrokenPipeError("this session's input is not open")
        deadline = None if timeout is None else time.monotonic() + timeout
        at = 0
        while at < len(data):
            with room:
                while self.phase is _OPENING or (self.phase is _RUNNING and self._window_left <= 0):
                    left = None if deadline is None else deadline - time.monotonic()
                    if (left is not None and left <= 0) or not room.wait(left):
                        raise TimeoutError("the remote command does not read its input")
                if self.phase is _ENDED or not self.hold_input:
                    raise BrokenPipeError("the remote command no longer reads its input")
                begins, at = at, at + min(len(data) - at, self._window_left)
                self._window_left -= at - begins
            each = self.max_data_bytes
            self._send(*(packets.data(self.remote, data[i : min(i + each, at)]) for i in range(begins, at, each)))

    def end_input(self) -> None:
        """Tells the command that its input is over. Harmless when it is already, or the session has ended.

        Threads: any thread. It blocks while the peer does not read.
        """
        room = self._room
        if room is None:
            return
        with room:
            if not self.hold_input:
                return
            self.hold_input = False
            running = self.phase is _RUNNING
        # While it is OPENING, the reader thread sees hold_input and ends the input itself.
        if running:
            self._send(packets.eof(self.remote))

    def is_full(self, left_bytes: int) -> bool:
        """Whether the server may send nothing more, if ``left_bytes`` of what it sent were not granted again.

        Threads: any thread; it does not block.
        """
        return left_bytes + self._window.used_bytes >= self._window.size_bytes

    def grant(self, count: int, *, untaken: bool = False) -> None:
        """Lets the server send ``count`` more bytes: the sink's reader took as many, or (``untaken``) will not.

        Threads: one thread, not the reader; any if ``untaken``. It blocks while the peer does not read.
        """
        if not untaken:
            self._grant(count)
        elif self.phase is _RUNNING:
            self._send(packets.adjust(self.remote, count))

    # -- what the link calls, on the reader thread

    def attach(self, link: Link, channel: int) -> None:
        """Called by ``Link.launch``.

        Threads: the launching thread; it does not block.
        """
        self.link = link
        self.channel = channel
        self.requested_at = time.monotonic()

    def receive(self, kind: int, message: memoryview | bytes) -> None:
        """Called by the link with each message of the server.

        Raises:
            Exception: the message makes no sense; the connection cannot be trusted any more.

        Threads: the reader thread; it does not block.
        """
        if self.remote < 0 and kind not in (packets.CHANNEL_OPEN_CONFIRMATION, packets.CHANNEL_OPEN_FAILURE):
            return  # a server has nothing to say about a session that it has not opened
        if not self.answered and self.command_sent and kind != packets.CHANNEL_WINDOW_ADJUST:
            self.answered = True
        if (handler := _HANDLERS.get(kind)) is not None:
            handler(self, message)
        elif kind == packets.CHANNEL_SUCCESS:
            self._accepted = True

    def _opened(self, message: memoryview | bytes) -> None:
        if self.remote >= 0:
            return  # answered already
        remote, window, max_packet = packets.three_numbers_at(message, 5)
        self.remote = remote
        if self.phase is not _OPENING:  # forgone
            self._send(packets.close(remote))
            return
        self.max_data_bytes = max(min(max_packet, 1 << 18) - 64, 1)
        if not self._may_send.acquire(blocking=False):  # withdrawn; either it or we get the lock, which stays taken
            self._send(packets.close(remote))
            self._end(Outcome.ABANDONED)
            return
        self.started_at = time.monotonic()
        more = 0
        if (link := self.link) is not None:
            round_trip_s = link.round_trip_s = min(link.round_trip_s, self.started_at - self.requested_at)
            more = self._window.opened(self.started_at, round_trip_s)
        self.order = moment()
        requests = self._requests()
        if more:
            requests.append(packets.adjust(remote, more))
        self.command_sent = True
        room = self._room
        if room is None:
            self._window_left = window
            self._send(*requests, *self._next_input())
            self.phase = _RUNNING  # from now on others send, and nothing may come before the request
        else:
            self._send(*requests)
            with room:
                self._window_left = window
                self.phase = _RUNNING
                ended = not self.hold_input
                room.notify_all()
            if ended:
                self._send(packets.eof(remote))
        if (owner := self.owner) is not None:
            owner.session_started(self)
        if self._is_given_up:
            self.close()

    def _requests(self) -> list[bytes]:
        requests = [packets.environment(self.remote, *variable) for variable in (self.environment or {}).items()]
        if self.terminal:
            requests.append(packets.terminal(self.remote, b"xterm", 80, 24))
        if self.subsystem is None:
            return [*requests, packets.execute(self.remote, self.command)]
        return [*requests, packets.subsystem(self.remote, self.subsystem)]

    def _next_input(self) -> list[bytes]:
        found: list[bytes] = []
        while self._input and self._window_left > 0:
            size = min(len(self._input), self._window_left, self.max_data_bytes)
            self._window_left -= size
            found.append(packets.data(self.remote, self._input[:size]))
            self._input = self._input[size:]
        if not self._input:
            found.append(packets.eof(self.remote))
        return found

    def abandon(self) -> None:
        """The connection is gone.

        Threads: any thread; it does not block.
        """
        self._end(Outcome.LOST)

    def discard(self) -> None:
        """Ends a session that was never launched.

        Threads: the thread that would have launched it; it does not block.
        """
        self._end(Outcome.ABANDONED)

    def _refused(self, message: memoryview | bytes) -> None:
        if self.remote >= 0:
            return  # it was opened, and the command is sent: told as refused, it would be run once more
        text = packets.string_at(message, 9).decode("utf-8", "replace")
        self.refusal = paramiko.ChannelException(packets.number_at(message, 5), text)
        if self.link is not None:
            self.link.retire(self.channel)
        self._end(Outcome.REFUSED)

    def _failed(self, message: memoryview | bytes) -> None:
        if self._accepted:
            return  # only the request to run the command asks for an answer, and had it: it runs
        self._send(packets.close(self.remote))
        self._end(Outcome.EXEC_REFUSED)

    def _printed(self, message: memoryview | bytes) -> None:
        self._take(STDOUT, packets.string_at(message, 5))

    def _complained(self, message: memoryview | bytes) -> None:
        if packets.number_at(message, 5) == 1:  # stderr, the only kind there is (RFC 4254 section 5.2)
            self._take(STDERR, packets.string_at(message, 9))

    def _take(self, stream: int, data: bytes) -> None:
        if self.phase is not _RUNNING:
            return
        if back := self.sink.feed(stream, data):
            self._grant(back)

    def _grant(self, count: int) -> None:
        link = self.link
        if link is not None and self.phase is _RUNNING:
            if amount := self._window.took(count, time.monotonic(), link.round_trip_s):
                self._send(packets.adjust(self.remote, amount))

    def _adjusted(self, message: memoryview | bytes) -> None:
        self._widen(packets.number_at(message, 5))

    def _widen(self, count: int) -> None:
        room = self._room
        if room is None:
            self._window_left += count
            if self._input:
                self._send(*self._next_input())
            return
        with room:
            self._window_left += count
            room.notify_all()

    def _requested(self, message: memoryview | bytes) -> None:
        kind = packets.string_at(message, 5)
        at = 9 + len(kind)
        want_reply = message[at]
        if kind == b"exit-status":
            self.exit_status = packets.number_at(message, at + 1)
        elif kind == b"exit-signal":  # Paramiko drops it and reports -1 (paramiko issue 598)
            name = packets.string_at(message, at + 1)
            self.exit_signal = name.decode("ascii", "replace")
            at += 5 + len(name)
            self.core_dumped = bool(message[at])
            self.exit_message = packets.string_at(message, at + 1).decode("utf-8", "replace")
        elif want_reply:
            self._send(packets.request_failure(self.remote))

    def _closed(self, message: memoryview | bytes) -> None:
        self._send(packets.close(self.remote))
        if self.link is not None:
            self.link.retire(self.channel)
        self._end(Outcome.CLOSED)

    # -- inside

    def _send(self, *messages: bytes) -> None:
        if (link := self.link) is not None:
            try:
                link.send([Packet(message, self.sender) for message in messages])
            except (paramiko.SSHException, EOFError, OSError):
                pass  # the reader thread tells of the loss; a key exchange without an end does not hold up a close()

    def _end(self, outcome: Outcome) -> None:
        if not self._once.acquire(blocking=False):
            return  # the reader thread and one that closes may both get here
        self.outcome = outcome
        self.ended_at = time.monotonic()
        room = self._room
        if room is None:
            self.phase = _ENDED
        else:
            with room:
                self.phase = _ENDED
                room.notify_all()
        if self.command_sent or outcome is Outcome.ABANDONED:
            self.sink.finish()  # else it may be run yet: refused, or meant for a connection or a runner that was gone
        owner, self.owner = self.owner, None
        if owner is not None:
            owner.session_ended(self)


_HANDLERS = {
    packets.CHANNEL_OPEN_CONFIRMATION: Session._opened,
    packets.CHANNEL_OPEN_FAILURE: Session._refused,
    packets.CHANNEL_WINDOW_ADJUST: Session._adjusted,
    packets.CHANNEL_DATA: Session._printed,
    packets.CHANNEL_EXTENDED_DATA: Session._complained,
    packets.CHANNEL_CLOSE: Session._closed,
    packets.CHANNEL_REQUEST: Session._requested,
    packets.CHANNEL_FAILURE: Session._failed,
}
