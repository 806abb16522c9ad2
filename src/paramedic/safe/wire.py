"""The bytes between a transport and its socket: fewer system calls, no Nagle, no polling.

Paramiko reads each packet in two or three small ``recv`` calls and polls its socket every 0.1 s
(``Transport._active_check_timeout``, Paramiko 2.12 to 5.1: 320 us of CPU per second and idle connection).
A :class:`Wire` stands between the two, as the socket-like object that ``Transport(sock=...)`` takes:

* reads are buffered: one system call brings many packets;
* what the reader thread writes while packets are still in the buffer leaves in one piece, when it is about to wait;
* Nagle's algorithm is off and, where Linux has it, delayed acknowledgement too for the first reads: sshd's own
  Nagle would otherwise cost 40 ms before the first reply;
* a thread that waits, waits in the kernel: :meth:`close` wakes it by shutting the socket down.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

_READ_BYTES = 8 * 1024
_MOST_READ_BYTES = 128 * 1024
"""Once a read was full. A buffer of this size, for which the kernel is asked, would cost each step of a login more."""
_QUICK_ACKS = 60
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
_KEEPALIVE = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")


class Wire:
    """A socket-like object for one ``paramiko.Transport``; see the module's text.

    Threads: one thread reads (the transport's); any thread may send or close. Sending blocks while the peer does not
    read, for ``stall_s`` seconds without progress at most; the reader's own sends never block it from reading.
    """

    def __init__(
        self,
        sock: Any,
        *,
        poll_s: float = 0.5,
        stall_s: float = 60.0,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """Takes ``sock`` over: a connected socket, or an object with its methods (a channel of a jump host).

        Args:
            sock: what to read from and write to; closed by :meth:`close`.
            poll_s: how often a reader without data looks whether it is still wanted, in seconds.
            stall_s: seconds without a byte of progress after which a blocked send gives up.
            on_close: called once, after the socket was closed.

        Threads: call it from the thread that connects. It does not block.
        """
        self._sock = sock
        self._on_close = on_close
        self._pid = os.getpid()
        self._real = isinstance(sock, socket.socket)
        self._chunk = b""
        self._at = 0
        self._read_bytes = _READ_BYTES
        self._quick_acks = _QUICK_ACKS if self._real and sock.family in (socket.AF_INET, socket.AF_INET6) else 0
        self._out: deque[bytes] = deque()
        self._flushing = threading.Lock()
        self._reader: int | None = None
        self._stall_s = stall_s
        self._closed = False  # Transport.stop_thread() reads this name (paramiko/transport.py, 2.12 to 5.1).
        self.before_wait: Callable[[], None] | None = None
        self.on_silence: Callable[[], bool] | None = None
        """Called by the reader when nothing came for the poll interval; returns whether it may go on waiting at once,
        as Paramiko has nothing to look at."""
        self.on_send: Callable[[], None] | None = None
        """Called on each thread that sends something while the reader is ``resting``."""
        self.resting = False
        self.received_at = time.monotonic()
        if self._quick_acks:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll_s = -1.0
        self.set_poll(poll_s)

    def keep_alive(self, interval_s: float) -> bool:
        """Has the kernel ask for a sign of life at each silence of ``interval_s``, and give the peer up after three.

        Returns:
            whether it does; not if there is something between us and the network, such as a jump host or a proxy.

        Threads: any thread; it does not block.
        """
        if not self._real or self._sock.family not in (socket.AF_INET, socket.AF_INET6):
            return False
        if not all(hasattr(socket, name) for name in _KEEPALIVE):
            return False
        seconds = max(1, round(interval_s))
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in zip(_KEEPALIVE, (seconds, seconds, 2), strict=True):
                self._sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
            return True
        return False

    def set_poll(self, poll_s: float) -> None:
        """Sets how often a waiting reader wakes to look at its own state, in seconds.

        Threads: any thread; it does not block.
        """
        if poll_s == self._poll_s:
            return
        self._poll_s = poll_s
        if not self._real:
            self._sock.settimeout(poll_s)
        elif sys.platform == "win32":
            self._sock.settimeout(poll_s)
        else:
            # A blocking socket with SO_RCVTIMEO saves the poll() before each recv() that settimeout() costs.
            self._sock.settimeout(None)
            limit = struct.pack("@ll", int(poll_s), int(poll_s % 1 * 1_000_000))
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)

    def settimeout(self, timeout: float | None) -> None:
        """Ignores Paramiko's wish for a wake-up every 0.1 s; see :meth:`set_poll`.

        Threads: any thread; it does not block.
        """

    def gettimeout(self) -> float | None:
        """Tells that reads have no limit of their own.

        Threads: any thread; it does not block.
        """
        return None

    def fileno(self) -> int:
        """The socket's descriptor, -1 when it is closed.

        Threads: any thread; it does not block.
        """
        return int(self._sock.fileno())

    def getpeername(self) -> Any:
        """The peer's address.

        Raises:
            OSError: the connection is gone.

        Threads: any thread; it does not block.
        """
        return self._sock.getpeername()

    def getsockname(self) -> Any:
        """Our own address.

        Raises:
            OSError: the connection is gone.

        Threads: any thread; it does not block.
        """
        return self._sock.getsockname()

    def recv(self, size: int) -> bytes:
        """Reads up to ``size`` bytes, from the buffer if it has any.

        Raises:
            TimeoutError: nothing came within the poll interval.
            OSError: the connection broke.

        Threads: the transport's thread alone. It blocks.
        """
        at, chunk = self._at, self._chunk
        if at < len(chunk):
            self._at = at + size
            return chunk[at : at + size]
        self._reader = threading.get_ident()
        while True:
            if self.before_wait is not None:
                self.before_wait()
            if self._out:
                self._flush(reader=True)
            try:
                chunk = self._sock.recv(max(size, self._read_bytes))
                break
            except (TimeoutError, BlockingIOError) as error:
                if error.errno == errno.ETIMEDOUT:
                    return b""  # the kernel has given the peer up
                if self.on_silence is not None and self.on_silence() and not self._closed:
                    continue
                # Paramiko looks whether it is still wanted, and comes back; the reader of the banner knows no EAGAIN
                # (Packetizer._read_timeout, 2.12 to 5.1), and would give up at once.
                raise TimeoutError from None
        self.received_at = time.monotonic()
        if len(chunk) >= self._read_bytes:
            self._read_bytes = _MOST_READ_BYTES
        if self._quick_acks and _QUICKACK is not None:
            # The kernel forgets this option by itself, hence once per read.
            self._quick_acks -= 1
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        if len(chunk) <= size:
            return bytes(chunk)
        self._chunk, self._at = chunk, size
        return bytes(chunk[:size])

    def frames(self, more: int) -> Iterator[tuple[bytes, bytes]]:
        """Of what is here already: lengths of four bytes, each with as many bytes as it says and ``more``.

        Threads: the transport's thread alone; it does not block. Each is read when it was yielded.
        """
        chunk, at = self._chunk, self._at
        here = len(chunk)
        while True:
            begins = at + 4
            head = chunk[at:begins]
            ends = begins + int.from_bytes(head, "big") + more
            if ends > here:
                return
            self._at = at = ends
            yield head, chunk[begins:ends]

    def send(self, data: bytes) -> int:
        """Sends all of ``data``; from the reader thread, keeps it until that thread is about to wait.

        Raises:
            EOFError: nothing could be sent for ``stall_s`` seconds, or the wire is closed.
            OSError: the connection broke.

        Threads: any thread, one at a time (Paramiko's packetizer has a lock). It blocks while the peer does not read.
        """
        if self._closed:
            raise EOFError
        self._out.append(bytes(data))
        if threading.get_ident() != self._reader:
            if self.resting and self.on_send is not None:
                self.on_send()
            self._flush(reader=False)
        return len(data)

    def _flush(self, *, reader: bool) -> None:
        # Whoever holds the lock sends what anybody queued meanwhile; the second look at the queue, after the lock was
        # given back, closes the gap in which somebody queued, saw the lock taken and went away.
        while self._out:
            if not self._flushing.acquire(blocking=not reader):
                return
            try:
                while self._out:
                    left = self._send_some(b"".join(self._take()), reader)
                    if left:
                        self._out.appendleft(left)
                        return  # only the reader gets here: it goes and reads first
            finally:
                self._flushing.release()

    def _take(self) -> list[bytes]:
        taken: list[bytes] = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._out.popleft())
        return taken

    def _send_some(self, data: bytes, reader: bool) -> bytes:
        if not self._real or sys.platform == "win32":
            self._send_blocking(data)
            return b""
        view = memoryview(data)
        stalled_since = time.monotonic()
        while view:
            try:
                view = view[self._sock.send(view, socket.MSG_DONTWAIT) :]
                stalled_since = time.monotonic()
                continue
            except BlockingIOError:
                waits = select.poll()
            # The reader never waits for a peer that itself waits for us to read: it turns to whatever is possible.
            waits.register(self._sock, select.POLLOUT | (select.POLLIN if reader else 0))
            ready = waits.poll(500)
            if self._closed or time.monotonic() - stalled_since > self._stall_s:
                raise EOFError
            if reader and any(flags & select.POLLIN for _, flags in ready):
                return bytes(view)
        return b""

    def _send_blocking(self, data: bytes) -> None:
        deadline = time.monotonic() + self._stall_s
        while data:
            try:
                sent = self._sock.send(data)
            except TimeoutError:
                sent = 0
            if self._closed or (not sent and time.monotonic() > deadline):
                raise EOFError
            data = data[sent:]

    def close(self) -> None:
        """Closes the socket and wakes the thread that reads from it. A forked child leaves the connection alone.

        Threads: any thread, any number of times; it does not block.
        """
        if self._closed:
            return
        self._closed = True
        if self._real and os.getpid() == self._pid:
            # close() alone leaves a thread that sleeps in recv() asleep on Linux. After a fork, shutdown() would end
            # the parent's connection too: the child gives its descriptor back and nothing more.
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        if self._on_close is not None and os.getpid() == self._pid:
            self._on_close()
