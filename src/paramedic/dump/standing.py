"""Threads that stand at locks, or look so, and nobody is left to let go.

py-spy's text and faulthandler's show nothing between a line that takes a lock and one that sleeps or reads a
``SimpleQueue``. Where the source is missing as well, what a function is called, who calls it and who waits for its end
are all that is left to judge by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paramedic.dump.activity import Activity
from paramedic.dump.calls import Layer
from paramedic.dump.locks import is_printed_lock
from paramedic.dump.native import LOCK
from paramedic.dump.waits import Wait

if TYPE_CHECKING:
    from paramedic.dump.facts import DumpFacts

_PASSIVE = frozenset({Wait.JOIN, Wait.FUTURE, Wait.SHUTDOWN, Wait.TIMER, Wait.POOL_WORK})
_MONITORING = frozenset({Wait.SLEEP, Wait.EVENT, Wait.CONDITION})
_RESTING = _MONITORING | {Wait.QUEUE, Wait.LOOP, Wait.SELECT}
_SPEAKS_OF_REST = re.compile(
    # time, or an event
    r"sleep|wait|poll|heart_?beat|alive|monitor|pause|back_?off|retry|throttl|schedul|forever|idle|daemon|period|cron"
    r"|renew|expir|evict|reap|rotat|purg|clean|housekeep|report|stats|metric|sampl|telemetr|remind|linger|settle"
    # somebody else's bytes, or a queue
    r"|relay|pump|receiv|dispatch|subscrib|accept|writer|reader"
    r"|(?:^|_)(?:tick|loop|watch|delay|timer|consum|listen|serve|tail|refresh|ping|recv|drain|select)",
    re.IGNORECASE,
)
"""Functions called so stand still in good health."""
_CALLED_ANYHOW = frozenset({"run", "_run", "<lambda>", "<module>", "main", "work", "worker", "target"})
"""Functions whose names say nothing: there the thread's own name may speak."""
_ENTERS = frozenset({"__enter__", "__aenter__", "acquire", "acquire_lock", "enter_context"})
_KEEPS_ALIVE = frozenset({"<module>", "main", "_main", "amain", "cli"})
"""Where a main thread sleeps so that the others, which are daemons, may work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Two or more threads that stand still, at locks as it seems, with no other thread at work that could let go.

    Attributes:
        threads: in the order of the dump.
        known: whether each of them is known to stand at a lock.
        likely: whether a deadlock is likelier than rest, or than a queue at one lock that is over in a moment.
    """

    threads: tuple[Activity, ...]
    known: bool
    likely: bool


def standing(facts: DumpFacts) -> Standing | None:
    """Looks for them.

    Only where every other thread waits for them, for work or for the peer's next packet. Where the source or the dump
    itself says that they stand at locks, others may wait for time or events as well, unless they hold a lock.

    Threads: as `DumpFacts`.
    """
    still = [a for a in facts.others if a.wait in (Wait.LOCK, Wait.OWN_CODE) and not facts.moved(a)]
    at_locks = [a for a in still if stands_at_lock(facts, a)]
    unread = [a for a in still if a.calls[0].layer is Layer.USER and facts.place(a) is None]
    suspects: list[Activity] = at_locks
    resting: list[Activity] = []
    if not at_locks:
        suspects = [a for a in unread if not (a.is_main and a.calls[0].function == "<module>")]
        awake = [a for a in suspects if not _speaks_of_rest(a)]
        suspects = awake if len(awake) > 1 else suspects
        resting = unread
    if len(suspects) < 2 or not facts.shows_all or not facts.transports:
        return None
    known = {id(a) for a in (*suspects, *resting)}
    rest = [a for a in facts.others if id(a) not in known]
    harmless = _PASSIVE | (_RESTING if at_locks else _MONITORING)
    if any(a.wait not in harmless or _may_let_go(facts, a) for a in rest):
        return None
    if any(facts.is_blocked(t) for t in facts.transports):
        return None
    return Standing(
        threads=tuple(suspects),
        known=all(stands_at_lock(facts, a) for a in suspects),
        likely=_likely(facts, suspects, awaited=any(a.wait in (Wait.JOIN, Wait.FUTURE, Wait.SHUTDOWN) for a in rest)),
    )


def stands_at_lock(facts: DumpFacts, activity: Activity) -> bool:
    """Whether the source, the line as the dump prints it, a frame of C or the library's says that it is a lock.

    Threads: as `DumpFacts`.
    """
    if facts.wants_lock(activity) or _is_seen(activity):
        return True
    asking = activity.asking
    by_frame = asking is not None and asking.layer is Layer.STDLIB
    return activity.wait is Wait.LOCK and (by_frame or bool(activity.calls[0].frame.source))


def _is_seen(activity: Activity) -> bool:
    """Whether the dump shows by its frames of C that the thread is inside a lock's ``acquire``."""
    return activity.wait is Wait.LOCK and activity.thread.system_call == LOCK


def _likely(facts: DumpFacts, suspects: list[Activity], *, awaited: bool) -> bool:
    if all(_is_seen(a) for a in suspects) or _share_lock(suspects):
        return True
    if all(_enters(a) for a in suspects) and len({tuple(c.site for c in a.users) for a in suspects}) > 1:
        return True
    # At one line threads sleep, wait for work or queue at one lock for a moment; at two, with names that say nothing
    # of rest and somebody who waits for both, a ring of locks is the likelier story.
    at_two_places = len({a.calls[0].frame.source or a.site for a in suspects}) > 1
    if all(stands_at_lock(facts, a) for a in suspects):
        return at_two_places or all(facts.in_one_call(a) for a in suspects)
    mains = [a for a in suspects if a.is_main]
    if not at_two_places and not mains:
        return False
    if any(a.thread.system_call or _speaks_of_rest(a) for a in suspects):
        return False
    return awaited if not mains else all(a.calls[0].function not in _KEEPS_ALIVE for a in mains)


def _share_lock(activities: list[Activity]) -> bool:
    """Whether each of the threads has locks among the variables of its code, and one of them is another's too."""
    mine = [{v for c in a.users for _, v in c.frame.variables if is_printed_lock(v)} for a in activities]
    every = [lock for locks in mine for lock in locks]
    return all(mine) and len(every) > len(set(every))


def _enters(activity: Activity) -> bool:
    """Whether the thread's innermost function is one that a ``with`` calls before its body: it takes something."""
    inner, *outer = activity.calls
    if inner.function in _ENTERS:
        return True
    return bool(outer) and outer[0].at("contextlib", "__enter__", "__aenter__", layer=Layer.STDLIB)


def _speaks_of_rest(activity: Activity) -> bool:
    function = activity.calls[0].frame.site.function
    names = [function.replace(".<locals>", "")]
    if activity.calls[0].function in _CALLED_ANYHOW and not activity.is_main:
        names.append(activity.thread.name.partition(" (")[0])
    return any(_SPEAKS_OF_REST.search(part) for name in names for part in name.split("."))


def _may_let_go(facts: DumpFacts, activity: Activity) -> bool:
    """Whether a thread that rests for a while holds a lock of the user's in the meantime."""
    if activity.wait not in _RESTING:
        return False
    return any(p.holds() for c in activity.users if (p := facts.sources.place(c.site)) is not None)
