"""The server's side of a connection: who may come in, how many, and what they may ask for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncssh

from paramedic.lab.command import Commands
from paramedic.lab.manners import Manners, loopback
from paramedic.lab.session import Session
from paramedic.lab.trouble import LabError
from paramedic.lab.wire import Wire, discard_until_closed, reset

FIRST_LINE_LIMIT_S = 1.0
"""How long a client that is turned away has to say something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What all connections of one lab have in common.

    Attributes:
        manners: how to misbehave.
        home: where commands start.
        user: the account's name, for the commands' environment.
        answer: of a keyboard-interactive login; "" where logins are by key.
        client_key: the public key that may log in.
        options: of the server library, made once because reading keys costs milliseconds.
        commands: everything that was started and has not ended.
    """

    manners: Manners
    home: str
    user: str
    answer: str
    client_key: bytes
    options: asyncssh.SSHServerConnectionOptions
    commands: Commands

    @classmethod
    def build(
        cls, *, manners: Manners, home: str, user: str, answer: str, keys: tuple[asyncssh.SSHKey, asyncssh.SSHKey]
    ) -> Premises:
        """Put the parts together; `keys` are the host's and the client's.

        Threads: any; does not block.
        """
        host_key, client_key = keys
        extra: dict[str, object] = {}
        if manners.window_bytes is not None:
            extra["window"] = manners.window_bytes
        if manners.rekey_after_bytes is not None:
            extra["rekey_bytes"] = manners.rekey_after_bytes
        if manners.rekey_after_s is not None:
            extra["rekey_seconds"] = manners.rekey_after_s
        options = asyncssh.SSHServerConnectionOptions(
            server_host_keys=[host_key],
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            x11_forwarding=False,
            login_timeout=120,  # as OpenSSH's LoginGraceTime
            keepalive_interval=0,
            **extra,
        )
        return cls(
            manners=manners,
            home=home,
            user=user,
            answer=answer,
            client_key=client_key.public_data,
            options=options,
            commands=Commands(),
        )


class Door:
    """Takes connections, counts them, and turns away or spoils those that the manners say.

    Threads: the event loop's thread only.
    """

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._open: set[asyncio.Task[None]] = set()
        self._turned_away: set[asyncio.Task[None]] = set()
        self._unauthenticated = 0

    async def answer(self, listener: socket.socket) -> None:
        """Accept for ever.

        Threads: a task of the event loop; ends by cancellation.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
            except OSError:  # out of descriptors: wait until some connection has ended
                await asyncio.sleep(0.05)
                continue
            sock.setblocking(False)
            turned_away = self._is_full()
            self._unauthenticated += not turned_away  # not in the task: many are accepted before one of those begins
            task = asyncio.create_task(self._turn_away(sock) if turned_away else self._receive(sock))
            tasks = self._turned_away if turned_away else self._open
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    def shut(self) -> None:
        """End every connection.

        Threads: the event loop's thread; does not block.
        """
        for task in self._open | self._turned_away:
            task.cancel()

    def _is_full(self) -> bool:
        manners = self._premises.manners
        startups = manners.max_startups is not None and self._unauthenticated >= manners.max_startups
        return startups or (manners.max_connections is not None and len(self._open) >= manners.max_connections)

    async def _turn_away(self, sock: socket.socket) -> None:
        if self._premises.manners.drop == "close":
            sock.close()
            return
        # As it goes with sshd, which closes at once: the reset answers the client's first line. One that came at once
        # would be an error of the client's connect() instead.
        try:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 1), FIRST_LINE_LIMIT_S)
        finally:
            reset(sock)

    async def _receive(self, sock: socket.socket) -> None:
        """One connection from its first byte to its last."""
        manners = self._premises.manners
        guest = Guest(self._premises, self._authenticated)
        wire = Wire(manners) if manners.needs_relay else None
        try:
            if manners.no_banner:
                await discard_until_closed(sock)
                return
            if manners.banner_delay_s:
                await asyncio.sleep(manners.banner_delay_s)
            inner = sock if wire is None else await wire.between(sock)
            try:
                await asyncssh.run_server(inner, options=self._premises.options, server_factory=lambda: guest)
                await guest.gone.wait()
            except (OSError, asyncssh.Error):
                pass  # the client went away, or did not log in
            if wire is not None:
                await wire.ended.wait()  # what the server said last may still be on its way
        finally:
            if not guest.is_authenticated:
                self._unauthenticated -= 1
            guest.abort()
            if wire is not None:
                wire.cut()
            if not guest.has_met:
                sock.close()

    def _authenticated(self) -> None:
        self._unauthenticated -= 1


class Guest(asyncssh.SSHServer):
    """One client: its login, its sessions and its forwarded ports.

    Threads: the event loop's thread only.
    """

    def __init__(self, premises: Premises, on_login: Callable[[], None]) -> None:
        self.gone = asyncio.Event()
        self.is_authenticated = False
        self._premises = premises
        self._on_login = on_login
        self._connection: asyncssh.SSHServerConnection | None = None
        self._sessions = 0
        self._refused_keys = 0

    @property
    def has_met(self) -> bool:
        """Whether the server library has the connection, and closes its socket."""
        return self._connection is not None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """The client is there; nothing is agreed yet."""
        self._connection = conn

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, for whatever reason; a breach of the protocol is worth a line in the log."""
        if isinstance(exc, asyncssh.ProtocolError):
            logging.warning("connection dropped: %s", exc)
        self.gone.set()

    def abort(self) -> None:
        """End the connection now, if it is still there."""
        if self._connection is not None:
            self._connection.abort()

    async def begin_auth(self, username: str) -> bool:
        """Any name may try; the key decides."""
        if self._premises.manners.auth_delay_s:
            await asyncio.sleep(self._premises.manners.auth_delay_s)
        return True

    def auth_completed(self) -> None:
        """The client is in, and counts no longer as a startup."""
        self.is_authenticated = True
        self._on_login()

    def _expect_another_try(self) -> None:
        """Let the client ask for the login service again.

        Paramiko does so before each try (auth_handler.py, AuthHandler._request_auth) and OpenSSH answers each time.
        The library takes the request once and drops the connection at the next one (asyncssh 2.24 connection.py,
        SSHConnection._process_service_request). It looks up the methods before each answer, so here is in time.
        """
        self._connection._next_service = b"ssh-userauth"  # type: ignore[union-attr]

    def public_key_auth_supported(self) -> bool:
        """Keys are the way in, unless the manners ask for questions."""
        self._expect_another_try()
        return not self._premises.answer

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Only the key that this lab made when it started.

        Raises:
            asyncssh.ProtocolError: too many others were shown; the client is told in OpenSSH's words, with its code
                (auth.c).
        """
        if key.public_data == self._premises.client_key:
            return True
        self._refused_keys += 1
        limit = self._premises.manners.max_auth_tries
        if limit is not None and self._refused_keys >= limit:
            raise asyncssh.ProtocolError("Too many authentication failures")
        return False

    def password_auth_supported(self) -> bool:
        """Never by password, so that a client has to answer the question."""
        return False

    def kbdint_auth_supported(self) -> bool:
        """Only where the manners ask for it."""
        self._expect_another_try()
        return bool(self._premises.answer)

    def get_kbdint_challenge(
        self, username: str, lang: str, submethods: str
    ) -> tuple[str, str, str, list[tuple[str, bool]]]:
        """One question, as a one-time password is asked for."""
        return "", "", lang, [("OTP: ", False)]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        """Compare in constant time, as any server should."""
        return len(responses) == 1 and secrets.compare_digest(responses[0].encode(), self._premises.answer.encode())

    def session_requested(self) -> Session:
        """A session, if the connection may have another one.

        Raises:
            asyncssh.ChannelOpenError: it has as many as the manners allow; the client gets the refusal.
        """
        limit = self._premises.manners.max_sessions
        if limit is not None and self._sessions >= limit:
            # OpenSSH's words and code (session.c, session_open); 1 before 6.9
            raise asyncssh.ChannelOpenError(self._premises.manners.session_refusal_code, "open failed")
        self._sessions += 1
        return Session(self._premises, self._session_closed)

    def _session_closed(self) -> None:
        self._sessions -= 1

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        """A direct-tcpip channel: to loopback only, so that a lab is no way into a network.

        Raises:
            asyncssh.ChannelOpenError: it is for an address beyond loopback; the client gets the refusal.
        """
        try:
            loopback(dest_host)
        except LabError:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "the lab forwards to loopback only"
            ) from None
        return True

    async def server_requested(self, listen_host: str, listen_port: int) -> asyncssh.SSHListener | bool:
        """A tcpip-forward request: on loopback only; "all addresses" means 127.0.0.1 here."""
        try:
            address = "127.0.0.1" if listen_host in ("", "*", "0.0.0.0", "::") else loopback(listen_host)
        except LabError:
            return False
        assert self._connection is not None
        return await self._connection.forward_local_port(address, listen_port, listen_host, listen_port)
