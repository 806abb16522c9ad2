"""Who wants and who holds the locks of a dump, and who waits for whom in a ring."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from paramedic.dump.activity import Activity
from paramedic.dump.bringers import Bringers
from paramedic.dump.calls import Layer
from paramedic.dump.cycles import Cycle, cycles_through_locks
from paramedic.dump.locks import Blocked, LockUse, held, same_lock, wanted
from paramedic.dump.waits import LOCAL_LOCKS, Wait

if TYPE_CHECKING:
    from paramedic.dump.facts import DumpFacts

MAX_HOLDERS = 50
"""So many possible holders of one lock are looked at; names that fit more threads than that say nothing."""

_BOUND = frozenset({Wait.JOIN, Wait.FUTURE, Wait.QUEUE, Wait.EVENT, Wait.CONDITION, Wait.SHUTDOWN, *LOCAL_LOCKS})
"""Waits that only another thread of the process ends."""
SIGNALLED = frozenset({Wait.EVENT, Wait.CONDITION, Wait.QUEUE})
"""Waits that any thread of the program may end."""


class Locking:
    """The locks of one dump.

    Threads: as `DumpFacts`.
    """

    def __init__(self, facts: DumpFacts) -> None:
        """Prepares the answers; they are worked out when asked for."""
        self._facts = facts
        self._known_holders: dict[tuple[object, ...], tuple[tuple[LockUse, bool], ...]] = {}
        self._blocked: dict[int, tuple[Blocked, ...]] = {}
        self._free: dict[int, bool] = {}

    @cached_property
    def _wanted(self) -> dict[int, tuple[LockUse, ...]]:
        facts = self._facts
        found = ((i, wanted(a, facts.sources, facts.state)) for i, a in enumerate(facts.activities))
        return {i: uses for i, uses in found if uses}

    @cached_property
    def _held(self) -> tuple[LockUse, ...]:
        if not self._wanted:
            return ()
        known: dict[str, frozenset[str]] = {}
        for uses in self._wanted.values():
            for use in uses:
                if use.lock.text not in known.get(use.site.file, ()):
                    known[use.site.file] = known.get(use.site.file, frozenset()) | {use.lock.text}
        facts = self._facts
        return tuple(use for a in facts.activities for use in held(a, facts.sources, facts.state, known))

    def _holders_of(self, use: LockUse) -> tuple[tuple[LockUse, bool], ...]:
        """Who holds a lock: (where, certain). Threads that stand at one line want the same: it is looked up once."""
        key = (use.lock, use.address, use.itself)
        if key not in self._known_holders:
            found: list[tuple[LockUse, bool]] = []
            unknown = use.address is None and use.itself is None and bool(use.lock.scope)  # no one is certain
            compared: dict[tuple[object, ...], bool | None] = {}
            for other in self._held:
                pair = (other.lock, other.address, other.itself)
                if pair not in compared:
                    compared[pair] = same_lock(use, other)
                same = compared[pair]
                if same is not False:
                    found.append((other, same is True))
                if len(found) >= MAX_HOLDERS and unknown:
                    break
            found.sort(key=lambda x: not x[1])
            self._known_holders[key] = tuple(found[:MAX_HOLDERS])
        return self._known_holders[key]

    @cached_property
    def _wanted_by(self) -> dict[int, tuple[LockUse, ...]]:
        return {id(self._facts.activities[i]): uses for i, uses in self._wanted.items()}

    def wants_lock(self, activity: Activity) -> tuple[LockUse, ...]:
        """The locks of the user's that the thread waits for, as its source says."""
        return self._wanted_by.get(id(activity), ())

    def holders(self, activity: Activity) -> tuple[Blocked, ...]:
        """Who holds the lock that the thread waits for: the certain ones if there are any, else those that fit.

        The thread itself is one of them where addresses say so, or where no other thread of the dump can be: another
        object of the class has another lock (a node of a tree and its parent), which then somebody else holds.
        """
        if id(activity) not in self._blocked:
            self._blocked[id(activity)] = self._holders(activity)
        return self._blocked[id(activity)]

    def _holders(self, activity: Activity) -> tuple[Blocked, ...]:
        mine: list[Blocked] = []
        itself: list[Blocked] = []
        for use in self.wants_lock(activity):
            for other, certain in self._holders_of(use):
                if other.activity is activity:
                    if other.lock.reentrant:
                        continue
                    if not certain:
                        if (other.lock.text, other.lock.scope) == (use.lock.text, use.lock.scope):
                            itself.append(Blocked(wants=use, holds=other, certain=False))
                        continue
                mine.append(Blocked(wants=use, holds=other, certain=certain))
        others_known = self._facts.shows_all and len(self._facts.activities) > 1
        return tuple(b for b in mine if b.certain) or tuple(mine or (itself if others_known else ()))

    def is_free(self, activity: Activity) -> bool:
        """Whether the thread can go on, as far as the dump says: it works, or waits for the peer, time or input."""
        if id(activity) not in self._free:
            self._free[id(activity)] = self._is_free(activity)
        return self._free[id(activity)]

    def _is_free(self, activity: Activity) -> bool:
        if activity.wait in _BOUND or activity.wait is Wait.POOL_WORK or self.wants_lock(activity):
            return False
        return not any(self._facts.is_blocked(s) for s in self._facts.servers_of(activity))

    def next_of(self, activity: Activity) -> Iterable[tuple[Activity, Blocked | None, bool]]:
        """Whom the thread waits for: (thread, the lock between them if it is one, certain).

        Of several threads that it may be, one that can go on may be the one: then nothing says that it waits in vain.
        """
        found = self._waited_for(activity)
        unsure = [on for on, _, certain in found if not certain]
        if any(self.is_free(on) for on in unsure):
            return [edge for edge in found if edge[2]]
        return found

    def _waited_for(self, activity: Activity) -> list[tuple[Activity, Blocked | None, bool]]:
        found: list[tuple[Activity, Blocked | None, bool]] = []
        for pair in self.holders(activity):
            found.append((pair.holds.activity, pair, pair.certain))
        servers = self._facts.servers_of(activity)
        blocked = [s for s in servers if self._facts.is_blocked(s) and s is not activity]
        found += [(s, None, len(servers) == 1) for s in blocked]
        if activity.wait is Wait.JOIN:
            found += self._joined(activity)
        elif activity.wait is Wait.FUTURE:
            found += [(w, None, False) for w in self._facts.activities if w.pool is not None and w is not activity]
        elif activity.wait in SIGNALLED and self._waits_for_ever(activity):
            found += self._signalled(activity)
        return found

    def _waits_for_ever(self, activity: Activity) -> bool:
        """Whether the user's line waits without a limit, by its arguments."""
        place = self._facts.place(activity)
        return place is not None and place.waits_for_ever()

    def _signalled(self, activity: Activity) -> list[tuple[Activity, Blocked | None, bool]]:
        """Who may set an event, put into a queue or empty it: threads of the user's whose code leads there.

        Only where the dump has all threads: the one that will do it may be missing. A callback of the transport's, of
        a timer's or of a signal's may do it as well, so a thread whose source leads to no such call is not the one.
        """
        if not self._facts.shows_all:
            return []
        others = [a for a in self._facts.others if a is not activity and (self.wants_lock(a) or self.is_free(a))]
        place = self._facts.place(activity)
        if place is None:
            return []
        return [(a, None, False) for a in others[:MAX_HOLDERS] if self._bringers.may_bring(a, place)]

    @cached_property
    def _bringers(self) -> Bringers:
        return Bringers(self._facts.sources, self._facts.others)

    def _joined(self, activity: Activity) -> list[tuple[Activity, Blocked | None, bool]]:
        """The thread whose end is awaited: the ``self`` of ``Thread.join`` is that of its ``_bootstrap``.

        Without addresses it may be any thread of the user's that waits for a lock; the others end by themselves.
        """
        join = activity.find("threading", "join", layer=Layer.STDLIB)
        address = join.address() if join is not None else None
        found: list[tuple[Activity, Blocked | None, bool]] = []
        for other in self._facts.others:
            start = other.find("threading", "_bootstrap", layer=Layer.STDLIB)
            if other is activity or start is None:
                continue
            if address is not None and start.address() == address:
                found.append((other, None, True))
            elif address is None and len(found) < MAX_HOLDERS and (self.wants_lock(other) or self.is_free(other)):
                found.append((other, None, False))
        return found

    @cached_property
    def cycles(self) -> tuple[Cycle, ...]:
        """The deadlocks: rings of waiting that lead over a lock of the user's."""
        starts = [self._facts.activities[i] for i in self._wanted]
        return cycles_through_locks(starts, self.next_of)
