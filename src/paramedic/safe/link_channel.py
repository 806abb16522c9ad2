"""A Paramiko channel without two of its races and one of its deadlocks."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from typing import Any, cast

import paramiko
from paramiko.channel import Channel, ChannelStdinFile

from paramedic.safe import packets
from paramedic.safe.packets import Packet, Sender
from paramedic.safe.signal_safe import SignalSafeCondition, SignalSafeEvent, SignalSafeLock


class LinkStdin(ChannelStdinFile):  # type: ignore[misc]
    """The input of a command on a :class:`LinkChannel`, which may be dropped without being closed.

    Threads: as ``paramiko.channel.ChannelStdinFile``: one thread writes.
    """

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()


class LinkChannel(Channel):  # type: ignore[misc]
    """A ``paramiko.Channel`` on a :class:`~paramedic.safe.link.Link`.

    * Its packets know it, so that none is sent after its CLOSE.
    * A refusal is its own.
    * Its lock is re-entrant, so that the garbage collector may close it in the middle of anything.
    * What a signal's handler raises in the middle of anything leaves no lock taken, and no end half sent.
    * A thread that waits for one stream, or for the exit status, does not starve while the other stream is full: both
      streams share one window (RFC 4254 section 5.2), and Paramiko gives room back only for what is read. While
      somebody waits, room is given back on arrival. What is not read then takes memory instead of hanging the program.

    Threads: as ``paramiko.Channel``: one thread reads each stream, one writes.
    """

    def __init__(self, chanid: int) -> None:
        """As ``paramiko.Channel``.

        Threads: any thread; it does not block.
        """
        super().__init__(chanid)
        self._make_locks()
        self.sender = Sender()
        self.refusal: paramiko.ChannelException | None = None
        self._waiting = {"out": 0, "err": 0, "status": 0}
        self._prepaid = 0

    def _make_locks(self) -> None:
        # The garbage collector may close a stdin on any thread at any moment, also on one that is in the middle of what
        # holds this lock; Paramiko's is not re-entrant, and the thread would wait for itself (paramiko issue 2685).
        self.lock = SignalSafeLock()
        self.out_buffer_cv = SignalSafeCondition(self.lock)
        self.event, self.status_event = SignalSafeEvent(), SignalSafeEvent()
        for pipe in (self.in_buffer, self.in_stderr_buffer):
            pipe._lock = SignalSafeLock()
            pipe._cv = SignalSafeCondition(pipe._lock)
        self.settled = SignalSafeEvent()
        self._credit = threading.Lock()

    def abandon_after_fork(self) -> None:
        """In a forked child: it is closed, without a word, whatever the parent's threads were doing with it.

        Threads: the child's only thread; it does not block.
        """
        self._make_locks()
        self.active, self.closed = False, True
        self.in_buffer._closed = self.in_stderr_buffer._closed = True

    def set(self) -> None:
        """Called by the transport in place of an event: the open request was answered, or the link died.

        Threads: the reader thread; it does not block.
        """
        if not self.active and self.transport is not None and self.transport.active:
            saved = self.transport.saved_exception
            self.refusal = saved if isinstance(saved, paramiko.ChannelException) else None
        self.settled.set()

    def _set_closed(self) -> None:
        super()._set_closed()
        # Of a connection that another thread closes, Paramiko tells nobody who waits for a channel (Transport.run, 2.12
        # to 5.1): whoever waits there looks every 0.1 s.
        self.settled.set()

    def exec_command(self, command: str | bytes) -> None:
        """As ``paramiko.Channel.exec_command``.

        Raises:
            paramiko.SSHException: the channel is closed, the command is too long, or the server refuses to run it.

        Threads: the channel's thread. It blocks until the server answers.
        """
        if self.closed or self.eof_received or self.eof_sent or not self.active:
            raise paramiko.SSHException("Channel is not open")
        data = command if isinstance(command, bytes) else command.encode("utf-8")
        if len(data) > packets.MOST_REQUEST_BYTES:  # it would end the connection of everybody
            raise paramiko.SSHException(f"The command is too long: {len(data):,} bytes")
        self._event_pending()
        self.transport._send_user_message(Packet(packets.execute(self.remote_chanid, data), self.sender))
        self._wait_for_event()

    def makefile_stdin(self, *params: Any) -> LinkStdin:
        """As ``paramiko.Channel.makefile_stdin``.

        Threads: the channel's thread; it does not block.
        """
        return LinkStdin(self, *params)

    def close(self) -> None:
        """As ``paramiko.Channel.close``; no signal's handler comes between its decision and its packets.

        Threads: any thread, any number of times. It may block for a moment while the peer does not read.
        """
        self._whole(super().close)

    def shutdown(self, how: int) -> None:
        """As ``paramiko.Channel.shutdown``; no signal's handler comes between its decision and its packet.

        Threads: any thread, any number of times. It may block for a moment while the peer does not read.
        """
        self._whole(lambda: super(LinkChannel, self).shutdown(how))

    def _whole(self, job: Callable[[], None]) -> None:
        if sys.is_finalizing():
            return  # the other threads are gone, with whatever locks they had; the connection ends with the process
        if self.transport is None:
            job()
        else:
            self.transport.do_whole(job)

    def send(self, s: bytes) -> int:
        """As ``paramiko.Channel.send``.

        Raises:
            OSError: the channel is closed, or the interpreter takes everything down: nobody would ever make room.

        Threads: the channel's thread. It blocks until there is room.
        """
        if sys.is_finalizing():
            raise OSError("the interpreter is on its way out")
        return int(super().send(s))

    # -- nothing after CLOSE

    def _send_eof(self) -> Any:
        return self._signed(super()._send_eof())

    def _close_internal(self) -> tuple[Any, Any]:
        eof, close = super()._close_internal()
        return self._signed(eof), self._signed(close)

    def _send(self, s: bytes, m: Any) -> int:
        return int(super()._send(s, self._signed(m)))

    def _signed(self, message: Any) -> Any:
        if message is not None:
            message.sender = self.sender
        return message

    # -- nobody starves

    def recv(self, nbytes: int) -> bytes:
        """As ``paramiko.Channel.recv``.

        Raises:
            TimeoutError: nothing came within the channel's timeout.

        Threads: one thread at a time. It blocks; a full stderr does not keep it waiting.
        """
        return cast(bytes, self._wait_as("out", lambda: super(LinkChannel, self).recv(nbytes)))

    def recv_stderr(self, nbytes: int) -> bytes:
        """As ``paramiko.Channel.recv_stderr``.

        Raises:
            TimeoutError: nothing came within the channel's timeout.

        Threads: one thread at a time. It blocks; a full stdout does not keep it waiting.
        """
        return cast(bytes, self._wait_as("err", lambda: super(LinkChannel, self).recv_stderr(nbytes)))

    def recv_exit_status(self) -> int:
        """As ``paramiko.Channel.recv_exit_status``.

        Threads: any thread. It blocks until the command ends; output that nobody reads does not keep it waiting.
        """
        return int(self._wait_as("status", lambda: super(LinkChannel, self).recv_exit_status()))

    def _wait_as(self, what: str, wait: Any) -> Any:
        with self._credit:
            self._waiting[what] += 1
            lengths = {"out": len(self.in_buffer), "err": len(self.in_stderr_buffer)}
            # What lies in a stream that this thread does not read is paid for; a little of its own, which it is about
            # to take, may be counted by both, and _check_add_window takes that back.
            others = sum(length for stream, length in lengths.items() if stream != what)
            ahead = max(0, others - self._prepaid)
        if ahead:
            self._pay(ahead)
        try:
            return wait()
        finally:
            with self._credit:
                self._waiting[what] -= 1

    def _feed(self, m: Any) -> None:
        size = len(m) if isinstance(m, bytes) else None
        before = len(self.in_buffer)
        super()._feed(m)
        self._arrived("out", size if size is not None else max(0, len(self.in_buffer) - before))

    def _feed_extended(self, m: Any) -> None:
        before = len(self.in_stderr_buffer)
        super()._feed_extended(m)
        self._arrived("err", max(0, len(self.in_stderr_buffer) - before))

    def _arrived(self, stream: str, size: int) -> None:
        with self._credit:
            starving = any(count for what, count in self._waiting.items() if what != stream)
            wanted = self._waiting[stream]
        if size and starving and not wanted:
            self._pay(size)

    def _pay(self, size: int) -> None:
        with self._credit:
            ack = super()._check_add_window(size)
            self._prepaid += size
        if ack and self.transport is not None:
            self.transport._send_user_message(Packet(packets.adjust(self.remote_chanid, ack), self.sender))

    def _check_add_window(self, n: int) -> int:
        with self._credit:
            covered = min(n, self._prepaid)
            self._prepaid -= covered
        return int(super()._check_add_window(n - covered)) if n > covered else 0
