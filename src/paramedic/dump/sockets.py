"""What the kernel says of a process's TCP connections: whether the peer still takes what is sent to it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

_ESTABLISHED = "01"
_RETRANSMIT, _PROBE = 1, 4
"""Timers of net/ipv4/tcp_ipv4.c, get_tcp4_sock: what the kernel will do next if nothing comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """One connection, as ``/proc/net/tcp`` has it.

    Attributes:
        unacked_bytes: sent or waiting to be, and not acknowledged by the peer's host.
        retransmissions: how often the oldest of them was sent again since the last sign of life.
        window_closed: the peer's host answers, but takes no more, because its program reads nothing.
    """

    unacked_bytes: int
    retransmissions: int
    window_closed: bool


class Sockets:
    """The TCP connections of one process at one moment.

    Threads: for one thread at a time; reads ``/proc``.
    """

    def __init__(self, process: int) -> None:
        self._process = process
        self._known: dict[str, Tcp] | None = None

    def tcp(self, descriptor: int) -> Tcp | None:
        """The connection behind a file descriptor; None where it is none, or ``/proc`` does not say."""
        try:
            link = os.readlink(PROC / str(self._process) / "fd" / str(descriptor))
        except OSError:
            return None
        match = re.fullmatch(r"socket:\[(\d+)\]", link)
        if match is None:
            return None
        if self._known is None:
            self._known = {}
            for name in ("tcp", "tcp6"):  # of the process's own network namespace
                self._known |= _connections(PROC / str(self._process) / "net" / name)
        return self._known.get(match[1])


def _connections(path: Path) -> dict[str, Tcp]:
    """Every established connection, by its inode."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, Tcp] = {}
    for line in lines[1:]:
        words = line.split()
        if len(words) < 10 or words[3] != _ESTABLISHED:
            continue
        try:
            unacked, timer = int(words[4].partition(":")[0], 16), int(words[5].partition(":")[0], 16)
            sent_again = int(words[6], 16)
        except ValueError:
            continue
        found[words[9]] = Tcp(
            unacked_bytes=unacked,
            retransmissions=sent_again if timer == _RETRANSMIT else 0,
            window_closed=timer == _PROBE and unacked > 0,
        )
    return found
