"""Connections on both sides of a fork.

Objects keep their ids over a fork: what a child uses and has not made itself is its parent's object of that id.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paramedic.analysis.calls import Call

if TYPE_CHECKING:
    from paramedic.analysis.run import RunFacts


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that a child sent over its parent's connection without a call that waits: EOF or CLOSE.

    Attributes:
        message: its number.
        thread: number of the thread.
        t_ns: when.
        call: in which call; None if a finalizer sent it.
    """

    message: int
    thread: int
    t_ns: int
    call: Call | None


class Forks:
    """What a forked child did with what it inherited, and its parent after the fork.

    Attributes:
        parent: the facts of the process that this one was forked from, where they are known.
        times: when this process was forked, ascending.
        used: in a child, the first remote call on each inherited object.
        sent: in a child, the first message on each inherited transport.
    """

    def __init__(self) -> None:
        self.parent: RunFacts | None = None
        self.times: list[int] = []
        self.used: dict[int, Call] = {}
        self.sent: dict[int, Sent] = {}
        self._after: dict[tuple[int, int], Call] = {}

    def child_uses(self, call: Call) -> None:
        """A child calls something that waits for the peer, on an object that it has not made."""
        if call.name != "SSHClient.connect":  # which makes a connection of its own
            self.used.setdefault(call.obj, call)

    def child_sends(self, transport: int, sent: Sent) -> None:
        """A child sends a message over a transport that it has not made."""
        self.sent.setdefault(transport, sent)

    def parent_uses(self, transport: int, call: Call) -> None:
        """A process that has been forked calls something on one of its connections."""
        forked = bisect_right(self.times, call.began_ns)
        if forked:
            self._after.setdefault((transport, forked), call)

    def parents_use_after(self, transport: int, t_ns: int) -> Call | None:
        """The first call on a transport after the fork at that time."""
        first = bisect_right(self.times, t_ns)
        found = [self._after[key] for key in self._after if key[0] == transport and key[1] >= first]
        return min(found, key=lambda call: call.began_ns, default=None)

    def owner(self, obj: int) -> RunFacts | None:
        """The facts of the nearest ancestor that has made an object; None where none of them is known to have."""
        facts = self.parent
        while facts is not None and obj not in facts.world.things:
            facts = facts.forks.parent
        return facts
