"""Pairs of uses that the contract does not allow at the same time, and that met or could have met.

Overlap is certain (TSVD, Li et al., SOSP 2019). Uses that did not overlap conflict if nothing orders them (FastTrack's
epochs, one per resource and thread). That one worker happened to run two tasks of an executor orders them only where
that thread made what they use: it may be what the thread keeps for itself. An exclusion that we cannot see, such as a
pool in a bare ``deque``, shows itself: many turns of several threads on one object and never an overlap. Such objects
are believed to be guarded.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Epoch, ThreadClock
from paramedic.analysis.contract import RULES, Rule
from paramedic.analysis.machine import Root
from paramedic.analysis.operations import Use
from paramedic.analysis.roots import resource_of

_KEPT_THREADS = 100
"""So many threads' latest uses of one resource are remembered."""
_OF_STEPS = frozenset(("sftp", "transport.reply"))
"""What only the steps use of which a call consists (`paramedic.analysis.operations.OF_STEPS`)."""
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
        back: where they also came in the other order, and did not overlap, the first such pair.
    """

    rule: Rule
    resource: int
    first: Call
    second: Call
    overlapped: bool
    count: int = 1
    threads: set[int] | None = None
    latest: Call | None = None
    back: tuple[Call, Call] | None = None


_Latest = tuple[Call, Epoch]


class _Shared:
    """One resource: who is using it, who used it last.

    Attributes:
        open: calls that use it now, each with its group.
        last: by group, the latest use and the moment at which it had had its effect; where several threads have used
            it, that of each of them.
        last_thread: who began to use it last.
        last_task: in which of an executor's tasks, if others may run at the same time; else 0.
        turns: how often the thread changed.
        overlaps: how often uses that exclude each other met.
    """

    __slots__ = ("last", "last_task", "last_thread", "open", "overlaps", "turns")

    def __init__(self, call: Call, group: str, task: int) -> None:
        self.open = [(call, group)]
        self.last: dict[str, _Latest | dict[int, _Latest]] | None = None
        self.last_thread = call.thread
        self.last_task = task
        self.turns = 0
        self.overlaps = 0


class Conflicts:
    """All resources of a recording.

    A resource that only one thread has ever used costs one entry and no comparison.

    Args:
        pin: keeps the names of an object and its owners although it is freed.
        maker: the thread that made an object.
        made_by: the SSHClient.connect that made a connection.
    """

    def __init__(
        self,
        pin: Callable[[int], None],
        maker: Callable[[int], int] = lambda ident: 0,
        made_by: Callable[[int], Call | None] = lambda ident: None,
    ) -> None:
        self._pin = pin
        self._maker = maker
        self._made_by = made_by
        self._shared: dict[str, dict[int, _Shared]] = {rule.resource: {} for rule in RULES}
        self.kept_inside: Callable[[Conflict], bool | None] = lambda conflict: None
        """Whether two calls may have been kept apart by a class of the program's own, inside; None: see its locks."""
        self.inside: set[int] = set()
        """Locks that a class of the program's own takes around each round trip, inside of the calls that make them."""
        self._found: dict[tuple[object, ...], tuple[Conflict, _Shared]] = {}

    def begin(self, uses: Sequence[Use], call: Call, root: Root, clock: ThreadClock) -> None:
        """A call begins that uses these resources."""
        for use in uses:
            ident = resource_of(use.whose, call, root)
            if not ident:
                continue
            table = self._shared[use.resource]
            shared = table.get(ident)
            if shared is None:
                table[ident] = _Shared(call, use.group, clock.task)
                continue
            if shared.open:
                self._meets(use, ident, call, shared)
            if shared.last_thread != call.thread or shared.last_task != clock.task:
                shared.turns += shared.last_thread != call.thread
                shared.last_thread, shared.last_task = call.thread, clock.task
                for rival in use.rivals:
                    self._follows(use, rival, ident, call, clock, shared)
            shared.open.append((call, use.group))

    def _meets(self, use: Use, ident: int, call: Call, shared: _Shared) -> None:
        """Others use it now."""
        for other, group in shared.open:
            if other.thread != call.thread:
                rule = use.breaches.get(group)
                if rule is not None and not self._is_of_another(rule, call, other):
                    shared.overlaps += 1
                    self._note(rule, ident, other, call, True, shared)

    def _follows(self, use: Use, rival: str, ident: int, call: Call, clock: ThreadClock, shared: _Shared) -> None:
        """Another thread, or another task, used it before."""
        latest = shared.last.get(rival) if shared.last else None
        if latest is None:
            return
        for other, at in latest.values() if isinstance(latest, dict) else (latest,):
            if other.thread == call.thread:
                apart = clock.is_by_luck(at[1]) and self._maker(ident) != call.thread
            else:
                apart = not clock.knows(at)
            if apart and not call.shares_a_lock_with(other):
                self._note(use.breaches[rival], ident, other, call, False, shared)

    def end(self, uses: Sequence[Use], call: Call, root: Root, at: Epoch) -> None:
        """A call's uses end, or have had all their effect at this moment although the call may still run."""
        for use in uses:
            shared = self._shared[use.resource].get(resource_of(use.whose, call, root))
            if shared is not None and _ends(shared.open, call) and use.rivals:
                self._note_latest(shared, use.group, (call, at))

    def _note_latest(self, shared: _Shared, group: str, use: _Latest) -> None:
        if shared.last is None:
            shared.last = {group: use}
            return
        known, thread = shared.last.get(group), use[0].thread
        if isinstance(known, dict):
            known.pop(thread, None)
            known[thread] = use
            if len(known) > _KEPT_THREADS:
                del known[next(iter(known))]
        elif known is None or known[0].thread == thread:
            shared.last[group] = use
        else:
            shared.last[group] = {known[0].thread: known, thread: use}

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
            if (conflict.overlapped or shared.overlaps or shared.turns < ENOUGH_TURNS)
            and not (conflict.rule.resource in _OF_STEPS and self._is_apart_inside(conflict))
        ]

    def _is_of_another(self, rule: Rule, *calls: Call) -> bool:
        """Whether the connection that is used early is none that the open connect() has made, but one before that."""
        if "early" not in rule.second:
            return False
        early, connect = sorted(calls, key=lambda call: call.name == "SSHClient.connect")
        return self._made_by(early.obj) is not connect

    def _is_apart_inside(self, conflict: Conflict) -> bool:
        """Whether both calls took one such lock when they had begun, or it is known otherwise."""
        known = self.kept_inside(conflict)
        if known is not None or not self.inside:
            return bool(known)
        locks = ({hold.lock for hold in call.holds} for call in (conflict.first, conflict.second))
        return bool(self.inside.intersection(*locks))

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
        if conflict.back is None and not overlapped and first.stack == conflict.second.stack != conflict.first.stack:
            conflict.back = first, second
            self._pin(first.obj)
            self._pin(second.obj)
        if overlapped and not conflict.overlapped:
            conflict.overlapped = True
            conflict.first, conflict.second, conflict.resource = first, second, ident
            self._found[key] = (conflict, shared)
            self._pin_all(conflict)

    def _pin_all(self, conflict: Conflict) -> None:
        for ident in (conflict.resource, conflict.first.obj, conflict.second.obj):
            self._pin(ident)


def _ends(uses: list[tuple[Call, str]], call: Call) -> bool:
    """Take a call out of those that use something now; whether it was among them."""
    for position, (other, _) in enumerate(uses):
        if other is call:
            del uses[position]
            return True
    return False
