"""Pairs of uses that the contract does not allow at the same time, and that met or could have met.

Overlap is certain (TSVD, Li et al., SOSP 2019). Uses that did not overlap conflict if nothing orders them (FastTrack's
epochs, one per resource and thread). An exclusion that we cannot see, such as a pool in a bare ``deque``, shows
itself: many turns of several threads on one object and never an overlap. Such objects are believed to be guarded.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Epoch, ThreadClock
from paramedic.analysis.contract import RULES, Rule
from paramedic.analysis.operations import Use

_KEPT_THREADS = 100
"""So many threads' latest uses of one resource are remembered."""
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
        count: how many calls met others so at the same two places.
        threads: numbers of all threads that took part.
    """

    rule: Rule
    resource: int
    first: Call
    second: Call
    overlapped: bool
    count: int = 1
    threads: set[int] | None = None
    latest: Call | None = None


class _Shared:
    """One resource: who is using it, who used it last.

    Attributes:
        open: calls that use it now, each with its group.
        last: by group, the latest use of each thread and the moment at which it had had its effect.
        last_thread: who began to use it last.
        turns: how often that changed.
        overlaps: how often uses that exclude each other met.
    """

    __slots__ = ("last", "last_thread", "open", "overlaps", "turns")

    def __init__(self, call: Call, group: str) -> None:
        self.open = [(call, group)]
        self.last: dict[str, dict[int, tuple[Call, Epoch]]] = {}
        self.last_thread = call.thread
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
        self._shared: dict[str, dict[int, _Shared]] = {rule.resource: {} for rule in RULES}
        self._found: dict[tuple[object, ...], tuple[Conflict, _Shared]] = {}

    def begin(self, use: Use, ident: int, call: Call, clock: ThreadClock) -> None:
        """A use begins."""
        table = self._shared[use.resource]
        shared = table.get(ident)
        if shared is None:
            table[ident] = _Shared(call, use.group)
            return
        if shared.open:
            self._meets(use, ident, call, shared)
        if shared.last_thread != call.thread:
            shared.turns += 1
            shared.last_thread = call.thread
            for rival in use.rivals:
                self._follows(use, rival, ident, call, clock, shared)
        shared.open.append((call, use.group))

    def _meets(self, use: Use, ident: int, call: Call, shared: _Shared) -> None:
        """Others use it now."""
        for other, group in shared.open:
            if other.thread != call.thread:
                rule = use.breaches.get(group)
                if rule is not None:
                    shared.overlaps += 1
                    self._note(rule, ident, other, call, True, shared)

    def _follows(self, use: Use, rival: str, ident: int, call: Call, clock: ThreadClock, shared: _Shared) -> None:
        """Another thread used it before."""
        for other, at in shared.last.get(rival, {}).values():
            if other.thread != call.thread and not clock.knows(at):
                self._note(use.breaches[rival], ident, other, call, False, shared)

    def end(self, use: Use, ident: int, call: Call, at: Epoch) -> None:
        """The use ends, or has had all its effect at this moment although its call may still run."""
        shared = self._shared[use.resource].get(ident)
        if shared is None:
            return
        uses = shared.open
        for position in range(len(uses)):
            if uses[position][0] is call:
                del uses[position]
                break
        else:
            return
        if use.rivals:
            last = shared.last.get(use.group)
            if last is None:
                shared.last[use.group] = {call.thread: (call, at)}
                return
            last.pop(call.thread, None)
            last[call.thread] = call, at
            if len(last) > _KEPT_THREADS:
                del last[next(iter(last))]

    def forget(self, ident: int, resources: Iterable[str]) -> None:
        """The object is gone, and with it these resources."""
        for resource in resources:
            self._shared[resource].pop(ident, None)

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
            threads = {first.thread, second.thread}
            conflict = Conflict(rule, ident, first, second, overlapped, threads=threads, latest=second)
            self._found[key] = (conflict, shared)
            self._pin_all(conflict)
            return
        conflict = known[0]
        if conflict.latest is not second:  # it may meet several at once
            conflict.count += 1
            conflict.latest = second
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
