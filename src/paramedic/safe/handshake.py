"""The handshake of a connection: ``paramiko.Transport``'s, without the work that is the same for each host of a group.

What both sides agree on follows from their two lists of algorithms and from nothing else. A group's hosts mostly have
the same lists, so each pair is put together, taken apart and compared once. Nothing is left out that is different from
host to host: the exchange itself, the host's signature, the keys that are made from it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import paramiko

from paramedic.safe import algorithms
from paramedic.safe.packets import Packet
from paramedic.safe.signal_safe import SignalSafeEvent

_KEXINIT = b"\x14"
_COOKIE_BYTES = 16
"""What is different in each list, and is only there to be (RFC 4253 section 7.1)."""
_AGREED = (
    *("host_key_type", "local_cipher", "remote_cipher", "local_mac", "remote_mac"),
    *("local_compression", "remote_compression"),
    *("_remote_ext_info", "_remote_strict_kex", "agreed_on_strict_kex"),
)
"""What ``Transport._parse_kex_init`` finds out, besides ``kex_engine`` and ``remote_kex_init`` (Paramiko 2.12 to 5.1;
the last two since 3.4). A test compares."""
_IS_KNOWN = int(paramiko.__version__.split(".")[0]) <= 5
"""Whether this Paramiko finds out no more than that."""
_MOST_KEPT = 64


@dataclass(frozen=True, slots=True)
class _Agreement:
    """What two lists of algorithms lead to."""

    kex: type
    found: dict[str, Any]
    read_bytes: int
    """How much of the server's list was read, which is what its signature is for; some servers send more."""


_OFFERS: dict[tuple[Any, ...], bytes] = {}
_AGREEMENTS: dict[tuple[bytes, bytes], _Agreement] = {}


class Handshake(paramiko.Transport):  # type: ignore[misc]
    """The part of a link that agrees on keys; see the module's text.

    Threads: as ``paramiko.Transport``.
    """

    _known_kinds: tuple[str, ...] = ()
    _encoded_secret: tuple[Any, bytes] = (None, b"")
    kex_engine: Any
    local_kex_init: Any
    remote_kex_init: Any

    def __init__(self, sock: Any, **options: Any) -> None:
        """As ``paramiko.Transport``, with the cheapest algorithms first.

        Threads: call it from the thread that connects. It does not block.
        """
        super().__init__(sock, **options)
        self._preferred_ciphers = algorithms.fast_ciphers_first(tuple(paramiko.Transport._preferred_ciphers))
        self._preferred_kex = algorithms.slow_kex_last(tuple(paramiko.Transport._preferred_kex))

    def start_client(self, event: Any = None, timeout: float | None = None) -> None:
        """As ``paramiko.Transport.start_client``, which looks every 0.1 s whether it is over.

        Raises:
            paramiko.SSHException: the handshake failed.

        Threads: any thread but the reader, which it starts. It blocks, unless there is an ``event``, for ``timeout``
            seconds at most; the handshake may then go on.
        """
        done = event or SignalSafeEvent()
        super().start_client(done)
        if event is None:
            done.wait(timeout)
            if not self.active:
                raise self.get_exception() or paramiko.SSHException("Negotiation failed.")

    def _wake_those_who_wait(self) -> None:
        # The reader ended. Paramiko wakes them unless somebody closed the connection, which they look for themselves.
        if self.completion_event is not None:
            self.completion_event.set()
        if self.auth_handler is not None:
            self.auth_handler.abort()

    def prefer_host_keys(self, kinds: Sequence[str]) -> None:
        """Asks the server for keys of these types first, which are those that are known for it.

        Args:
            kinds: as in known_hosts; "cert" stands for certificates of any type.

        Threads: before ``start_client``; it does not block.
        """
        self._known_kinds = tuple(kinds)

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """The host key algorithms, in the order in which they are offered.

        Threads: any thread; it does not block.
        """
        names = cast(tuple[str, ...], super().preferred_keys)
        return algorithms.known_kinds_first(names, self._known_kinds) if self._known_kinds else names

    def _filter_algorithm(self, type_: str) -> tuple[str, ...]:
        # Asked for sixteen times in a key exchange, and hardly ever is anything disabled.
        if not self.disabled_algorithms.get(type_):
            return tuple(getattr(self, f"_preferred_{type_}"))
        return cast(tuple[str, ...], super()._filter_algorithm(type_))

    def _compute_key(self, id: str, nbytes: int) -> bytes:
        # RFC 4253 section 7.2. Asked for six times in a key exchange; Paramiko encodes the shared secret each time.
        algorithm = getattr(self.kex_engine, "hash_algo", None)
        if algorithm is None:
            return cast(bytes, super()._compute_key(id, nbytes))
        secret, begins = self._encoded_secret
        if secret is not self.K:
            message = paramiko.Message()
            # Of hybrid methods it is a string (Paramiko 5), of all others a number.
            message.add_string(self.K) if isinstance(self.K, bytes) else message.add_mpint(self.K)
            begins = message.asbytes()
            self._encoded_secret = self.K, begins
        begins += self.H
        key = bytes(algorithm(begins + id.encode() + self.session_id).digest())
        while len(key) < nbytes:
            key += algorithm(begins + key).digest()
        return key[:nbytes]

    def _activate_inbound(self) -> None:
        super()._activate_inbound()
        self._encoded_secret = None, b""  # the last key is made; Paramiko forgets the secret now, too

    # -- what is the same for many hosts

    def _send_kex_init(self) -> None:
        if not self._is_first:
            super()._send_kex_init()
            return
        kinds = ("kex", "ciphers", "macs", "compression")
        lists = (*(self._filter_algorithm(kind) for kind in kinds), self.preferred_keys, self._is_strict)
        offer = _OFFERS.get(lists)
        if offer is None:
            super()._send_kex_init()
            _keep(_OFFERS, lists, self.local_kex_init[1 + _COOKIE_BYTES :])
            return
        with self.clear_to_send_lock:
            self.clear_to_send.clear()
        self.in_kex = True
        self.local_kex_init = self._latest_kex_init = _KEXINIT + os.urandom(_COOKIE_BYTES) + offer
        self._send_message(Packet(self.local_kex_init))

    def _parse_kex_init(self, m: Any) -> None:
        said = m.asbytes()
        lists = said[_COOKIE_BYTES:], self.local_kex_init[1 + _COOKIE_BYTES :]
        # A strict server's list has to be the first packet (CVE-2023-48795): Paramiko refuses one that is not.
        is_usual = self._is_first and m.seqno == 0 and not self.logger.isEnabledFor(logging.DEBUG)
        agreement = _AGREEMENTS.get(lists) if is_usual else None
        if agreement is None:
            super()._parse_kex_init(m)
            if is_usual:
                found = {name: getattr(self, name) for name in _AGREED if hasattr(self, name)}
                _keep(_AGREEMENTS, lists, _Agreement(type(self.kex_engine), found, len(self.remote_kex_init) - 1))
            return
        for name, value in agreement.found.items():
            setattr(self, name, value)
        self.kex_engine = agreement.kex(self)
        self.remote_kex_init = _KEXINIT + said[: agreement.read_bytes]

    @property
    def _is_first(self) -> bool:
        # Of a client; later ones begin with what was agreed on before.
        return _IS_KNOWN and not self.initial_kex_done and not self.server_mode

    @property
    def _is_strict(self) -> bool:
        return bool(getattr(self, "advertise_strict_kex", False))  # since Paramiko 3.4


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    # A server may say anything, and there may be many of them.
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value
