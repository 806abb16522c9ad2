"""Standard input for remote commands: bytes, text, files and iterators, as fast as the command takes them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, cast

from paramedic.safe.session import Session

Input = bytes | str | BinaryIO | Iterable[bytes] | None
_INLINE_BYTES = 16 * 1024
_CHUNK_BYTES = 128 * 1024
_LOG = logging.getLogger("paramedic.safe")


def inline_input(source: Input) -> bytes | None:
    """The input as bytes, if there is so little of it that the reader thread may send it itself; else None.

    Threads: any thread; it does not block.
    """
    if source is None:
        return b""
    if isinstance(source, str):
        source = source.encode()
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
        return data if len(data) <= _INLINE_BYTES else None
    return None


def replayable(source: Input) -> bool:
    """Whether the input can be sent a second time.

    Threads: any thread; it does not block.
    """
    return source is None or isinstance(source, bytes | bytearray | memoryview | str)


def feed(session: Session, source: Input, failed: Callable[[BaseException], None]) -> None:
    """Sends the input and ends it. A command that stops reading or ends is no error, as in a shell's pipe.

    Args:
        session: the command's.
        source: what to send.
        failed: told why nothing more can be read from it, before the command is ended for that.

    Threads: a thread of the crew. It blocks while the command does not read, and while the source does.
    """
    try:
        with contextlib.suppress(BrokenPipeError):
            for chunk in _chunks(source):
                session.write(chunk)
            session.end_input()
    except BaseException as error:
        # The caller's file or iterator failed: the command sees a short input, so it must not end as if all were well.
        # By whatever it raises: SystemExit or asyncio.CancelledError end this thread, and the command would wait on.
        _LOG.debug("the input of a command failed; the command is being ended", exc_info=True)
        failed(error)
        session.signal("TERM")
        session.close()


def _chunks(source: Input) -> Iterator[bytes]:
    if source is None:
        return
    if isinstance(source, str):
        source = source.encode()
    if isinstance(source, bytes | bytearray | memoryview):
        view = memoryview(source)
        for at in range(0, len(view), _CHUNK_BYTES):
            yield bytes(view[at : at + _CHUNK_BYTES])
    elif hasattr(source, "read"):
        file = cast(BinaryIO, source)
        while data := file.read(_CHUNK_BYTES):
            yield data.encode() if isinstance(data, str) else data
    else:
        for item in source:
            yield item.encode() if isinstance(item, str) else bytes(memoryview(item))  # bytes(3) would be three zeros
