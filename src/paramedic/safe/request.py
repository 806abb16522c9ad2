"""What a command and its variables are on the wire, and which of them no server takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

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
