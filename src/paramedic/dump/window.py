"""How full a channel's receive window is."""

from __future__ import annotations

from dataclasses import dataclass

MSG_CHANNEL_DATA = 94
MSG_CHANNEL_EXTENDED_DATA = 95

_NEARLY = 65536
"""A server sends no more once the window that is left is smaller than the packet it has (32 KiB with OpenSSH)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """How much of a channel's receive window unread bytes have used up.

    Attributes:
        unread_bytes: in Paramiko's buffers of the stream or streams.
        left_bytes: what the peer may still send.
    """

    unread_bytes: int
    left_bytes: int

    @property
    def full(self) -> bool:
        """Whether the peer has to wait until somebody reads."""
        return self.unread_bytes > 0 and self.left_bytes < _NEARLY

    def __str__(self) -> str:
        return f"{self.unread_bytes:,} bytes"
