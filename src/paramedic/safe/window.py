"""How much output a server may send before it hears from us. Pure."""

from __future__ import annotations

_MOST_BYTES = 32 * 1024 * 1024


class Window:
    """The receive window of one session (RFC 4254 section 5.2).

    At most a window arrives per round trip. So over a long line it grows, as TCP's does, to several times of what came
    in the time of a round trip; on a short line it stays small, because with much room sshd reads ahead and becomes
    slow.

    Threads: one thread at a time.
    """

    __slots__ = ("_grows", "_since", "_taken", "size_bytes")

    def __init__(self, size_bytes: int, *, grows: bool = False) -> None:
        """A window of ``size_bytes``, all of it open.

        Threads: any thread; it does not block.
        """
        self.size_bytes = size_bytes
        self._grows = grows
        self._taken = 0
        self._since = 0.0

    def opened(self, now: float) -> None:
        """The server may send from now on.

        Threads: one thread; it does not block.
        """
        self._since = now

    @property
    def used_bytes(self) -> int:
        """How much of it was taken and is not given back yet."""
        return self._taken

    def took(self, count: int, now: float, round_trip_s: float) -> int:
        """Notes that ``count`` bytes were taken; returns how many the server may send in return, 0 for later.

        Threads: one thread; it does not block.
        """
        self._taken += count
        if self._taken * 4 < self.size_bytes:
            return 0
        amount, self._taken = self._taken, 0
        if self._grows and self.size_bytes < _MOST_BYTES:
            in_a_round_trip = amount * round_trip_s / max(now - self._since, 1e-6)
            wanted = min(_MOST_BYTES, int(4 * in_a_round_trip))
            if wanted > self.size_bytes:
                amount += wanted - self.size_bytes
                self.size_bytes = wanted
        self._since = now
        return amount
