"""Packets of AES-GCM connections, read and written with a third of Paramiko's steps.

Paramiko (3.5 to 5.1) spends some 40 us of CPU on a packet, most of it not on cryptography: two reads, three copies, a
``Message``, a call per field. A command takes ten packets. Here all that lie in the wire's buffer are cut out and
decrypted in one go, one for a session of ours goes straight to it, and those that leave together are encrypted
together. Everything that Paramiko keeps count of (sequence numbers, IVs, what was sent since the last key exchange)
stays where it keeps it, so that its own code can take over at any packet that is not for us: it does for other ciphers,
for older versions and while packets are being dumped.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import paramiko
from cryptography.exceptions import InvalidTag
from paramiko.message import Message
from paramiko.packet import NeedRekeyException
from paramiko.packet import Packetizer as ParamikoPacketizer

from paramedic.safe.packets import Packet
from paramedic.safe.wire import Wire

# RFC 4254: what belongs to a channel that is there, or was asked for.
_CHANNEL_MESSAGES = range(91, 101)
_MAX_PACKET_BYTES = 1 << 28
_TAG_BYTES = 16
_BLOCK_BYTES = 16
_SMALL_BYTES = 2048
_PADDINGS = [(bytes((n,)), bytes(n)) for n in (3 + _BLOCK_BYTES - (4 + size) % _BLOCK_BYTES for size in range(16))]
"""By a message's length modulo 16: how much goes behind it, as a byte, and that itself."""
_COUNTS = 0xFFFFFFFFFFFFFFFF
"""RFC 5647 section 7.1: the last eight bytes of an IV count, and wrap; Paramiko raises OverflowError then (5.1)."""
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
                if payload is not None:
                    message = Message(bytes(payload[1:]))
                    message.seqno = (self._Packetizer__sequence_number_in - 1) & 0xFFFFFFFF
                    return payload[0], message
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

    def _read(self) -> memoryview | bytes | None:
        """Handles what is here, having waited for one packet if there is none; returns the first that is not for us."""
        # RFC 5647 section 7.3: the length is not encrypted, but authenticated.
        frames = self._wire.frames(_TAG_BYTES)
        first = next(frames, None)
        if first is None:
            head = self.read_all(4, check_rekey=True)
            if (size := int.from_bytes(head, "big")) > _MAX_PACKET_BYTES:
                raise paramiko.SSHException("Invalid packet size")
            first = head, self.read_all(size + _TAG_BYTES)
            frames = self._wire.frames(_TAG_BYTES)
        decrypt, decompress = self._Packetizer__block_engine_in.decrypt, self._Packetizer__compress_engine_in
        salt, begins = self._Packetizer__iv_in[:4], int.from_bytes(self._Packetizer__iv_in[4:], "big")
        count, read_bytes, found = begins, 0, None
        try:
            for head, body in itertools.chain((first,), frames):
                size = len(body) - _TAG_BYTES
                if size % _BLOCK_BYTES or not size:
                    raise paramiko.SSHException("Invalid packet size")
                plain = decrypt(salt + (count & _COUNTS).to_bytes(8, "big"), body, head)
                count += 1
                read_bytes += 4 + len(body)
                # A view saves the copy of a large packet, and costs more than the copy of a small one.
                payload: memoryview | bytes = (plain if size < _SMALL_BYTES else memoryview(plain))[1 : size - plain[0]]
                if decompress is not None:
                    payload = decompress(bytes(payload))
                if not payload:
                    raise paramiko.SSHException("Empty packet")
                kind = payload[0]
                if kind not in _CHANNEL_MESSAGES or not self._route(kind, payload):
                    found = payload
                    break
        except InvalidTag:
            raise paramiko.SSHException("Mismatched MAC") from None
        finally:
            read = count - begins
            self._Packetizer__iv_in = salt + (count & _COUNTS).to_bytes(8, "big")
            self._Packetizer__sequence_number_in = (self._Packetizer__sequence_number_in + read) & 0xFFFFFFFF
            self._Packetizer__received_bytes += read_bytes
            self._Packetizer__received_packets += read
        if (
            self._Packetizer__need_rekey
            or self._Packetizer__received_packets >= self.REKEY_PACKETS
            or self._Packetizer__received_bytes >= self.REKEY_BYTES
        ):
            self._past_limits(read, read_bytes)
        return found

    def _past_limits(self, packets: int, size: int) -> None:
        if self._Packetizer__need_rekey:
            # We asked for new keys; the peer has some packets left to comply.
            self._Packetizer__received_bytes_overflow += size
            self._Packetizer__received_packets_overflow += packets
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
        self.send_messages((data.asbytes(),))

    def send_messages(self, messages: Iterable[bytes]) -> None:
        """Encrypts messages and hands them to the wire in one piece.

        Raises:
            EOFError: the connection is gone.

        Threads: any thread. It blocks as ``Wire.send`` does.
        """
        if not (_KNOWN and self._Packetizer__aead_out) or self._Packetizer__dump_packets:
            for message in messages:
                super().send_message(Packet(message))
            return
        out: list[bytes] = []
        with self._Packetizer__write_lock:
            encrypt, compress = self._Packetizer__block_engine_out.encrypt, self._Packetizer__compress_engine_out
            salt, begins = self._Packetizer__iv_out[:4], int.from_bytes(self._Packetizer__iv_out[4:], "big")
            count = begins
            for message in messages:
                payload = message if compress is None else compress(message)
                # At least four bytes, zeros as in Paramiko's counter mode: no two packets are encrypted alike anyway.
                before, behind = _PADDINGS[len(payload) % _BLOCK_BYTES]
                head = (1 + len(payload) + len(behind)).to_bytes(4, "big")
                plain = b"".join((before, payload, behind))
                out += head, encrypt(salt + (count & _COUNTS).to_bytes(8, "big"), plain, head)
                count += 1
            sent = count - begins
            self._Packetizer__iv_out = salt + (count & _COUNTS).to_bytes(8, "big")
            self._Packetizer__sequence_number_out = (self._Packetizer__sequence_number_out + sent) & 0xFFFFFFFF
            data = b"".join(out)
            try:
                self._wire.send(data)
            except OSError:
                raise EOFError from None  # as Paramiko's write_all
            self._Packetizer__sent_bytes += len(data)
            self._Packetizer__sent_packets += sent
            if not self._Packetizer__need_rekey and (
                self._Packetizer__sent_packets >= self.REKEY_PACKETS or self._Packetizer__sent_bytes >= self.REKEY_BYTES
            ):
                self._ask_for_new_keys()
