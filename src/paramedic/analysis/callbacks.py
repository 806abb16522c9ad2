"""User code that runs on a transport's own thread, and what it does there.

Paramiko calls port-forward, X11 and agent handlers, keyboard-interactive and server callbacks, and logging handlers
on the thread that reads the connection (transport.py ``Transport.run``, 5.1.0). While they run nothing of that
connection moves.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paramedic.analysis.calls import Call
from paramedic.analysis.machine import Root
from paramedic.analysis.world import World

_LONG_NS = 1_000_000_000
_READS = "recv recv_stderr read readline readlines readinto recv_exit_status"
_WAITS = frozenset(
    "Event.wait Condition.wait Queue.get Queue.put SimpleQueue.get Future.result Future.exception Future.wait "
    "Thread.join Semaphore.acquire Barrier.wait Queue.join".split()
)


@dataclass(slots=True)
class OnTransport:
    """A call of the user's on a transport's own thread.

    Attributes:
        call: the call.
        transport: id of the transport whose thread made it.
        own: whether it goes over that same transport.
        lasted_ns: how long it took, at least.
        count: how often, from the same place.
    """

    call: Call
    transport: int
    own: bool
    lasted_ns: int
    count: int = 1

    @property
    def reads(self) -> bool:
        """Whether it waits for data, as opposed to a reply or room."""
        return self.call.method in _READS.split()

    @property
    def stuck(self) -> bool:
        """Whether it took long enough to say that the connection stood still."""
        return self.lasted_ns >= _LONG_NS


class Callbacks:
    """Watches what transports' threads do besides reading."""

    def __init__(self, world: World, remote: Mapping[str, bool]) -> None:
        self._world = world
        self.remote = remote
        self._found: dict[tuple[int, str], OnTransport] = {}

    def ended(self, call: Call, root: Root, t_ns: int) -> None:
        """A call ended, or was open when the recording ended."""
        thread = self._world.threads.get(call.thread)
        if thread is None or not thread.transport or not call.stack:
            return
        own = root.transport == thread.transport
        if own and not self.remote.get(call.name):
            return
        lasted = t_ns - call.began_ns
        if not own and lasted < _LONG_NS:
            return
        if not own and call.name not in _WAITS and not self.remote.get(call.name):
            return
        if not own and 0 <= call.argument < _LONG_NS // 1_000_000:
            return  # its own timeout is short: a socket of the program's making, say, which is read in short waits
        known = self._found.get((call.stack, call.name))
        if known is None:
            self._found[(call.stack, call.name)] = OnTransport(call, thread.transport, own, lasted)
        else:
            known.count += 1
            if lasted > known.lasted_ns:
                known.call, known.lasted_ns = call, lasted

    def found(self) -> list[OnTransport]:
        """The calls, one for each place."""
        return list(self._found.values())
