"""Who belongs to whom: files to channels, channels to transports, transports to clients.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from typing import Any

from paramedic.analysis.calls import Call
from paramedic.analysis.machine import NOWHERE, Root
from paramedic.analysis.operations import Whose
from paramedic.analysis.world import World


class Roots:
    """Looks upwards from any object; what it has found it keeps."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[int, Root] = {}
        self.client_of: dict[int, int] = {}
        self.transport_of: dict[int, int] = {}
        self._carried: dict[int, list[int]] = {}
        self.by_remote: dict[tuple[int, int], int] = {}
        self.by_number: dict[tuple[int, int], int] = {}

    def of(self, obj: int) -> Root:
        """Kind, channel, stream, transport and SFTP client of an object."""
        known = self._known.get(obj)
        if known is not None:
            return known
        things = self._world.things
        thing = things.get(obj)
        if thing is None:
            return NOWHERE
        channel = stream = transport = sftp = 0
        step: Any = thing
        seen = 0
        while step is not None and seen < 8:
            if step.kind == "ChannelFile":
                stream = step.number
            elif step.kind == "Channel" and not channel:
                channel = step.ident
            elif step.kind == "SFTPClient":
                sftp = step.ident
            elif step.kind == "Transport":
                transport = step.ident
                break
            elif step.kind == "SSHClient":
                transport = self.transport_of.get(step.ident, 0)
                break
            step = things.get(step.parent)
            seen += 1
        root = Root(thing.kind, channel, stream, transport, sftp)
        if transport:
            self._known[obj] = root
        return root

    def connected(self, client: int, transport: int) -> None:
        """A client has this connection from now on."""
        self._known.pop(client, None)
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
        self._known.pop(obj, None)

    def owner(self, obj: int, root: Root) -> int:
        """The connection that a call on an object uses; the client itself where it has none yet."""
        return root.transport or (obj if root.kind == "SSHClient" else 0)


def resource_of(whose: Whose, call: Call, root: Root) -> int:
    """The id of the resource that a call uses; 0 if it uses none after all.

    Threads: pure.
    """
    if whose <= Whose.TRANSPORT:
        return root.channel if whose == Whose.CHANNEL else root.sftp if whose == Whose.SFTP else root.transport
    if whose == Whose.OBJECT:
        return call.obj
    if whose == Whose.REPLY:
        return 0 if not call.argument else root.transport
    return call.argument if call.argument > 0 else 0
