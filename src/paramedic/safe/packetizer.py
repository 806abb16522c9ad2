"""Packets of AES-GCM connections, read and written with a third of Paramiko's steps.

Paramiko (3.5 to 5.1) spends some 40 us of CPU on a packet, most of it not on cryptography: two reads, three copies, a
``Message``, a call per field. A command takes ten packets. Here a packet that lies in the wire's buffer is cut out and
decrypted, and one for a session of ours goes straight to it. Everything that Paramiko keeps count of (sequence numbers,
IVs, what was sent since the last key exchange) stays where it keeps it, so that its own code can take over at any
packet: it does for other ciphers, for older versions and while packets are being dumped.
"""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable
from typing import Any

import paramiko
from cryptography.exceptions import InvalidTag
from paramiko.message import Message
from paramiko.packet import NeedRekeyException
from paramiko.packet import Packetizer as ParamikoPacketizer

from paramedic.safe.wire import Wire

# RFC 4254: what belongs to a channel that is there, or was asked for.
_CHANNEL_MESSAGES = range(91, 101)
_MAX_PACKET_BYTES = 1 << 28
_TAG_BYTES = 16
_BLOCK_BYTES = 16
_SMALL_BYTES = 2048
_NEXT_BYTE = [bytes((n + 1,)) for n in range(255)]
_KEPT = ("aead_in", "iv_in", "block_engine_in", "compress_engine_in", "sequence_number_in", "received_bytes")
_KNOWN = all(f"_Packetizer__{name}" in vars(ParamikoPacketizer(None)) for name in _KEPT)
"""Whether this Paramiko keeps its state under the names that are used here (3.5 to 5.1)."""

Route = Callable[[int, memoryview | bytes], bool]


class Packetizer(ParamikoPacketizer):  # type: ignore[misc]
    """``paramiko.packet.Packetizer`` for a :class:`~paramedic.safe.link.Link`; see the module's text.

    Threads: as Paramiko's: one thread reads; sending has a lock.
    """

    _Packetizer__iv_in: bytes
    _Packetizer__iv_out: bytes
    _Packetizer__sequence_number_in: int
    _Packetizer__sequence_number_out: int

    def __init__(self, wire: Wire, route: Route) -> None:
        """Reads from and writes to ``wire``.

        Args:
            wire: the bytes.
            route: is given the kind and the whole of each channel message, and says whether it was for a session of
                ours; all others are returned by :meth:`read_message`.

        Threads: any thread; it does not block.
        """
        super().__init__(wire)
        self._wire = wire
        self._route = route
        self._handshake_ends_at = math.inf
        self.handshake_expired = False
        """Whether the handshake took too long; Paramiko then raises EOFError."""

    def read_message(self) -> tuple[int, Any]:
        """The next message that is not for a session of ours.

        Raises:
            paramiko.SSHException: a packet was mangled on its way.
            NeedRekeyException: it is time for new keys.
            EOFError: the connection is gone.

        Threads: the reader thread. It blocks.
        """
        while True:
            if _KNOWN and self._Packetizer__aead_in and not self._Packetizer__dump_packets:
                payload = self._read()
                kind = payload[0]
                if kind not in _CHANNEL_MESSAGES or not self._route(kind, payload):
                    message = Message(bytes(payload[1:]))
                    message.seqno = (self._Packetizer__sequence_number_in - 1) & 0xFFFFFFFF
                    return kind, message
            else:
                kind, message = super().read_message()
                if kind not in _CHANNEL_MESSAGES or not self._route(kind, bytes((kind,)) + message.asbytes()):
                    return kind, message
            if self._Packetizer__need_rekey:
                raise NeedRekeyException()  # Transport.run asks for new keys, unless it already has, and comes back

    # Paramiko starts a thread for the limit of the handshake; the reader looks at the time itself.

    def start_handshake(self, timeout: float) -> None:
        """The handshake begins, and has ``timeout`` seconds.

        Threads: the reader thread; it does not block.
        """
        self._handshake_ends_at = time.monotonic() + float(timeout)

    def handshake_timed_out(self) -> bool:
        """Whether the handshake has taken too long.

        Threads: the reader thread; it does not block.
        """
        if time.monotonic() > self._handshake_ends_at:
            self.handshake_expired = True
        return self.handshake_expired

    def complete_handshake(self) -> None:
        """The handshake is over; called after every message.

        Threads: the reader thread; it does not block.
        """
        self._handshake_ends_at = math.inf

    def _read(self) -> memoryview | bytes:
        # RFC 5647 section 7.3: the length is not encrypted, but authenticated.
        head, body = self._wire.frame(_TAG_BYTES)
        if head:
            size = len(body) - _TAG_BYTES
        else:
            head = self.read_all(4, check_rekey=True)
            size = int.from_bytes(head, "big")
        if size % _BLOCK_BYTES or not 0 < size <= _MAX_PACKET_BYTES:
            raise paramiko.SSHException("Invalid packet size")
        body = body or self.read_all(size + _TAG_BYTES)
        iv = self._Packetizer__iv_in
        try:
            plain = self._Packetizer__block_engine_in.decrypt(iv, body, head)
        except InvalidTag:
            raise paramiko.SSHException("Mismatched MAC") from None
        self._Packetizer__iv_in = _next(iv)
        self._Packetizer__sequence_number_in = (self._Packetizer__sequence_number_in + 1) & 0xFFFFFFFF
        self._Packetizer__received_bytes += size + 4 + _TAG_BYTES
        self._Packetizer__received_packets += 1
        if (
            self._Packetizer__need_rekey
            or self._Packetizer__received_packets >= self.REKEY_PACKETS
            or self._Packetizer__received_bytes >= self.REKEY_BYTES
        ):
            self._past_limits(size + 4 + _TAG_BYTES)
        # A view saves the copy of a large packet, and costs more than the copy of a small one.
        view = plain if size < _SMALL_BYTES else memoryview(plain)
        payload: memoryview | bytes = view[1 : size - plain[0]]
        if self._Packetizer__compress_engine_in is not None:
            payload = self._Packetizer__compress_engine_in(bytes(payload))
        if not payload:
            raise paramiko.SSHException("Empty packet")
        return payload

    def _past_limits(self, size: int) -> None:
        if self._Packetizer__need_rekey:
            # We asked for new keys; the peer has some packets left to comply.
            self._Packetizer__received_bytes_overflow += size
            self._Packetizer__received_packets_overflow += 1
            if (
                self._Packetizer__received_packets_overflow >= self.REKEY_PACKETS_OVERFLOW_MAX
                or self._Packetizer__received_bytes_overflow >= self.REKEY_BYTES_OVERFLOW_MAX
            ):
                raise paramiko.SSHException("Remote transport is ignoring rekey requests")
        else:
            self._ask_for_new_keys()

    def _ask_for_new_keys(self) -> None:
        self._Packetizer__received_bytes_overflow = 0
        self._Packetizer__received_packets_overflow = 0
        self._trigger_rekey()

    def send_message(self, data: Any) -> None:
        """Encrypts a message and hands it to the wire.

        Raises:
            EOFError: the connection is gone.

        Threads: any thread. It blocks as ``Wire.send`` does.
        """
        if not (_KNOWN and self._Packetizer__aead_out) or self._Packetizer__dump_packets:
            super().send_message(data)
            return
        payload = data.asbytes()
        with self._Packetizer__write_lock:
            if self._Packetizer__compress_engine_out is not None:
                payload = self._Packetizer__compress_engine_out(payload)
            # At least four bytes, zeros as in Paramiko's counter mode: no two packets are encrypted alike anyway.
            padding = 3 + _BLOCK_BYTES - (len(payload) + 4) % _BLOCK_BYTES
            head = struct.pack(">I", len(payload) + padding + 1)
            iv = self._Packetizer__iv_out
            plain = b"".join((bytes((padding,)), payload, bytes(padding)))
            out = head + self._Packetizer__block_engine_out.encrypt(iv, plain, head)
            self._Packetizer__iv_out = _next(iv)
            self._Packetizer__sequence_number_out = (self._Packetizer__sequence_number_out + 1) & 0xFFFFFFFF
            try:
                self._wire.send(out)
            except OSError:
                raise EOFError from None  # as Paramiko's write_all
            self._Packetizer__sent_bytes += len(out)
            self._Packetizer__sent_packets += 1
            if not self._Packetizer__need_rekey and (
                self._Packetizer__sent_packets >= self.REKEY_PACKETS or self._Packetizer__sent_bytes >= self.REKEY_BYTES
            ):
                self._ask_for_new_keys()


def _next(iv: bytes) -> bytes:
    # RFC 5647 section 7.1: the last eight bytes count, and wrap; Paramiko raises OverflowError then (5.1).
    if iv[-1] != 0xFF:
        return iv[:11] + _NEXT_BYTE[iv[11]]
    return iv[:4] + ((int.from_bytes(iv[4:], "big") + 1) & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "big")
