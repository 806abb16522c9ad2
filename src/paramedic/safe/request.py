"""What a command and its variables are on the wire, and which of them no server takes. Pure."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from paramedic.safe.errors import BadCommand
from paramedic.safe.packets import MOST_REQUEST_BYTES


def encoded(command: str, environment: Mapping[str, str] | None, host: str) -> tuple[bytes, dict[bytes, bytes] | None]:
    """The command and its variables as bytes.

    Raises:
        BadCommand: there is no command, or one of them has NUL bytes, is no text, or too long to be sent.

    Threads: any thread; it does not block.
    """
    if command is not None and not isinstance(command, str):
        hint = "pass it as one string, as the remote shell reads it; shlex.join() makes one of a list"
        raise BadCommand(f"the command is a {type(command).__name__}", host=host, phase="queue", hint=hint)
    if not command or not command.strip():
        raise BadCommand("there is no command", host=host, phase="queue", hint="pass it as one non-empty string")
    sent = _bytes(command, "the command", host)
    if not environment:
        return sent, None
    variables = {
        _bytes(name, "a variable's name", host): _bytes(value, f"the variable {name!r}", host)
        for name, value in environment.items()
    }
    return sent, variables


def _bytes(text: str, what: str, host: str) -> bytes:
    if not isinstance(text, str):
        raise BadCommand(f"{what} is a {type(text).__name__}", host=host, phase="queue", hint="pass it as text")
    if "\0" in text:
        hint = "send binary data as input="
        raise BadCommand(f"{what} contains a NUL byte", host=host, phase="queue", hint=hint)
    try:
        sent = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        hint = "take the lone surrogate out, or send bytes as input="
        raise BadCommand(f"{what} is no text: {error}", host=host, phase="queue", hint=hint) from error
    if len(sent) > MOST_REQUEST_BYTES:
        hint = 'send it as input: run("sh", input=script)'
        raise BadCommand(f"{what} is too long: {len(sent):,} bytes", host=host, phase="queue", hint=hint)
    return sent


def all_encoded(commands: Iterable[str], host: str) -> list[tuple[str, tuple[bytes, None]]]:
    """Commands, each with itself as bytes.

    Raises:
        BadCommand: as :func:`encoded`, for any of them.
        TypeError: it is one string, whose letters would be run one by one.

    Threads: any thread; it does not block.
    """
    if isinstance(commands, str):
        raise TypeError(f"commands are to be several: [{commands!r}]")
    return [(command, (encoded(command, None, host)[0], None)) for command in commands]


def seconds(limit: float) -> float:
    """A limit as the clock takes it: what is none would strike on the thread that reads the connection of all.

    Raises:
        TypeError: it is no number.
        ValueError: it is "not a number".

    Threads: any thread; it does not block.
    """
    if isinstance(limit, str | bytes):  # float() would read it
        raise TypeError(f"a limit is a number of seconds, not {limit!r}")
    number = float(min(limit, sys.float_info.max))
    if number != number:
        raise ValueError("a limit that is not a number")
    return number


def window(size_bytes: int) -> int:
    """How much output may wait, as a message has room for it (RFC 4254 section 5.1).

    Raises:
        ValueError: nothing could ever come.

    Threads: any thread; it does not block.
    """
    if size_bytes < 1:
        raise ValueError("window_bytes is at least 1")
    return min(int(size_bytes), 0xFFFFFFFF)
