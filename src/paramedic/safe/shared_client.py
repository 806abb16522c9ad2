"""``SharedClient``: the one-line fix. A ``paramiko.SSHClient`` that any number of threads may use at once.

    client = SharedClient()          # was: paramiko.SSHClient()

Everything else of the program stays as it is.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import os
import random
import socket
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, cast

import paramiko
from paramiko.channel import Channel

from paramedic.safe.link import Link
from paramedic.safe.signal_safe import SignalSafeLock
from paramedic.safe.wire import Wire

_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.5


class SharedLink(Link):
    """The transport of a shared client: sessions that the server refuses are asked for again, whoever asks."""

    session_timeout: float = 0.0

    def open_channel(self, kind: str, *args: Any, **kwargs: Any) -> Channel:
        """As ``paramiko.Transport.open_channel``.

        Raises:
            paramiko.ChannelException: the server refused it for ``session_timeout`` seconds; nothing was started.
            paramiko.SSHException: the connection is gone, or a limit passed.

        Threads: any thread but the reader. It blocks until the server answers.
        """
        once = functools.partial(super().open_channel, kind, *args, **kwargs)
        return _until_taken(once, self.session_timeout) if kind == "session" else once()


def _until_taken(open_one: Callable[[], Channel], limit_s: float) -> Channel:
    """Refused, nothing was started, and sshd frees a session a moment after the client saw it closed."""
    deadline = time.monotonic() + limit_s
    pause = _FIRST_PAUSE_S
    while True:
        try:
            return open_one()
        except paramiko.ChannelException:
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause * (0.5 + random.random()))
        pause = min(2 * pause, _LONGEST_PAUSE_S)


class SharedClient(paramiko.SSHClient):  # type: ignore[misc]
    """A client with the methods of ``paramiko.SSHClient``, which many threads may call at once.

    What differs, and all that does:

    * Commands of different threads do not end each other's connection (paramiko issues 1115 and 1705).
    * A session that the server refuses because there are too many (``MaxSessions``) is asked for again, for
      ``session_timeout`` seconds at most, by ``get_transport().open_session()`` too.
    * ``stdout.read()`` before ``stderr.read()``, and ``recv_exit_status()`` before either, cannot deadlock.
    * ``connect()`` while others work replaces the connection once the new one is authenticated, and leaves nothing
      behind when it fails. Host keys are loaded, looked up and saved by one thread at a time.
    * Nagle's algorithm is off, and an idle connection does not poll.
    * A server that is gone without a word is noticed, and ends all waits: it is asked for signs of life.
    * A forked child is not connected, and may connect anew; the connection stays its parent's.

    Threads: every method may be called by any thread. ``exec_command`` and the other methods that open something
    return objects of their own, which belong to the thread that called.
    """

    session_timeout: float = 30.0
    """How long a refused session is asked for again, in seconds."""
    keepalive: float = 30.0
    """After how many seconds of silence the server is asked for a sign of life, and given up after three; 0 for never.
    ``get_transport().set_keepalive()`` changes it for one connection."""

    def __init__(self) -> None:
        """As ``paramiko.SSHClient``.

        Threads: any thread; it does not block.
        """
        super().__init__()
        self._transport: Any = None
        self._agent: Any = None
        self._make_locks()
        _CLIENTS.add(self)

    def _make_locks(self) -> None:
        self._guard = threading.RLock()
        self._connecting = threading.Lock()

    def _leave_to_parent(self) -> None:
        # In a forked child: another thread of the parent may have held a lock, and one byte of ours on the wire would
        # end the parent's connection.
        self._make_locks()
        transport, self._transport, self._agent = self._transport, None, None
        if isinstance(transport, Link):
            transport.abandon_after_fork()

    @functools.wraps(paramiko.SSHClient.connect)
    def connect(self, *args: Any, **kwargs: Any) -> Any:
        """As ``paramiko.SSHClient.connect``; the new connection takes the old one's place once it is authenticated.

        Raises:
            Exception: as ``paramiko.SSHClient.connect``; nothing is left behind, and an old connection goes on.

        Threads: any thread; one connects at a time. It blocks.
        """
        given = _CONNECT.bind(self, *args, **kwargs)
        given.apply_defaults()
        options = dict(given.arguments)
        options.pop("self")
        options.update(options.pop("kwargs", {}))
        with self._connecting:
            # A copy connects: this client's transport is never one that is not authenticated yet.
            novice = copy.copy(self)
            novice._transport = None
            novice._agent = None
            try:
                if options.get("sock") is None:
                    options["sock"] = Wire(_dial(options["hostname"], options["port"], options["timeout"]))
                elif not isinstance(options["sock"], Wire):
                    options["sock"] = Wire(options["sock"])
                if "transport_factory" in options and options["transport_factory"] is None:
                    options["transport_factory"] = SharedLink
                result = paramiko.SSHClient.connect(novice, **options)
            except BaseException:
                paramiko.SSHClient.close(novice)
                if options.get("sock") is not None:
                    options["sock"].close()
                raise
            if isinstance(novice._transport, Link):
                novice._transport.set_keepalive(self.keepalive)
            if isinstance(novice._transport, SharedLink):
                novice._transport.session_timeout = self.session_timeout
            with self._guard:
                old, self._transport = self._transport, novice._transport
                old_agent, self._agent = self._agent, novice._agent
        for thing in (old, old_agent):
            if thing is not None:
                thing.close()
        return result

    @functools.wraps(paramiko.SSHClient.exec_command)
    def exec_command(self, *args: Any, **kwargs: Any) -> Any:
        """As ``paramiko.SSHClient.exec_command``.

        Raises:
            Exception: as ``paramiko.SSHClient.exec_command``; nothing is left behind.

        Threads: any thread; the files belong to it. It blocks until the server accepted the command.
        """
        given = _EXEC.bind(self, *args, **kwargs)
        given.apply_defaults()
        command, bufsize, timeout = (given.arguments[name] for name in ("command", "bufsize", "timeout"))
        channel = self._open(timeout)
        try:
            if given.arguments["get_pty"]:
                channel.get_pty()
            channel.settimeout(timeout)
            if given.arguments.get("environment"):
                channel.update_environment(given.arguments["environment"])
            channel.exec_command(command)
            stdin = channel.makefile_stdin("wb", bufsize)
            return stdin, channel.makefile("r", bufsize), channel.makefile_stderr("r", bufsize)
        except BaseException:
            channel.close()
            raise

    @functools.wraps(paramiko.SSHClient.invoke_shell)
    def invoke_shell(self, *args: Any, **kwargs: Any) -> Any:
        """As ``paramiko.SSHClient.invoke_shell``.

        Raises:
            Exception: as ``paramiko.SSHClient.invoke_shell``; nothing is left behind.

        Threads: any thread; the channel belongs to it. It blocks until the server accepted the shell.
        """
        given = _SHELL.bind(self, *args, **kwargs)
        given.apply_defaults()
        size = {name: given.arguments[name] for name in ("term", "width", "height", "width_pixels", "height_pixels")}
        channel = self._open()
        try:
            channel.get_pty(**size)
            channel.invoke_shell()
            return channel
        except BaseException:
            channel.close()
            raise

    @functools.wraps(paramiko.SSHClient.open_sftp)
    def open_sftp(self) -> Any:
        """As ``paramiko.SSHClient.open_sftp``: an SFTP client of its own for each call.

        Raises:
            Exception: as ``paramiko.SSHClient.open_sftp``; nothing is left behind.

        Threads: any thread; the SFTP client belongs to it. It blocks until the server accepted it.
        """
        channel = self._open()
        try:
            channel.invoke_subsystem("sftp")
            client = paramiko.SFTPClient(channel)
            client._lock = SignalSafeLock()
            return client
        except BaseException:
            channel.close()
            raise

    @functools.wraps(paramiko.SSHClient.close)
    def close(self) -> None:
        """As ``paramiko.SSHClient.close``; commands under way lose their connection.

        Threads: any thread, any number of times; it does not block.
        """
        with self._guard:
            transport, self._transport = self._transport, None
            agent, self._agent = self._agent, None
        for thing in (transport, agent):
            if thing is not None:
                thing.close()

    @functools.wraps(paramiko.SSHClient.load_system_host_keys)
    def load_system_host_keys(self, filename: Any = None) -> None:
        """As ``paramiko.SSHClient.load_system_host_keys``.

        Raises:
            OSError: a named file cannot be read.

        Threads: any thread, one at a time. It reads a file.
        """
        with self._guard:
            super().load_system_host_keys(filename)

    @functools.wraps(paramiko.SSHClient.load_host_keys)
    def load_host_keys(self, filename: Any) -> None:
        """As ``paramiko.SSHClient.load_host_keys``.

        Raises:
            OSError: the file cannot be read.

        Threads: any thread, one at a time. It reads a file.
        """
        with self._guard:
            super().load_host_keys(filename)

    @functools.wraps(paramiko.SSHClient.save_host_keys)
    def save_host_keys(self, filename: Any) -> None:
        """As ``paramiko.SSHClient.save_host_keys``.

        Raises:
            OSError: the file cannot be written.

        Threads: any thread, one at a time. It writes a file.
        """
        with self._guard:
            super().save_host_keys(filename)

    def _open(self, timeout: float | None = None) -> Channel:
        def open_one() -> Channel:
            with self._guard:
                transport = self._transport  # of this moment: another thread may connect meanwhile
            if transport is None:
                raise paramiko.SSHException("this client is not connected (a forked child connects anew)")
            if isinstance(transport, SharedLink):  # asked for again here, for it may be replaced
                return Link.open_channel(transport, "session", timeout=timeout)
            return cast(Channel, transport.open_channel("session", timeout=timeout))

        return _until_taken(open_one, self.session_timeout)


_CLIENTS: weakref.WeakSet[SharedClient] = weakref.WeakSet()


def _leave_all_to_parent() -> None:
    for client in list(_CLIENTS):
        client._leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_to_parent)

_CONNECT = inspect.signature(paramiko.SSHClient.connect)
_EXEC = inspect.signature(paramiko.SSHClient.exec_command)
_SHELL = inspect.signature(paramiko.SSHClient.invoke_shell)


def _dial(hostname: str, port: int, timeout: float | None) -> socket.socket:
    """As ``SSHClient.connect`` dials, with its error."""
    errors: dict[Any, OSError] = {}
    for family, kind, protocol, _, address in socket.getaddrinfo(hostname, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout)
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            errors[address] = error
            if not isinstance(error, ConnectionRefusedError) and not _unreachable(error):
                raise
        except BaseException:
            with contextlib.suppress(OSError):
                sock.close()
            raise
    raise paramiko.ssh_exception.NoValidConnectionsError(errors)


def _unreachable(error: OSError) -> bool:
    import errno

    return error.errno == errno.EHOSTUNREACH
