"""Logging in with a key in one round trip, where the server is known to take that; Paramiko needs two."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.common import MSG_SERVICE_ACCEPT

from paramedic.safe import packets
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


class _OneFlight(AuthHandler):  # type: ignore[misc]
    """Sends the proof right after the request for the service (RFC 4253 section 10), whose grant it does not await.

    Threads: as ``paramiko.auth_handler.AuthHandler``; the proof is made on the thread that logs in, not on the reader.
    """

    def _request_auth(self) -> None:
        kind, key = self._get_key_type_and_bits(self.private_key)  # the certificate's, if there is one
        algorithm = self._finalize_pubkey_algorithm(kind)
        login = packets.key_login(self.username, algorithm, key if isinstance(key, bytes) else key.asbytes())
        signed = packets.string(self.transport.session_id) + login
        proof = self.private_key.sign_ssh_data(signed, algorithm).asbytes()
        self.transport.packetizer.send_messages((packets.login_service(), login + packets.string(proof)))

    @property
    def _handler_table(self) -> dict[int, Callable[..., Any]]:
        table = dict(super()._handler_table)
        table[MSG_SERVICE_ACCEPT] = lambda *_: None  # the proof is sent
        return table


def by_key(link: Link, username: str, key: Any) -> list[str]:
    """As ``paramiko.Transport.auth_publickey``, a round trip quicker where that is safe.

    Returns:
        The methods that the server wants further, none if it is content.

    Raises:
        paramiko.AuthenticationException: the server does not accept the key, or does not answer in time.
        paramiko.SSHException: the connection is gone, or the key cannot sign.

    Threads: any thread but the reader. It blocks for the round trip.
    """
    if not (link.remote_version.startswith(_TAKES_BOTH) and _signs_at_once(link, key)):
        return cast(list[str], link.auth_publickey(username, key))
    done = _Patient(link.auth_timeout)
    link.auth_handler = handler = _OneFlight(link)
    handler.auth_publickey(username, key, done)
    return cast(list[str], handler.wait_for_response(done))


def _signs_at_once(link: Link, key: Any) -> bool:
    # An agent may ask its owner first, which has a limit only when the reader waits for it. For RSA there are several
    # algorithms, and the server's list of them (RFC 8308) may not have come yet.
    if isinstance(key, paramiko.RSAKey):
        return bool(getattr(link, "server_extensions", None))
    return isinstance(key, paramiko.Ed25519Key | paramiko.ECDSAKey)
