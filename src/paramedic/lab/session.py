"""One session channel: a command, a shell or SFTP, or none of them where the manners say so."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import asyncssh
from asyncssh.channel import SSHChannel

from paramedic.lab.command import Command, Terminal
from paramedic.lab.farewell import Farewell
from paramedic.lab.files import Files

if TYPE_CHECKING:
    from paramedic.lab.connection import Premises

SFTP_VERSION = 3
"""What OpenSSH speaks and what Paramiko asks for."""


class Session(asyncssh.SSHServerSession[bytes]):
    """Answers the requests of one channel, then hands its data to whatever the client asked for.

    Threads: the event loop's thread only.
    """

    def __init__(self, premises: Premises, on_close: Callable[[], None]) -> None:
        self._premises = premises
        self._on_close = on_close
        self._channel: asyncssh.SSHServerChannel[bytes]
        self._farewell: Farewell
        self._terminal: Terminal | None = None
        self._command: Command | None = None
        self._sftp: asyncssh.SSHServerProcess[bytes] | None = None
        self._is_shell = False
        self._starting: asyncio.Task[None] | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        """The channel is open; what it is for comes with a request."""
        self._channel = chan
        self._farewell = Farewell(chan, after_eof=self._premises.manners.close_after_eof)

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed on both sides, or the connection is gone."""
        self._on_close()
        if self._command is not None:
            self._command.hang_up()
        if self._sftp is not None:
            self._sftp.connection_lost(exc)

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Any) -> bool:
        """A terminal for the command to come."""
        if self._premises.manners.mute:
            return _no_answer()
        self._terminal = Terminal(name=term_type, columns=term_size[0], rows=term_size[1])
        return True

    def shell_requested(self) -> bool:
        """An interactive shell."""
        self._is_shell = True
        return _no_answer() if self._premises.manners.mute else True

    def exec_requested(self, command: str) -> bool:
        """One command."""
        return _no_answer() if self._premises.manners.mute else True

    def subsystem_requested(self, subsystem: str) -> bool:
        """SFTP and nothing else."""
        if self._premises.manners.mute:
            return _no_answer()
        if subsystem != "sftp":
            return False
        self._sftp = asyncssh.SSHServerProcess(_no_command, self._files, SFTP_VERSION, False)
        self._sftp.connection_made(self._channel)
        return True

    def session_started(self) -> None:
        """The reply to the request is out: begin."""
        if self._premises.manners.stall_window:
            # the library gives the window back as the session takes the data; a paused session takes none
            # (after this call the library resumes reading, so pause in the next turn of the loop)
            asyncio.get_running_loop().call_soon(self._channel.pause_reading)
        if self._sftp is not None:
            self._sftp.session_started()
        elif self._premises.manners.fast:
            self._channel.write(b"ok\n")
            self._farewell.say(0)
        else:
            line = None if self._is_shell else self._channel.get_command()
            takes_input = not self._premises.manners.stall_window
            self._command = Command(
                self._premises.commands,
                self._channel,
                self._terminal,
                farewell=self._farewell,
                takes_input=takes_input,
            )
            # the task is referred to by the session: the loop itself keeps tasks only weakly
            self._starting = asyncio.create_task(self._command.run(line, self._environment(), self._premises.home))

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Standard input of the command, or SFTP requests."""
        if self._sftp is not None:
            self._sftp.data_received(data, datatype)
        elif self._command is not None:
            self._command.feed(data)

    def eof_received(self) -> bool:
        """The client has no more input; its output stays open."""
        if self._sftp is not None:
            return bool(self._sftp.eof_received())
        if self._command is not None:
            self._command.feed_end()
        self._farewell.hear_eof()
        return True

    def pause_writing(self) -> None:
        """The client's window is full: the command has to wait."""
        if self._command is not None:
            self._command.hold_output()
        elif self._sftp is not None:
            # as OpenSSH's sftp-server, which reads no request while it cannot write replies (sftp-server.c, main loop)
            self._channel.pause_reading()
            self._sftp.pause_writing()

    def resume_writing(self) -> None:
        """The client has room again."""
        if self._command is not None:
            self._command.release_output()
        elif self._sftp is not None:
            self._sftp.resume_writing()
            self._channel.resume_reading()

    def signal_received(self, signal_name: str) -> None:
        """A signal for the command, RFC 4254 section 6.9: the name comes without SIG."""
        number = getattr(signal, f"SIG{signal_name}", None)
        if self._command is not None and number is not None:
            self._command.signal(number)

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        """The user's window has another size."""
        if self._command is not None:
            self._command.resize(width, height)

    def _files(self, channel: SSHChannel[bytes]) -> Files:
        return Files(
            cast("asyncssh.SSHServerChannel[bytes]", channel),
            home=self._premises.home,
            root=self._premises.manners.sftp_root,
        )

    def _environment(self) -> dict[str, str]:
        """As sshd makes it: little, and nothing of the program that started the lab."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": self._premises.home,
            "USER": self._premises.user,
            "LOGNAME": self._premises.user,
            "SHELL": "/bin/sh",
            **{name: value for name, value in os.environ.items() if name in ("LANG", "TZ") or name.startswith("LC_")},
        }
        client, server = (self._channel.get_extra_info(name) for name in ("peername", "sockname"))
        if client and server:  # a relay has no addresses
            environment["SSH_CONNECTION"] = f"{client[0]} {client[1]} {server[0]} {server[1]}"
        if self._terminal is not None:
            environment["TERM"] = self._terminal.name
        asked = self._channel.get_environment()
        return environment | {str(name): str(value) for name, value in asked.items()}


def _no_answer() -> bool:
    """Leave a request without a reply.

    The library sends the reply of a request when its handler returns True or False, and nothing on None, which it uses
    for replies that come later (asyncssh 2.24 channel.py, SSHChannel._service_next_request).
    """
    return None  # type: ignore[return-value]


def _no_command(process: Any) -> None:
    """The library asks for a way to run commands even where only SFTP is served."""
