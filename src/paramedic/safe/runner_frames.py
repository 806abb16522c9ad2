"""What is said to a runner on the other side, and what it says, as bytes. Pure; see :mod:`.remote_runner`."""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MOST_INPUT_BYTES = 4096
"""For as much, every new pipe has room (PIPE_BUF): the runner need not wait with it."""
PYTHONS = "/usr/bin/python3 python3 /usr/libexec/platform-python"
_HEAD = struct.Struct(">BII")
_MOST_NOISE_BYTES = 1 << 20
_MOST_SMALL_BYTES = 1024


class Said(enum.IntEnum):
    """What a runner tells of a command."""

    OUT = 1
    """Some of its standard output."""
    ERR = 2
    """Some of its standard error."""
    EXIT = 3
    """It has ended."""
    REFUSED = 4
    """No process could be made for it."""
    ALIVE = 5
    """It runs; there is nothing else to say yet."""


class BadFrame(ValueError):
    """What came makes no sense: it was not a runner that sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a command ended: with a status, or by a signal."""

    status: int | None = None
    signal: str | None = None
    core_dumped: bool = False


def bootstrap(mark: str, program_bytes: int, alive_after_s: float) -> bytes:
    """The command that has the runner read from the session's input.

    One line without "!", because the login shell may be a csh. What follows the program keeps that shell from becoming
    it: its beginning is what the runner learns from how the server starts commands. Python's own place comes first,
    because what the search path has may be a script that looks for a Python.

    Args:
        mark: words that the shell's start-up files do not print, followed by what the runner says of itself.
        program_bytes: how long the program is.
        alive_after_s: when it is to tell that a command runs of which there is nothing else to tell.

    Threads: any thread; it does not block.
    """
    run = f'exec $p -ISc "import sys;exec(sys.stdin.buffer.read({program_bytes}))" {mark} $PPID {alive_after_s:.3f}'
    search = f"for p in {PYTHONS}; do command -v $p >/dev/null 2>&1 && {run}; done"
    return f"/bin/sh -c '{search}; echo {mark} unfit there is no Python 3'; true".encode()


def run(number: int, command: bytes, given: bytes) -> bytes:
    """Begins a command.

    Args:
        number: names it from now on.
        command: as the login shell runs it.
        given: all of its standard input.

    Threads: any thread; it does not block.
    """
    return _HEAD.pack(1, number, 4 + len(command) + len(given)) + struct.pack(">I", len(command)) + command + given


def signal(number: int, name: str) -> bytes:
    """Sends the signal ``name`` ("TERM") to a command's process group.

    Threads: any thread; it does not block.
    """
    return _HEAD.pack(2, number, len(name)) + name.encode()


def drop(number: int) -> bytes:
    """Wants to hear no more of a command.

    Threads: any thread; it does not block.
    """
    return _HEAD.pack(3, number, 0)


def read_exit(payload: bytes) -> Exit:
    """How a command ended.

    Raises:
        BadFrame: that is not said.

    Threads: any thread; it does not block.
    """
    if len(payload) == 2 and payload[0] == 0:
        return Exit(status=payload[1])
    if len(payload) > 1 and payload[0] in (1, 2):
        return Exit(signal=payload[1:].decode("ascii", "replace"), core_dumped=payload[0] == 2)
    raise BadFrame("an end that is none")


class Hearing:
    """Takes what comes from a runner apart, however it is cut into pieces, without keeping output.

    Threads: one thread at a time.
    """

    def __init__(self, mark: str) -> None:
        """Waits for ``mark``; what comes before it is of the shell's start-up files.

        Threads: any thread; it does not block.
        """
        self._mark = mark.encode() + b" "
        self._rest = b""
        self._noise_bytes = 0
        self._of = 0
        self._left = 0
        self._kind: Said | None = None
        self.greeting: str | None = None
        """What the runner said of itself: "ready", or "unfit" and why. None until it has."""

    def hear(self, data: bytes) -> Iterator[tuple[Said, int, bytes]]:
        """Yields what is said, of which command, and the bytes that belong to it; output in the pieces that came.

        Raises:
            BadFrame: what came makes no sense.

        Threads: one thread at a time; it does not block.
        """
        data = self._rest + data
        self._rest = b""
        if self.greeting is None:
            data = self._greeted(data)
        at = 0
        while self.greeting is not None:
            if self._kind is None:
                if len(data) - at < _HEAD.size:
                    break
                number, self._of, self._left = _HEAD.unpack_from(data, at)
                at += _HEAD.size
                self._kind = _known(number, self._left)
            kind = self._kind
            output = kind in (Said.OUT, Said.ERR)
            if not output and len(data) - at < self._left:
                break
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            if not self._left:
                self._kind = None
            if piece or not output:
                yield kind, self._of, piece
            if self._kind is not None:
                break
        if at < len(data):
            self._rest = data[at:]

    def _greeted(self, data: bytes) -> bytes:
        begins = data.find(self._mark)
        ends = data.find(b"\n", begins)
        if begins < 0 or ends < 0:
            keep = begins if begins >= 0 else max(0, len(data) - len(self._mark))
            self._noise_bytes += keep
            self._rest = data[keep:]
            if self._noise_bytes + len(self._rest) > _MOST_NOISE_BYTES:
                raise BadFrame("no runner answers")
            return b""
        self.greeting = data[begins + len(self._mark) : ends].decode("utf-8", "replace")
        return data[ends + 1 :]


def _known(kind: int, size: int) -> Said:
    try:
        said = Said(kind)
    except ValueError:
        raise BadFrame(f"a frame of kind {kind}") from None
    if said not in (Said.OUT, Said.ERR) and size > _MOST_SMALL_BYTES:
        raise BadFrame(f"a frame of kind {kind} with {size} bytes")
    return said
