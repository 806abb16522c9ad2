"""What a machine that listens to calls is told, and how it says which calls it wants to hear of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from paramedic.analysis.calls import Call

SHAPES = ("", "stdout", "stderr", "stdin", "SFTPFile")
"""What a call of ``File`` may have been made on; all other objects are of the first shape.

A channel file's is one more than the number of its stream.
"""
SFTP_FILE = SHAPES.index("SFTPFile")


class Root:
    """What an object belongs to; ids are 0 where there is none.

    Attributes:
        kind: the object's class.
        channel: the channel that it is or goes over.
        stream: of a channel file.
        transport: the connection.
        sftp: the SFTP client.
        shape: index into `SHAPES`.
        client: of a transport: whose connection it is.
    """

    __slots__ = ("channel", "client", "kind", "sftp", "shape", "stream", "transport")

    def __init__(self, kind: str, channel: int, stream: int, transport: int, sftp: int, shape: int = 0) -> None:
        self.kind = kind
        self.channel = channel
        self.stream = stream
        self.transport = transport
        self.sftp = sftp
        self.shape = shape
        self.client = 0


NOWHERE = Root("object", 0, 0, 0, 0)
Listener = Callable[[Call, Root], None]


class Machine(Protocol):
    """A machine that hears of calls by name, when they begin and when they end.

    The name is an operation's, ``Channel.recv``; with a shape before it, ``stdout:File.read``, only calls on objects of
    that shape are meant.
    """

    @property
    def begins(self) -> Mapping[str, Listener]:
        """Listeners for the begin of calls, by operation."""
        ...

    @property
    def ends(self) -> Mapping[str, Listener]:
        """Listeners for the end of calls, by operation."""
        ...


def listeners(tables: Sequence[Mapping[str, Listener]], name: str) -> list[list[Listener]]:
    """Who wants to hear of an operation, by the shape of the object that it is called on.

    Threads: pure.
    """
    keys = [(name, f"{shape}:{name}") if shape else (name,) for shape in SHAPES]
    return [[table[key] for table in tables for key in wanted if key in table] for wanted in keys]
