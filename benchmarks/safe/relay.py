"""A relay on loopback that holds every byte back for a while: a distant server, where the kernel has no netem.

    python benchmarks/safe/relay.py DELAY_MS TARGET_PORT [ADDRESS ...]

Prints the port on which it listens and relays until it is killed. ``DELAY_MS`` is one way. What is in flight is kept,
however much it is: as on a line that is long but not narrow. TCP's slow start does not show.
"""

from __future__ import annotations

import collections
import socket
import sys
import threading
import time

_CHUNK_BYTES = 256 * 1024


class Way:
    """One direction of one connection."""

    def __init__(self, source: socket.socket, sink: socket.socket, delay_s: float) -> None:
        self.source, self.sink, self.delay_s = source, sink, delay_s
        self.flight: collections.deque[tuple[float, bytes]] = collections.deque()
        self.changed = threading.Condition()
        for job in (self.take, self.give):
            threading.Thread(target=job, daemon=True).start()

    def take(self) -> None:
        data = b"x"
        while data:
            try:
                data = self.source.recv(_CHUNK_BYTES)
            except OSError:
                data = b""
            with self.changed:
                self.flight.append((time.monotonic() + self.delay_s, data))
                self.changed.notify()

    def give(self) -> None:
        while True:
            with self.changed:
                while not self.flight:
                    self.changed.wait()
                due, data = self.flight.popleft()
            left = due - time.monotonic()
            if left > 0:
                time.sleep(left)
            try:
                if data:
                    self.sink.sendall(data)
                    continue
                self.sink.shutdown(socket.SHUT_WR)
            except OSError:
                self.source.close()
            return


def main() -> None:
    delay_s, port = float(sys.argv[1]) / 1000, int(sys.argv[2])
    addresses = sys.argv[3:] or ["127.0.0.1"]
    listeners = [socket.create_server((addresses[0], 0))]
    relay_port = listeners[0].getsockname()[1]
    listeners += [socket.create_server((address, relay_port)) for address in addresses[1:]]
    print(relay_port, flush=True)

    def accept(listener: socket.socket, address: str) -> None:
        while True:
            near, _ = listener.accept()
            far = socket.create_connection((address, port))
            for sock in (near, far):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Way(near, far, delay_s)
            Way(far, near, delay_s)

    threads = [threading.Thread(target=accept, args=pair) for pair in zip(listeners, addresses, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()  # since Python 3.12 nobody starts threads once the main thread has ended


if __name__ == "__main__":
    main()
