"""Clients that one thread connected and another used by luck after it: either might have been the one that connects.

A use after another thread's ``connect()`` is no conflict by itself (see `paramedic.analysis.contract`). It is one where
both came by the same question, whether the client is connected, and connected only as it was answered. That the source
tells: see `paramedic.lint.redialling`.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Clocks, Epoch
from paramedic.analysis.machine import Listener, Root

_MOST_CLIENTS = 1000
_MOST_FOUND = 200
_KEPT_CONNECTS = 10


@dataclass(frozen=True, slots=True)
class Redial:
    """A client that the user had before it was connected, or may have had.

    Attributes:
        client: its id.
        connect: what connected it.
        use: what another thread did with it afterwards, and had not waited for the connect.
        had: whether the user knew before that it had been made; else the one that connected may have kept it back.
    """

    client: int
    connect: Call
    use: Call
    had: bool


class Redials:
    """Watches who connects a client and who uses it.

    Args:
        clocks: what each thread knows of the others.
    """

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._made: dict[int, Epoch] = {}
        self._connects: dict[int, list[tuple[Call, Epoch]]] = {}
        self._found: dict[tuple[int, int], Redial] = {}
        uses = ("SSHClient.exec_command", "SSHClient.invoke_shell", "SSHClient.open_sftp")
        self.begins: dict[str, Listener] = dict.fromkeys(uses, self._uses)
        self.ends: dict[str, Listener] = {"SSHClient.connect": self._connected}

    def made(self, client: int, at: Epoch) -> None:
        """A client came to be."""
        self._made[client] = at
        if len(self._made) > _MOST_CLIENTS:
            oldest = next(iter(self._made))
            del self._made[oldest]
            self._connects.pop(oldest, None)

    def found(self) -> list[Redial]:
        """One for each pair of places."""
        return list(self._found.values())

    def _connected(self, call: Call, root: Root) -> None:
        if not call.error and call.obj in self._made:
            connects = self._connects.setdefault(call.obj, [])
            connects.append((call, self._clocks.of(call.thread).now))
            del connects[:-_KEPT_CONNECTS]

    def _uses(self, call: Call, root: Root) -> None:
        connects = self._connects.get(call.obj)
        if not connects or all(connect.thread == call.thread for connect, _ in connects):
            return
        clock = self._clocks.of(call.thread)
        for connect, at in connects:
            if connect.thread == call.thread or call.shares_a_lock_with(connect):
                continue
            if not clock.knows(at) and len(self._found) < _MOST_FOUND:
                redial = Redial(call.obj, connect, call, clock.knows(self._made[call.obj]))
                self._found.setdefault((connect.stack, call.stack), redial)
