"""A command of a session: a real process, with its streams tied to the channel's windows."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import asyncssh

from paramedic.lab.farewell import Farewell

SHELL = "/bin/sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """What a pty-req asked for."""

    name: str
    columns: int
    rows: int


class Commands:
    """The commands that run, so that none outlives the lab.

    Threads: the event loop's thread only.
    """

    def __init__(self) -> None:
        self._running: set[Command] = set()

    def add(self, command: Command) -> None:
        """Remember a command; this is also what keeps it alive when its channel is gone."""
        self._running.add(command)

    def discard(self, command: Command) -> None:
        """Forget a command that has ended."""
        self._running.discard(command)

    def kill(self) -> None:
        """Kill each command that runs, with its process group."""
        for command in self._running:
            command.signal(signal.SIGKILL)


class Command(asyncio.SubprocessProtocol):
    """One process, from the request to the exit status.

    As with sshd, a command without a terminal goes on when its channel is closed, until it meets its broken pipe;
    one with a terminal gets SIGHUP, because the terminal goes.

    Threads: the event loop's thread only.
    """

    def __init__(
        self,
        commands: Commands,
        channel: asyncssh.SSHServerChannel[bytes],
        terminal: Terminal | None,
        *,
        farewell: Farewell,
        takes_input: bool = True,
    ) -> None:
        self._commands = commands
        self._channel = channel
        self._farewell = farewell
        self._terminal = terminal
        self._takes_input = takes_input
        self._process: asyncio.SubprocessTransport | None = None
        self._outputs: dict[int, asyncio.ReadTransport] = {}
        self._input: asyncio.WriteTransport | None = None
        self._master: int | None = None
        self._before_start: list[bytes] = []
        self._started = False
        self._input_ended = False
        self._input_full = False
        self._hung_up = False
        self._status: int | None = None

    async def run(self, line: str | None, environment: Mapping[str, str], home: str) -> None:
        """Start a command line, or an interactive shell where it is None.

        Threads: a task of the event loop; ends when the process has started.
        """
        arguments = [SHELL, "-c", line] if line is not None else [SHELL, "-i"] if self._terminal else [SHELL]
        try:
            if self._terminal is None:
                await self._start_on_pipes(arguments, environment, home)
            else:
                await self._start_in_terminal(self._terminal, arguments, environment, home)
        except OSError as error:  # no process or no descriptor is left
            self._channel.write_stderr(f"paramedic lab: {error.strerror}\n".encode())
            self._farewell.say(254)
            return
        self._started = True
        if self._hung_up:
            self._let_go()
        for data in self._before_start:
            self.feed(data)
        self._before_start.clear()
        if self._input_ended:
            self.feed_end()

    async def _start_on_pipes(self, arguments: list[str], environment: Mapping[str, str], home: str) -> None:
        await asyncio.get_running_loop().subprocess_exec(
            lambda: self, *arguments, env=dict(environment), cwd=home, start_new_session=True
        )

    async def _start_in_terminal(
        self, terminal: Terminal, arguments: list[str], environment: Mapping[str, str], home: str
    ) -> None:
        loop = asyncio.get_running_loop()
        master, slave = pty.openpty()
        try:
            self._master = master
            self.resize(terminal.columns, terminal.rows)
            self._outputs[1], _ = await loop.connect_read_pipe(lambda: _Screen(self), os.fdopen(master, "rb", 0))
            keyboard = os.fdopen(os.dup(master), "wb", 0)
            self._input, _ = await loop.connect_write_pipe(lambda: _Keyboard(self), keyboard)
            await loop.subprocess_exec(
                lambda: self,
                *arguments,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=dict(environment),
                cwd=home,
                start_new_session=True,
                preexec_fn=_take_terminal,
            )
        finally:
            os.close(slave)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The process runs; called before any of its data."""
        self._process = cast(asyncio.SubprocessTransport, transport)
        self._commands.add(self)
        if self._terminal is None:
            # here and not when the start returns: a short command's pipes have come and gone by then
            self._input = cast(asyncio.WriteTransport, self._process.get_pipe_transport(0))
            for descriptor in (1, 2):
                output = self._process.get_pipe_transport(descriptor)
                self._outputs[descriptor] = cast(asyncio.ReadTransport, output)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Output for the client."""
        if self._hung_up:
            return
        if fd == 1:
            self._channel.write(data)
        else:
            self._channel.write_stderr(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """One of the streams has ended."""
        if fd == 0:
            self._input = None
            self._input_full = False
            self._take_input()  # nobody will read the rest: let it go, as a broken pipe does
            return
        self._outputs.pop(fd, None)
        self._finish()

    def process_exited(self) -> None:
        """The process has ended; its output may still be on the way."""
        assert self._process is not None
        self._status = self._process.get_returncode()
        self._commands.discard(self)
        self._finish()

    def _finish(self) -> None:
        """Tell the client, once the process has ended and all that it wrote is read."""
        if self._outputs or self._status is None or self._hung_up:
            return
        self._farewell.say(self._status)

    def feed(self, data: bytes) -> None:
        """Pass input on to the process."""
        if not self._started:
            self._before_start.append(data)
        elif self._input is not None:
            self._input.write(data)

    def feed_end(self) -> None:
        """The client has no more input."""
        self._input_ended = True
        if self._started and self._input is not None and self._terminal is None:
            self._input.write_eof()

    def pause_writing(self) -> None:
        """The process does not read: stop giving the client its window back."""
        self._input_full = True
        self._channel.pause_reading()

    def resume_writing(self) -> None:
        """The process reads again."""
        self._input_full = False
        # Not from within this call: data and EOF that come in at once would close the pipe with the data unwritten,
        # because the transport looks whether it is closing and not whether it has written all (CPython 3.11
        # unix_events.py, _UnixWritePipeTransport._write_ready).
        asyncio.get_running_loop().call_soon(self._take_input)

    def _take_input(self) -> None:
        if self._takes_input and not self._input_full:
            self._channel.resume_reading()

    def hold_output(self) -> None:
        """The client's window is full: read no more, so that the process blocks in its write."""
        for output in self._outputs.values():
            output.pause_reading()

    def release_output(self) -> None:
        """The client has room again."""
        for output in self._outputs.values():
            output.resume_reading()

    def hang_up(self) -> None:
        """The channel is closed: close our ends."""
        self._hung_up = True
        if self._started:
            self._let_go()

    def _let_go(self) -> None:
        # not SubprocessTransport.close(), which kills the process: sshd does not
        for output in list(self._outputs.values()):
            output.close()
        # One that is closing with nothing left to write has given its descriptor back, or is about to: abort() would
        # take the registration of whoever has the same number now (CPython unix_events.py, _UnixWritePipeTransport)
        if self._input is not None and (self._input.get_write_buffer_size() or not self._input.is_closing()):
            self._input.abort()
        self._input = None
        self._master = None

    def signal(self, number: int) -> None:
        """Send a signal to the process and its group, as sshd does."""
        if self._process is not None and self._status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.get_pid(), number)

    def resize(self, columns: int, rows: int) -> None:
        """Set the size of the terminal; the kernel tells the process."""
        if self._master is not None:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class _Screen(asyncio.Protocol):
    """Reads what a command writes to its terminal."""

    def __init__(self, command: Command) -> None:
        self._command = command

    def data_received(self, data: bytes) -> None:
        self._command.pipe_data_received(1, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._command.pipe_connection_lost(1, exc)  # EIO: the last process has left the terminal


class _Keyboard(asyncio.BaseProtocol):
    """Writes what the client types."""

    def __init__(self, command: Command) -> None:
        self._command = command

    def pause_writing(self) -> None:
        self._command.pause_writing()

    def resume_writing(self) -> None:
        self._command.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._command.pipe_connection_lost(0, exc)


def _take_terminal() -> None:
    """In the child, which leads a new session: make its standard input the controlling terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
