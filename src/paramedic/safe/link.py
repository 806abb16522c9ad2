"""One SSH connection that many threads may use: ``paramiko.Transport`` with four of its races taken out.

What differs from Paramiko (2.12 to 5.1), and why:

* Nothing of a channel follows its CLOSE. Paramiko decides under the channel's lock and sends outside of it, so a
  thread's EOF can overtake nothing but be overtaken by the CLOSE of the reader thread; sshd then disconnects
  everybody ("ieof packet referred to nonexistent channel", paramiko issues 1115 and 1705). Here every packet knows
  its channel, and the look at "closed already?" and the sending are one step.
* The reader thread never waits for the end of a key exchange that only itself can end: what it sends while one is
  under way stays in an outbox (Paramiko's ``_send_user_message`` would wait 30 s and give up).
* A channel that the garbage collector closes while its own thread is sending does not wait for itself.
* A refused channel gets its own refusal. Paramiko keeps one ``saved_exception`` per transport.

Sessions that run commands are driven by the reader thread, past Paramiko's channels: one wake-up each, not four.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar, cast

import paramiko
from paramiko.channel import Channel

from paramedic.safe import packets
from paramedic.safe.clock import Clock
from paramedic.safe.hand import Hand
from paramedic.safe.handshake import Handshake
from paramedic.safe.link_channel import LinkChannel
from paramedic.safe.packetizer import Packetizer
from paramedic.safe.packets import Packet, Sender
from paramedic.safe.pulse import Pulse
from paramedic.safe.signal_safe import SignalSafeCondition, SignalSafeLock
from paramedic.safe.wire import Wire

_LOG = logging.getLogger("paramedic.safe")
_T = TypeVar("_T")
_FIRST_ID = 1 << 24
"""Paramiko numbers its channels below this (``Transport._next_channel``), we our sessions from here."""
_LARGE_BYTES = 16 * 1024
"""A message of this size is sent before the next one is encrypted."""
_FAREWELL_LETTERS = 200
_ORDER = itertools.count(1)
Guest = tuple[int, int]
"""When a session was asked for: after the first of these ``Session.order`` numbers, and before the second."""


def moment() -> int:
    """A number above the ``order`` of all sessions that were asked for before, and below that of all that follow.

    Threads: any thread; it does not block.
    """
    return next(_ORDER)


class Launched(Protocol):
    """What a link asks of the sessions that it starts."""

    sender: Sender
    window_bytes: int
    packet_bytes: int

    def attach(self, link: Link, channel: int) -> None:
        """Tells the session its link and number, before the request to open it is sent.

        Threads: the thread that launches it; it must not block.
        """

    def receive(self, kind: int, message: memoryview | bytes) -> None:
        """Gives the session a message of the server: an answer to its requests, output, the end.

        Args:
            kind: the message's number in RFC 4254.
            message: all of it, its number and the session's included.

        Threads: the reader thread, without a lock; it must not block.
        """

    def abandon(self) -> None:
        """Tells the session that the connection is gone. May come twice.

        Threads: the reader thread, or the one that launches; it must not block.
        """


class _Events(dict[int, Any]):
    """``Transport.run`` walks through ``channel_events.values()`` at its end while other threads add to it."""

    def values(self) -> Any:
        return list(super().values())


class Link(Handshake):
    """A transport for many threads; see the module's text.

    Threads: as ``paramiko.Transport``, whose methods it has; :meth:`launch` may be called from any thread.
    """

    _channel_handler_table = {  # looked up on the object: LinkChannel has its own
        number: (lambda chan, m, _name=name: getattr(chan, _name)(m))
        for number, name in {
            99: "_request_success",
            100: "_request_failed",
            94: "_feed",
            95: "_feed_extended",
            93: "_window_adjust",
            98: "_handle_request",
            96: "_handle_eof",
            97: "_handle_close",
        }.items()
    }

    is_paramedic_safe = True
    """Looked at by ``paramedic run``, which then does not warn of what cannot happen here."""

    def __init__(self, sock: Any, **options: Any) -> None:
        """Takes ``sock`` over; ``options`` are those of ``paramiko.Transport``.

        Threads: call it from the thread that connects. It does not block.
        """
        wire = sock if isinstance(sock, Wire) else Wire(sock)
        super().__init__(wire, **{name: value for name, value in options.items() if value is not None})
        self.wire = wire
        self.packetizer = Packetizer(wire, self._route)
        self.packetizer.set_log(self.logger)
        wire.before_wait = self._before_wait
        self.channel_events = _Events()
        self._make_locks()
        self._outbox: deque[Any] = deque()
        self._deferred: deque[Callable[[], None]] = deque()
        self.on_death: Callable[[], None] | None = None
        self.farewell = ""
        """What the server said when it ended the connection, if it did."""
        self.over: list[Any] = []
        """What the reader's owner keeps here, for a deferred call, of sessions that ended."""
        self.reader = -1
        """The number of the reader thread, once it runs (``threading.get_ident()``)."""
        self.hand = Hand("paramedic-send")
        """Does for the main thread what no signal's handler may break off."""
        self._clock: Clock | None = None
        self._pulse: Pulse | None = None
        self.round_trip_s = math.inf
        """The shortest time in which the server answered a request for a session."""
        self._launched: dict[int, Launched] = {}
        self.unanswered_at = -math.inf
        """When processes were looked for and it did not answer."""
        self.hunting = threading.Lock()
        """Held by the one that looks for processes of this connection."""
        self.guests: dict[int, Guest] = {}
        """Sessions that are not the pool's commands, by channel."""
        self._new_ids = itertools.count(_FIRST_ID)
        self._free_ids: deque[int] = deque()

    def _make_locks(self) -> None:
        self.lock = SignalSafeLock()
        self.server_accept_cv = SignalSafeCondition(self.lock)
        self.clear_to_send_lock = SignalSafeLock()
        self._channels._lock = SignalSafeLock()

    def abandon_after_fork(self) -> None:
        """In a forked child: says nothing to the server, who talks to the parent, and waits for none of its threads.

        Threads: the child's only thread; it does not block.
        """
        self.active = False
        self.hand.abandon_after_fork()
        self._make_locks()
        for channel in (one for one in self._channels.values() if isinstance(one, LinkChannel)):
            channel.abandon_after_fork()
        self.wire.close()

    def _parse_debug(self, m: Any) -> None:
        # sshd sends two with each login; Paramiko goes through them byte by byte, also if nobody wants to see them.
        if self.logger.isEnabledFor(logging.DEBUG):
            super()._parse_debug(m)

    def _parse_disconnect(self, m: Any) -> None:
        m.get_int()  # a code
        text = m.get_string().decode("utf-8", "replace")
        self.farewell = "".join(letter if letter.isprintable() else "?" for letter in text[:_FAREWELL_LETTERS])
        m.rewind()
        super()._parse_disconnect(m)

    def _log(self, level: int, msg: Any, *args: Any) -> None:
        # What Paramiko logs as an error is raised as one here, or expected: a refused session is tried again.
        if self.logger.isEnabledFor(logging.DEBUG):
            super()._log(min(level, logging.DEBUG), msg, *args)

    # -- sending

    def _send_user_message(self, data: Any) -> None:
        self.send((data,))

    def send(self, messages: Sequence[Any]) -> None:
        """Sends messages, one right after the other.

        Raises:
            paramiko.SSHException: a key exchange does not end.
            EOFError: the connection is gone.

        Threads: any thread. It blocks while the peer does not read (never on the reader).
        """
        if threading.get_ident() == self.reader or self.clear_to_send_lock._is_owned() or sys.is_finalizing():
            # The reader never waits for itself; what the garbage collector closes during a send waits for its end.
            self._outbox.extend(messages)
        elif threading.current_thread() is threading.main_thread():
            self.do_whole(lambda: self._send_in_turn(messages))
        else:
            self._send_in_turn(messages)

    def do_whole(self, job: Callable[[], _T]) -> _T:
        """Does ``job``, which decides and sends; what a signal's handler raises meanwhile does not break it off.

        Raises:
            Exception: what ``job`` raises, or the handler.

        Threads: any thread. It blocks while the peer does not read; an interrupt then ends the connection.
        """
        return self.hand.finish(job, self.wire.close)

    def _send_in_turn(self, messages: Sequence[Any]) -> None:
        deadline = time.monotonic() + float(self.clear_to_send_timeout)
        while True:
            if not self.active:
                return  # as Paramiko does: the caller learns of the death from its channel
            with self.clear_to_send_lock:
                if self.clear_to_send.is_set():
                    self._send_now(messages)
                    break
            if time.monotonic() > deadline:
                raise paramiko.SSHException("Key exchange took longer than clear_to_send_timeout")
            self.clear_to_send.wait(0.5)
        if self._outbox:
            self._empty_outbox()

    def send_soon(self, given: Iterable[Packet]) -> None:
        """Sends packets in the order in which they are given, this call's after those of earlier ones; never waits.

        Threads: any thread, under a lock that keeps the order, too: :meth:`flush` is what sends.
        """
        self._outbox.extend(given)

    def flush(self) -> None:
        """Sends what :meth:`send_soon` took, unless somebody is about to.

        Threads: any thread. It blocks while the peer does not read (never on the reader).
        """
        if threading.get_ident() != self.reader:  # the reader does before it waits
            with contextlib.suppress(EOFError, OSError):  # it tells of a connection that is gone
                self.hand.ask(self._empty_outbox)

    def _send_now(self, messages: Iterable[Any]) -> None:
        # You hold clear_to_send_lock: looking at close_sent and sending are one step.
        try:
            ours: list[bytes] = []
            for data in messages:
                is_ours = isinstance(data, Packet)
                message, sender = (
                    (data.data, data.sender) if is_ours else (data.asbytes(), getattr(data, "sender", None))
                )
                if ours and len(message) > _LARGE_BYTES:  # while it is still in the processor's cache
                    self.packetizer.send_messages(ours)
                    ours = []
                if sender is not None:
                    if sender.close_sent:
                        continue
                    if message[0] == packets.CHANNEL_CLOSE:
                        sender.close_sent = True
                if is_ours:
                    ours.append(message)
                    continue
                if ours:
                    self.packetizer.send_messages(ours)
                    ours = []
                self._send_message(data)
            if ours:
                self.packetizer.send_messages(ours)
        except BaseException:  # Ctrl-C too
            self.wire.close()  # some of the packet may be sent; the reader wakes up and ends
            raise

    def defer(self, call: Callable[[], None]) -> None:
        """Has ``call`` made by the reader thread once it holds no lock and has handled what it has read.

        Threads: the reader thread; it does not block.
        """
        self._deferred.append(call)

    def run(self) -> None:
        """The reader thread's life: Paramiko's loop, then what was still deferred, then ``on_death``.

        Threads: started by Paramiko; nobody else calls it.
        """
        self.reader = threading.get_ident()
        try:
            super().run()
        finally:
            for session in list(self._launched.values()):
                session.abandon()
            self._make_deferred_calls()
            if (hand := self.hand.close()) is not None:
                hand.join(1.0)
            self._wake_those_who_wait()
            if self.on_death is not None:
                self.on_death()

    def _make_deferred_calls(self) -> None:
        while self._deferred:
            self._deferred.popleft()()

    def _before_wait(self) -> None:
        if self._deferred:
            self._make_deferred_calls()
        if self._outbox:
            self._empty_outbox()
        if self._pulse is not None:
            self._pulse.before_wait()

    def _empty_outbox(self) -> None:
        # Never waits: who holds the lock empties it when done, and after a key exchange the reader passes by again.
        while self._outbox and self.clear_to_send.is_set():
            if self.clear_to_send_lock._is_owned() or not self.clear_to_send_lock.acquire(blocking=False):
                return
            try:
                if self.clear_to_send.is_set():  # whoever begins a key exchange takes the lock for it
                    self._send_now(self._outgoing())
            finally:
                self.clear_to_send_lock.release()

    def _outgoing(self) -> Iterator[Any]:
        while self._outbox:  # you hold clear_to_send_lock: nobody else takes from it
            yield self._outbox.popleft()

    # -- sessions

    def launch(self, session: Launched) -> None:
        """Asks the server for a session; the rest happens on the reader thread, which tells the session.

        Threads: any thread. It blocks while the peer does not read; not on the reader, nor where another is blocked.
        """
        try:
            number = self._free_ids.popleft()
        except IndexError:
            number = next(self._new_ids)
        session.attach(self, number)
        self._launched[number] = session
        if not self.active:
            # The reader may have told everybody it knew before we put the session where it looks.
            session.abandon()
            return
        request = packets.open_session(number, session.window_bytes, session.packet_bytes)
        self._outbox.append(Packet(request, session.sender))
        try:
            if threading.get_ident() != self.reader:  # it sends all at once, before it waits
                self._empty_outbox()  # not in turn: whoever sends at the moment sends this, too
        except (EOFError, OSError):
            session.abandon()

    def _route(self, kind: int, message: memoryview | bytes) -> bool:
        number = int.from_bytes(message[1:5], "big")
        session = self._launched.get(number)
        if session is None:
            return number >= _FIRST_ID
        session.receive(kind, message)
        return True

    def retire(self, number: int) -> None:
        """Forgets a session that is closed on both sides; its number is used again.

        Threads: the reader thread; it does not block.
        """
        if self._launched.pop(number, None) is not None:
            self._free_ids.append(number)

    def set_keepalive(self, interval: float, *, clock: Clock | None = None) -> None:
        """Asks the server for a sign of life when nothing came for ``interval`` seconds; gives it up after three times.

        Paramiko's own keepalive asks for no answer, and notices nothing. See :mod:`paramedic.safe.pulse` for what
        happens while nothing is open.

        Args:
            interval: seconds; 0 for never.
            clock: lets the reader rest while nothing is open.

        Threads: any thread; it does not block.
        """
        super().set_keepalive(interval)
        self.packetizer.set_keepalive(0, None)  # instead of what it has just been told
        self._clock = clock or self._clock
        if not interval:
            self._pulse = self.wire.on_silence = self.wire.on_send = None
            self.wire.set_poll(0.5)
            return
        every = max(0.05, interval)
        self._pulse = Pulse(self.wire, every, self._clock, in_use=self._in_use, ask=self._ask, lost=self._lost)
        self.wire.on_silence = self._silence

    def _in_use(self) -> bool:
        return bool(self._launched) or len(self._channels) > 0

    def _ask(self) -> None:
        # Never waits for a key exchange: it may be the clock that asks.
        self._outbox.append(Packet(packets.ping()))
        with contextlib.suppress(EOFError, OSError):  # the reader tells of a connection that is gone
            self._empty_outbox()

    def _lost(self, silent_s: float) -> None:
        _LOG.warning("%s: no sign of life for %g s", self.name, silent_s)
        self.wire.close()

    def _silence(self) -> bool:
        if not self.authenticated or self._pulse is None:
            return False  # the handshake has a limit, which Paramiko's code looks at
        self._pulse.silent()
        return self.active and not self.packetizer.need_rekey()

    # -- Paramiko's own channels

    def open_channel(
        self,
        kind: str,
        dest_addr: Any = None,
        src_addr: Any = None,
        window_size: int | None = None,
        max_packet_size: int | None = None,
        timeout: float | None = None,
    ) -> Channel:
        """As ``paramiko.Transport.open_channel``; a refusal is the caller's own.

        Raises:
            paramiko.ChannelException: the server refused this channel; nothing was started.
            paramiko.SSHException: the connection is gone, or ``timeout`` seconds passed.

        Threads: any thread but the reader. It blocks until the server answers.
        """
        if kind != "session":
            return cast(Channel, super().open_channel(kind, dest_addr, src_addr, window_size, max_packet_size, timeout))
        if not self.active or sys.is_finalizing():
            raise paramiko.SSHException("SSH session not active")
        window_bytes = self._sanitize_window_size(window_size)
        packet_bytes = self._sanitize_packet_size(max_packet_size)
        # Asked for, it is opened, and the garbage collector closes it if nobody waits for the answer any more.
        channel = self.do_whole(lambda: self._ask_for_channel(window_bytes, packet_bytes))
        limit = timeout if timeout is not None else getattr(self, "channel_timeout", 3600)
        settled = channel.settled.wait(limit) if self.active else True
        if channel.refusal is not None:
            raise channel.refusal
        if not self.active:
            raise self.get_exception() or paramiko.SSHException("Unable to open channel.")
        if not settled:
            raise paramiko.SSHException("Timeout opening channel.")
        return channel

    def _ask_for_channel(self, window_bytes: int, packet_bytes: int) -> LinkChannel:
        with self.lock:
            number = self._next_channel()
            channel = LinkChannel(number)
            channel._set_transport(self)
            channel._set_window(window_bytes, packet_bytes)
            self._channels.put(number, channel)
            self.channel_events[number] = channel
            self.channels_seen[number] = True
        self.send((Packet(packets.open_session(number, window_bytes, packet_bytes), channel.sender),))
        return channel
