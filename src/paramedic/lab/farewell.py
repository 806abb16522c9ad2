"""The last words on a session: how its command ended, the end of its output, and CLOSE."""

from __future__ import annotations

import signal

import asyncssh
from asyncssh.packet import UInt32


class Farewell:
    """Says them once.

    Args:
        channel: the session's.
        after_eof: whether CLOSE waits for the client's EOF (`Manners.close_after_eof`).

    Threads: the event loop's thread only.
    """

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], *, after_eof: bool) -> None:
        self._channel = channel
        self._waits = after_eof
        self._said = False

    def say(self, status: int) -> None:
        """The command has ended and all that it wrote is on its way; a negative status is a signal's number."""
        self._said = True
        self._channel.write_eof()
        if status < 0:
            # at once: Paramiko has no event for exit-signal, and recv_exit_status() ends with the CLOSE (channel.py)
            self._channel.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        elif self._waits:
            # the library has no words for the status alone: exit() closes, too (asyncssh 2.24 channel.py)
            self._channel._send_request(b"exit-status", UInt32(status & 0xFF))
        else:
            self._channel.exit(status)

    def hear_eof(self) -> None:
        """The client has no more input."""
        if self._said and self._waits:
            self._channel.close()
        self._waits = False
