"""Logging in with a key in one round trip, where the server is known to take that; Paramiko needs two."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.common import MSG_SERVICE_ACCEPT

from paramedic.safe import packets
from paramedic.safe.keys import has_limit
from paramedic.safe.link import Link
from paramedic.safe.signal_safe import SignalSafeEvent

_TAKES_BOTH = "SSH-2.0-OpenSSH_"
"""sshd handles one message after the other, whenever they came. Of other servers nobody promises it."""


class _Patient(SignalSafeEvent):
    """An event for ``AuthHandler.wait_for_response``, which looks every 0.1 s whether the connection is still there.

    A :class:`Link` sets it when it is not.

    Threads: as ``threading.Event``.
    """

    def __init__(self, limit_s: float) -> None:
        """Waits until ``limit_s`` seconds from now at least.

        Threads: any thread; it does not block.
        """
        super().__init__()
        self._until = time.monotonic() + limit_s

    def wait(self, timeout: float | None = None) -> bool:
        """As the base class, but not for less than was said when it was made.

        Threads: any thread. It blocks.
        """
        return super().wait(max(timeout or 0.0, self._until - time.monotonic()))


class _KeyLogin(AuthHandler):  # type: ignore[misc]
    """Proves who we are on the thread that logs in. Paramiko does it on the reader, whose end it is if a key cannot.

    Threads: :meth:`log_in` on the thread that logs in, the rest on the reader; see ``paramiko.auth_handler``.
    """

    def __init__(self, link: Link) -> None:
        """Makes one for one attempt.

        Threads: any thread; it does not block.
        """
        super().__init__(link)
        self.auth_method = "publickey"
        self.auth_event = _Patient(link.auth_timeout)
        self._granted = SignalSafeEvent()

    def log_in(self, link: Link, username: str, key: Any) -> list[str]:
        """As :func:`by_key`."""
        self.username = username
        messages = [packets.login_service()]
        if not _signs_at_once(link, key):
            link.packetizer.send_messages(messages)
            messages = []
            self._granted.wait(link.auth_timeout)
            if link.is_active() and not self._granted.is_set():
                raise paramiko.AuthenticationException("Authentication timeout.")
        if link.is_active():
            messages.append(self._proof(link, username, key))
            link.packetizer.send_messages(messages)
        else:
            self.abort()  # it may have been gone before there was anything to wake
        return cast(list[str], self.wait_for_response(self.auth_event))

    def _proof(self, link: Link, username: str, key: Any) -> bytes:
        kind, public = self._get_key_type_and_bits(key)  # the certificate's, if there is one
        algorithm = self._finalize_pubkey_algorithm(kind)
        login = packets.key_login(username, algorithm, public if isinstance(public, bytes) else public.asbytes())
        try:
            proof = key.sign_ssh_data(packets.string(link.session_id) + login, algorithm)
        except TimeoutError as error:  # what it says later would be taken for the answer to the next question
            raise paramiko.AuthenticationException("Authentication timeout: the agent does not answer") from error
        return login + packets.string(proof if isinstance(proof, bytes) else proof.asbytes())

    def abort(self) -> None:
        """Wakes who waits: the connection is gone.

        Threads: the reader thread; it does not block.
        """
        self._granted.set()
        super().abort()

    @property
    def _handler_table(self) -> dict[int, Callable[..., Any]]:
        table = dict(super()._handler_table)
        table[MSG_SERVICE_ACCEPT] = lambda *_: self._granted.set()
        return table


def by_key(link: Link, username: str, key: Any) -> list[str]:
    """As ``paramiko.Transport.auth_publickey``, a round trip quicker where that is safe.

    Returns:
        The methods that the server wants further, none if it is content.

    Raises:
        paramiko.AuthenticationException: the server does not accept the key, or does not answer in time.
        paramiko.SSHException: the connection is gone, or the key cannot sign.
        OSError: its agent cannot be reached any more.

    Threads: any thread but the reader. It blocks for the round trip, and until an agent has asked its owner.
    """
    if isinstance(key, paramiko.AgentKey) and not has_limit(key):
        return cast(list[str], link.auth_publickey(username, key))  # the reader may wait for it, we may not
    if not link.is_active():
        raise paramiko.SSHException("No existing session")
    link.auth_handler = handler = _KeyLogin(link)
    return handler.log_in(link, username, key)


def _signs_at_once(link: Link, key: Any) -> bool:
    # For RSA there are several algorithms, and the server's list of them (RFC 8308) may not have come yet.
    if not link.remote_version.startswith(_TAKES_BOTH):
        return False
    return "rsa" not in key.get_name() or bool(getattr(link, "server_extensions", None))
