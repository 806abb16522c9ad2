"""Where the output of a command goes."""

from __future__ import annotations

import io
from typing import Protocol

STDOUT, STDERR = 1, 2


class Sink(Protocol):
    """Where output goes."""

    def feed(self, stream: int, data: bytes) -> int:
        """Takes ``data``; returns how many bytes the server may send in return, now.

        Threads: the reader thread; it must not block.
        """

    def finish(self) -> None:
        """No more comes.

        Threads: the reader thread or the one that closes the link; it must not block.
        """


class Collector:
    """A sink that keeps everything, in little more memory than it takes.

    A list of chunks would take it twice when it is joined; what ``io.BytesIO`` has collected, it gives away.
    """

    __slots__ = ("_buffers",)

    def __init__(self) -> None:
        """Starts empty.

        Threads: any thread; it does not block.
        """
        self._buffers: dict[int, io.BytesIO] = {}

    def feed(self, stream: int, data: bytes) -> int:
        """Keeps ``data`` and gives the room back at once.

        Threads: the reader thread; it does not block.
        """
        buffer = self._buffers.get(stream)
        if buffer is None:
            buffer = self._buffers[stream] = io.BytesIO()
        buffer.write(data)
        return len(data)

    def collected(self, stream: int) -> bytes:
        """What came so far.

        Threads: any thread; it does not block.
        """
        buffer = self._buffers.get(stream)
        return b"" if buffer is None else buffer.getvalue()

    def finish(self) -> None:
        """Does nothing: the session's owner looks when the session has ended.

        Threads: any thread; it does not block.
        """
