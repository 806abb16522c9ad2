"""Output as it comes: chunks or lines, standard output and standard error told apart, memory bounded by the window."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from paramedic.safe.future import CommandFuture
from paramedic.safe.result import CommandResult
from paramedic.safe.sink import STDERR, STDOUT
from paramedic.safe.standstill import Waiting

if TYPE_CHECKING:
    from paramedic.safe.session import Session

_LONGEST_LINE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some output.

    Threads: a value; share it freely.
    """

    stream: str
    """"stdout" or "stderr"."""
    data: bytes

    @property
    def text(self) -> str:
        """The output as text: UTF-8, what is not becomes U+FFFD."""
        return self.data.decode("utf-8", "replace")


class Lines:
    """Puts the chunks of both streams of one command together to whole lines.

    A line longer than 1 MiB comes in pieces: a flood without line ends must not fill the memory.

    Threads: one thread at a time.
    """

    def __init__(self) -> None:
        """Starts empty.

        Threads: any thread; it does not block.
        """
        self._rests = {"stdout": b"", "stderr": b""}

    def of(self, chunk: Chunk) -> Iterator[Chunk]:
        """The lines that are whole with this chunk, without their ends.

        Threads: one thread at a time; it does not block.
        """
        *whole, rest = (self._rests[chunk.stream] + chunk.data).split(b"\n")
        for line in whole:
            yield Chunk(chunk.stream, line.removesuffix(b"\r"))
        while len(rest) > _LONGEST_LINE_BYTES:
            yield Chunk(chunk.stream, rest[:_LONGEST_LINE_BYTES])
            rest = rest[_LONGEST_LINE_BYTES:]
        self._rests[chunk.stream] = rest

    def rest(self) -> Iterator[Chunk]:
        """What came after the last line end.

        Threads: one thread at a time; it does not block.
        """
        for stream, rest in self._rests.items():
            if rest:
                yield Chunk(stream, rest)


class Channel:
    """A sink between the reader thread and the thread that takes the output."""

    def __init__(self, most_bytes: int, tell: Callable[[], None] = lambda: None) -> None:
        """Starts empty.

        Args:
            most_bytes: how much may wait here; the server is given no room for more.
            tell: called after each chunk that came, by the reader thread; it must not block.

        Threads: the thread that is to take the output, as far as is known; it does not block.
        """
        self._most_bytes = most_bytes
        self._tell = tell
        self._drains = self._is_shut = False
        self.thread = threading.current_thread()
        """Who took output last."""
        # Each is changed by one thread alone, the reader or who takes; so no lock is needed, which a thread that waits
        # would have for some steps.
        self._fed_bytes = self._taken_bytes = 0
        self._fed_at = 0.0
        self._taken_at = time.monotonic()
        self._chunks: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()

    def feed(self, stream: int, data: bytes) -> int:
        """Queues output; the server gets no room for more until somebody took it, unless the command is being ended.

        Threads: the reader thread; it does not block.
        """
        back = 0
        if self._drains:
            back = len(data)
            if self._is_shut or self._fed_bytes - self._taken_bytes + back > self._most_bytes:
                self._is_shut = True  # rather no more of it than one with a hole
                return back
        self._fed_at = time.monotonic()
        self._fed_bytes += len(data)
        self._chunks.put(Chunk("stdout" if stream == STDOUT else "stderr", data))
        self._tell()
        return back

    def drain(self) -> bool:
        """Gives the server room as output comes, whether somebody takes it or not: one whose process has ended reports
        that once it has sent all. What finds no place is thrown away. False if that was so before.

        Threads: any thread; it does not block.
        """
        before, self._drains = self._drains, True
        return not before

    @property
    def drains(self) -> bool:
        """Whether who takes output need not give the server room for more."""
        return self._drains

    def finish(self) -> None:
        """No more comes.

        Threads: any thread, any number of times; it does not block.
        """
        self._chunks.put(None)

    @property
    def state(self) -> tuple[float, int, float]:
        """When somebody took output last, how many bytes nobody has taken, and when the last of them came."""
        fed_bytes = self._fed_bytes  # first: rather too few than too many are left
        return self._taken_at, fed_bytes - self._taken_bytes, self._fed_at

    def take(self, deadline: float | None) -> Chunk | None:
        """The next chunk, None at the end.

        Raises:
            TimeoutError: nothing came before ``deadline`` (``time.monotonic()``).

        Threads: one thread at a time. It blocks.
        """
        self.thread = threading.current_thread()
        try:
            chunk = self._chunks.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise TimeoutError("no output came in time") from None
        if chunk is None:
            self._chunks.put(None)  # for who asks again
            return None
        self._taken_bytes += len(chunk.data)
        self._taken_at = time.monotonic()
        return chunk


class Stream:
    """The output of one command while it runs; iterate over it for chunks, or over :meth:`lines`.

    Leaving its ``with`` block early ends the remote process; where Ctrl-C leaves it, that is waited for. Dropping it
    ends it, too, for nobody could take its output any more and it would keep its session for ever.

    Threads: one thread at a time takes output; :meth:`close` may be called by any thread.
    """

    def __init__(
        self, sink: Channel, future: CommandFuture, session: Callable[[], Session | None], patience_s: float
    ) -> None:
        """Made by ``ClientPool.stream``.

        Args:
            sink: where the output is.
            future: the command's.
            session: the command's, once it has one.
            patience_s: how long its end may take, in seconds.

        Threads: any thread; it does not block.
        """
        self._sink = sink
        self._session = session
        self._patience_s = patience_s
        self.future = future
        """The command's future; its result has no output."""

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, Exception | GeneratorExit):
            self.close()
        else:
            self.future.end(self._patience_s)  # Ctrl-C leaves nothing behind

    def __del__(self) -> None:
        self.close()

    def __iter__(self) -> Iterator[Chunk]:
        while (chunk := self.read()) is not None:
            yield chunk

    def read(self, timeout: float | None = None) -> Chunk | None:
        """The next chunk, None at the end of both streams.

        Args:
            timeout: seconds to wait for output; None for no limit but the command's own.

        Raises:
            TimeoutError: nothing came in time; the command runs on.
            SafeError: the command did not end by itself; raised once all that came was taken.

        Threads: one thread at a time. It blocks.
        """
        if timeout is None:
            with Waiting(self.future.waits_for):
                chunk = self._sink.take(None)
        else:
            chunk = self._sink.take(time.monotonic() + timeout)
        if chunk is None:
            self.future.result()  # raises what ended it, if anything did
            return None
        session = self._session()
        if session is not None and not self._sink.drains:
            session.grant(len(chunk.data))
        return chunk

    def lines(self) -> Iterator[Chunk]:
        """Whole lines without their ends, in the order in which they were completed; see `Lines`.

        Raises:
            SafeError: as :meth:`read`.

        Threads: one thread at a time. It blocks.
        """
        lines = Lines()
        for chunk in self:
            yield from lines.of(chunk)
        yield from lines.rest()

    def result(self, timeout: float | None = None) -> CommandResult:
        """How the command ended. Output that nobody took is thrown away, so that it can end.

        Raises:
            TimeoutError: it has not ended after ``timeout`` seconds.
            SafeError: it did not end by itself.

        Threads: one thread at a time. It blocks.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if self.read(left) is None:
                return self.future.result()

    def close(self) -> None:
        """Ends the remote process if it still runs.

        Threads: any thread, any number of times; it does not wait for the process.
        """
        self.future.cancel()


__all__ = ["STDERR", "STDOUT", "Channel", "Chunk", "Stream"]
