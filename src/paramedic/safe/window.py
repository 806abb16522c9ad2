"""How much output a server may send before it hears from us. Pure."""

from __future__ import annotations

_MOST_BYTES = 32 * 1024 * 1024
_LINE_BYTES_S = 250_000_000
"""What a long line may carry, as long as nothing is known but its round trip: twice a gigabit."""
_LONG_S = 0.02
"""A round trip of a long line; a busy server on a short one may take half as long to answer."""


class Window:
    """The receive window of one session (RFC 4254 section 5.2).

    At most a window arrives per round trip. So over a long line it is wide from the beginning, and grows, as TCP's
    does, to several times of what came in the time of a round trip; on a short line it stays small, because with much
    room sshd reads ahead and becomes slow.

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

    def opened(self, now: float, round_trip_s: float) -> int:
        """The server may send from now on; returns how many bytes more than it was told, 0 for none.

        Threads: one thread; it does not block.
        """
        self._since = now
        return self._widened(int(_LINE_BYTES_S * round_trip_s)) if self._grows and round_trip_s >= _LONG_S else 0

    def _widened(self, wanted_bytes: int) -> int:
        before, self.size_bytes = self.size_bytes, max(self.size_bytes, min(_MOST_BYTES, wanted_bytes))
        return self.size_bytes - before

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
            amount += self._widened(int(4 * amount * round_trip_s / max(now - self._since, 1e-6)))
        self._since = now
        return amount
