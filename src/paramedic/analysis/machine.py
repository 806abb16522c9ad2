"""What a machine that listens to calls is told, and how it says which calls it wants to hear of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from paramedic.analysis.calls import Call


class Root(NamedTuple):
    """What an object belongs to; ids are 0 where there is none.

    Attributes:
        kind: the object's class.
        channel: the channel that it is or goes over.
        stream: of a channel file.
        transport: the connection.
        sftp: the SFTP client.
    """

    kind: str
    channel: int
    stream: int
    transport: int
    sftp: int


NOWHERE = Root("object", 0, 0, 0, 0)
Listener = Callable[[Call, Root], None]


class Machine(Protocol):
    """A machine that hears of calls by name, when they begin and when they end."""

    @property
    def begins(self) -> Mapping[str, Listener]:
        """Listeners for the begin of calls, by operation."""
        ...

    @property
    def ends(self) -> Mapping[str, Listener]:
        """Listeners for the end of calls, by operation."""
        ...
