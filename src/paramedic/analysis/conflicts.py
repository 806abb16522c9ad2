"""Pairs of uses that the contract does not allow at the same time, and that met or could have met.

Overlap is certain (TSVD, Li et al., SOSP 2019). Uses that did not overlap conflict if nothing orders them (FastTrack's
epochs, one per resource and thread). An exclusion that we cannot see, such as a pool in a bare ``deque``, shows
itself: many turns of several threads on one object and never an overlap. Such objects are believed to be guarded.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Epoch, ThreadClock
from paramedic.analysis.contract import Need, Rule, breached

ENOUGH_TURNS = 20
"""So many changes of thread without one overlap are taken for an exclusion that was not recorded."""


@dataclass(slots=True)
class Conflict:
    """Two uses of one resource that exclude each other.

    Attributes:
        rule: the contract's row.
        resource: id of the shared object.
        first: the earlier call.
        second: the later one.
        overlapped: whether they ran at the same time in this run.
        count: how many such pairs were seen from the same two places.
        threads: numbers of all threads that took part.
    """

    rule: Rule
    resource: int
    first: Call
    second: Call
    overlapped: bool
    count: int = 1
    threads: set[int] | None = None


class _Use:
    __slots__ = ("call", "ended", "group")

    def __init__(self, call: Call, group: str) -> None:
        self.call = call
        self.group = group
        self.ended: Epoch | None = None


class _Shared:
    """One resource: who is using it, who used it last."""

    __slots__ = ("last", "last_thread", "open", "overlaps", "turns")

    def __init__(self) -> None:
        self.open: list[_Use] = []
        self.last: dict[tuple[int, str], _Use] = {}
        self.last_thread = 0
        self.turns = 0
        self.overlaps = 0


class Conflicts:
    """All resources of a recording.

    A resource that only one thread has ever used costs one entry and no comparison.

    Args:
        pin: keeps the names of an object and its owners although it is freed.
    """

    def __init__(self, pin: Callable[[int], None]) -> None:
        self._pin = pin
        self._shared: dict[tuple[str, int], _Shared] = {}
        self._found: dict[tuple[object, ...], tuple[Conflict, _Shared]] = {}

    def begin(self, resource: str, ident: int, group: str, call: Call, clock: ThreadClock) -> None:
        """A use begins."""
        key = (resource, ident)
        shared = self._shared.get(key)
        if shared is None:
            shared = self._shared[key] = _Shared()
        thread = call.thread
        for use in shared.open:
            if use.call.thread != thread:
                rule = breached(resource, use.group, group)
                if rule is not None:
                    shared.overlaps += 1
                    self._note(rule, ident, use.call, call, True, shared)
        if shared.last_thread != thread:
            if shared.last_thread:
                shared.turns += 1
            for use in shared.last.values():
                if use.call.thread != thread and use.ended is not None and not clock.knows(use.ended):
                    rule = breached(resource, use.group, group)
                    if rule is not None and rule.need is Need.UNORDERED:
                        self._note(rule, ident, use.call, call, False, shared)
            shared.last_thread = thread
        shared.open.append(_Use(call, group))

    def end(self, resource: str, ident: int, call: Call, clock: ThreadClock) -> None:
        """The use ends."""
        self.settle(resource, ident, call, clock.epoch())

    def settle(self, resource: str, ident: int, call: Call, at: Epoch) -> None:
        """The use has had all its effect at this moment, although its call may still run."""
        shared = self._shared.get((resource, ident))
        if shared is None:
            return
        for position, use in enumerate(shared.open):
            if use.call is call:
                del shared.open[position]
                use.ended = at
                shared.last[(call.thread, use.group)] = use
                return

    def forget(self, ident: int) -> None:
        """The object is gone."""
        for resource in ("channel.out", "channel.err", "channel.in", "channel.request", "channel.end", "file"):
            self._shared.pop((resource, ident), None)

    def begin_chapter(self) -> None:
        """What was found so far has been told: from now on only what is found anew counts."""
        self._found.clear()

    def found(self) -> list[Conflict]:
        """The conflicts, without those of objects that seem to be guarded by what we cannot see."""
        return [
            conflict
            for conflict, shared in self._found.values()
            if conflict.overlapped or shared.overlaps or shared.turns < ENOUGH_TURNS
        ]

    def _note(self, rule: Rule, ident: int, first: Call, second: Call, overlapped: bool, shared: _Shared) -> None:
        places = frozenset(((first.stack, first.name), (second.stack, second.name)))
        key = (rule.hazard, rule.resource, places)
        known = self._found.get(key)
        if known is None:
            conflict = Conflict(rule, ident, first, second, overlapped, threads={first.thread, second.thread})
            self._found[key] = (conflict, shared)
            self._pin_all(conflict)
            return
        conflict = known[0]
        conflict.count += 1
        if conflict.threads is not None and len(conflict.threads) < 1000:
            conflict.threads |= {first.thread, second.thread}
        if overlapped and not conflict.overlapped:
            conflict.overlapped = True
            conflict.first, conflict.second, conflict.resource = first, second, ident
            self._found[key] = (conflict, shared)
            self._pin_all(conflict)

    def _pin_all(self, conflict: Conflict) -> None:
        for ident in (conflict.resource, conflict.first.obj, conflict.second.obj):
            self._pin(ident)
