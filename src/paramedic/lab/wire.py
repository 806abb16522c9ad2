"""Faults below SSH: a relay between the client and the server that delays, falls silent or resets."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import deque
from typing import cast

from paramedic.lab.manners import Manners

HELD_LIMIT_BYTES = 4 * 1024 * 1024
"""What one direction may hold back for its delay; a fast and long line holds about as much."""


class Wire:
    """The relay of one connection.

    Threads: the event loop's thread only.
    """

    def __init__(self, manners: Manners) -> None:
        self.ended = asyncio.Event()
        self._manners = manners
        self._chance = random.Random(manners.seed)
        self._silent = False
        self._sent_bytes = 0
        self._client = _Side(self, manners.round_trip_s / 2)
        self._server = _Side(self, manners.round_trip_s / 2)
        self._timers: list[asyncio.TimerHandle] = []

    async def between(self, client: socket.socket) -> socket.socket:
        """Begin to relay; returns the socket on which the server meets the client.

        Threads: a task of the event loop; does not wait for the client.
        """
        loop = asyncio.get_running_loop()
        outer, inner = socket.socketpair()
        self._client.other, self._server.other = self._server, self._client
        await loop.create_connection(lambda: self._server, sock=outer)
        await loop.connect_accepted_socket(lambda: self._client, client)
        if self._manners.silent_after_s is not None:
            self._timers.append(loop.call_later(self._manners.silent_after_s, self._fall_silent))
        if self._manners.reset_after_s is not None:
            self._timers.append(loop.call_later(self._manners.reset_after_s, self._reset))
        return inner

    def cut(self) -> None:
        """End both sides now.

        Threads: the event loop's thread; does not block.
        """
        for timer in self._timers:
            timer.cancel()
        self._client.cut()
        self._server.cut()

    def passing(self, side: _Side, data: bytes) -> bytes:
        """What of the data that came from a side goes on to the other one."""
        if side is self._server and not self._silent:
            manners = self._manners
            before_bytes = self._sent_bytes
            self._sent_bytes += len(data)
            if manners.reset_after_bytes is not None and self._sent_bytes > manners.reset_after_bytes:
                self._reset()
            elif manners.reset_chance and self._chance.random() < manners.reset_chance:
                self._reset()
            elif manners.silent_after_bytes is not None and self._sent_bytes > manners.silent_after_bytes:
                # to the byte: a busy machine hands over 256 KiB at once, which would all be lost
                self._fall_silent()
                return data[: manners.silent_after_bytes - before_bytes]
        # In silence everything is taken and lost: to the sender all is well, as with a peer whose power failed
        return b"" if self._silent else data

    def lost(self, side: _Side) -> None:
        """One side has ended."""
        if side is self._client or not self._silent:
            side.other.finish()
        if side is self._client:
            for timer in self._timers:
                timer.cancel()
            self.ended.set()

    def _fall_silent(self) -> None:
        self._silent = True

    def _reset(self) -> None:
        self._silent = True
        self._client.reset()
        self._server.cut()


class _Side(asyncio.Protocol):
    """One end of the relay: takes data from its socket, and gives it the other side's after the delay."""

    other: _Side

    def __init__(self, wire: Wire, delay_s: float) -> None:
        self._wire = wire
        self._delay_s = delay_s
        self._transport: asyncio.Transport | None = None
        self._held: deque[bytes | None] = deque()  # None is the end
        self._held_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        with contextlib.suppress(OSError):  # a socket pair has no such option
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if going_on := self._wire.passing(self, data):
            self.other.give(going_on)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wire.lost(self)

    def pause_writing(self) -> None:
        self.other.pause(True)

    def resume_writing(self) -> None:
        self.other.pause(False)

    def pause(self, is_paused: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.pause_reading if is_paused else self._transport.resume_reading)()

    def give(self, data: bytes | None) -> None:
        """Write after the delay; None ends this side after all that was given before."""
        if not self._delay_s:
            self._write(data)
            return
        self._held.append(data)
        self._held_bytes += len(data or b"")
        if self._held_bytes > HELD_LIMIT_BYTES:
            self.other.pause(True)
        # Timers of equal time may fire in any order: each takes whatever is the first, not "its own"
        asyncio.get_running_loop().call_later(self._delay_s, self._write_first)

    def _write_first(self) -> None:
        data = self._held.popleft()
        was_full = self._held_bytes > HELD_LIMIT_BYTES
        self._held_bytes -= len(data or b"")
        if was_full and self._held_bytes <= HELD_LIMIT_BYTES:
            self.other.pause(False)
        self._write(data)

    def _write(self, data: bytes | None) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if data is None:
            self._transport.close()
        else:
            self._transport.write(data)

    def finish(self) -> None:
        """End after what is on its way."""
        self.give(None)

    def cut(self) -> None:
        """End now."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """End now, with TCP RST."""
        if self._transport is not None:
            _linger_not(self._transport.get_extra_info("socket"))
            self._transport.abort()


def reset(sock: socket.socket) -> None:
    """Close a socket so that its peer gets a reset (ECONNRESET) and no orderly end.

    Threads: any; does not block.
    """
    _linger_not(sock)
    sock.close()


async def discard_until_closed(sock: socket.socket) -> None:
    """Take whatever a client says until it goes.

    Threads: a task of the event loop.
    """
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while await loop.sock_recv(sock, 65536):
            pass


def _linger_not(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
