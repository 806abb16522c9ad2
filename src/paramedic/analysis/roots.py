"""Who belongs to whom: files to channels, channels to transports, transports to clients.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from paramedic.analysis.calls import Call
from paramedic.analysis.machine import NOWHERE, SFTP_FILE, Root
from paramedic.analysis.operations import Whose
from paramedic.analysis.world import World
from paramedic.model.event import IN

_CHANNEL, _SFTP, _TRANSPORT = Whose.CHANNEL, Whose.SFTP, Whose.TRANSPORT
_DEEPEST = 8
"""A damaged recording may say that an object belongs to itself."""


class Roots:
    """Looks upwards from any object; what it has found it keeps.

    Attributes:
        known: what was found.
        client_of: by transport.
        transport_of: by client.
        by_remote: channels by transport and the peer's number.
        by_number: channels by transport and our number.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.known: dict[int, Root] = {}
        self.client_of: dict[int, int] = {}
        self.transport_of: dict[int, int] = {}
        self._carried: dict[int, list[int]] = {}
        self.by_remote: dict[tuple[int, int], int] = {}
        self.by_number: dict[tuple[int, int], int] = {}

    def of(self, obj: int) -> Root:
        """Kind, channel, stream, transport and SFTP client of an object."""
        return self.known.get(obj) or self._found(obj, 0)

    def _found(self, obj: int, depth: int) -> Root:
        thing = self._world.things.get(obj)
        if thing is None or depth > _DEEPEST:
            return NOWHERE
        kind, parent = thing.kind, thing.parent
        above = (self.known.get(parent) or self._found(parent, depth + 1)) if parent else NOWHERE
        if kind == "ChannelFile":
            stream = thing.number
            root = Root(kind, above.channel, stream, above.transport, above.sftp, 1 + stream if stream <= IN else 0)
        elif kind == "Channel":
            root = Root(kind, obj, 0, above.transport, 0)
        elif kind == "Transport":
            root = Root(kind, 0, 0, obj, 0)
            root.client = self.client_of.get(obj, 0)
        elif kind == "SSHClient":
            root = Root(kind, 0, 0, self.transport_of.get(obj, 0), 0)
        elif kind == "SFTPClient":
            root = Root(kind, above.channel, 0, above.transport, obj)
        else:
            shape = SFTP_FILE if kind == "SFTPFile" else 0
            root = Root(kind, above.channel, above.stream, above.transport, above.sftp, shape)
        if root.transport:
            self.known[obj] = root
        return root

    def connected(self, client: int, transport: int) -> None:
        """A client has this connection from now on."""
        self.known.pop(client, None)
        self.known.pop(transport, None)
        self.client_of[transport] = client
        self.transport_of[client] = transport
        self._world.thing(transport).label = self._world.thing(client).label

    def carried(self, inner: int, outer: int) -> None:
        """A transport's socket is a channel of another one."""
        self._carried.setdefault(outer, []).append(inner)

    def through(self, outer: int) -> list[int]:
        """The transports that go through another one, also by way of a third."""
        found = list(self._carried.get(outer, ()))
        for inner in found:
            found += [t for t in self._carried.get(inner, ()) if t not in found]
        return found

    def forget(self, obj: int) -> None:
        """The object is gone, or belongs to another now."""
        self.known.pop(obj, None)

    def forget_connection(self, transport: int) -> int:
        """A connection has ended long ago; returns its client, if it is that client's latest."""
        self.known.pop(transport, None)
        self._carried.pop(transport, None)
        client = self.client_of.pop(transport, 0)
        if self.transport_of.get(client) != transport:
            return 0
        del self.transport_of[client]
        self.known.pop(client, None)
        return client

    def owner(self, obj: int, root: Root) -> int:
        """The connection that a call on an object uses; the client itself where it has none yet."""
        return root.transport or (obj if root.kind == "SSHClient" else 0)


def resource_of(whose: Whose, call: Call, root: Root) -> int:
    """The id of the resource that a call uses; 0 if it uses none after all.

    Threads: pure.
    """
    if whose is _CHANNEL:
        return root.channel
    if whose is _SFTP:
        return root.sftp
    if whose is _TRANSPORT:
        return root.transport
    if whose is Whose.OBJECT:
        return call.obj
    if whose is Whose.CLIENT:
        return root.client
    if whose is Whose.REPLY:
        return 0 if not call.argument else root.transport
    return call.argument if call.argument > 0 else 0
