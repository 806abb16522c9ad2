"""Threads wait for a lock of the user's whose holder waits for the network."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from paramedic.dump.activity import Activity
from paramedic.dump.calls import Call, Layer
from paramedic.dump.facts import DumpFacts
from paramedic.dump.locks import Blocked
from paramedic.dump.story import names, step
from paramedic.dump.waits import REMOTE, Wait
from paramedic.hazards.lock_held_across_io import HAZARD
from paramedic.model.finding import Confidence, Finding


def _held_before(facts: DumpFacts, pair: Blocked) -> bool:
    """Whether the lock was held across I/O in the earlier dump too."""
    earlier = facts.earlier
    if earlier is None:
        return False
    return any(
        p.holds.lock.text == pair.holds.lock.text and p.holds.site.file == pair.holds.site.file
        for a in earlier.activities
        for p in earlier.holders(a)
        if _across(earlier, p.holds.activity) and p.holds.activity is not a
    )


def _across(facts: DumpFacts, holder: Activity) -> str:
    """What the holder waits for at the other end of a connection, in words; "" if it does not."""
    if holder.wait in REMOTE:
        return str(holder.wait)
    if facts.transports and holder.remote_library:
        return f"a call of {holder.remote_library}'s"
    called = _called_back_from(holder)
    return f"{called.owner_class}.{called.function}".lstrip(".") + ", which has called it back" if called else ""


def _called_back_from(holder: Activity) -> Call | None:
    """The call of Paramiko's in which a thread of the user's runs a callback: the progress of a transfer."""
    inner = next((i for i, c in enumerate(holder.calls) if c.layer is Layer.USER), len(holder.calls))
    between = itertools.dropwhile(lambda c: c.layer is not Layer.PARAMIKO, holder.calls[inner:])
    called = list(itertools.takewhile(lambda c: c.layer is Layer.PARAMIKO, between))
    return called[-1] if called and called[-1].module in ("sftp_client", "sftp_file") else None


def _is_across(facts: DumpFacts, pair: Blocked) -> bool:
    """Whether the lock is held by what made the call, not by a callback inside it."""
    holder = pair.holds.activity
    called = _called_back_from(holder)
    if called is None:
        return bool(_across(facts, holder))
    return any(c.site == pair.holds.site for c in holder.calls[holder.calls.index(called) :])


def _let_go(facts: DumpFacts, holder: Activity) -> bool:
    """Whether the holder is in another call than before, as far as is known, so that it let go in between.

    One that polls, or that gets its answer piece by piece, is in the same call all the same.
    """
    if facts.same_call(holder) is False or facts.same_channel(holder) is False:
        return True
    return holder.wait in REMOTE and facts.moved(holder) and not _streams(facts, holder)


def _streams(facts: DumpFacts, holder: Activity) -> bool:
    if holder.find("sftp_client", "getfo", "putfo"):
        return True
    return holder.wait in (Wait.OUTPUT, Wait.STDERR, Wait.SEND_WINDOW) and facts.same_channel(holder) is True


_CONVOY = "; they all run the same code, so they may only take turns with long calls: the lock lets one work at a time"
_LONG_S = 60.0
_COMMANDS = (Wait.OUTPUT, Wait.STDERR, Wait.EXIT_STATUS, Wait.SFTP_REPLY)
"""What a healthy peer may take seconds for."""


def _are_equals(threads: Sequence[Activity]) -> bool:
    """Whether the threads all began in one function: workers that queue for one client come to no harm by waiting.

    Where each call is long, that is what they are there for; nobody else, such as a heartbeat, stands behind them.
    """
    holder = threads[0]
    if (holder.thread.in_call_s or 0) >= _LONG_S or (holder.wait in REMOTE and holder.wait not in _COMMANDS):
        return False
    if all(a.pool is not None for a in threads):
        return False  # an executor's workers are there to work at the same time: with this lock they do not
    roots = {(a.users[-1].site.file, a.users[-1].function) if a.users else None for a in threads}
    return len(roots) == 1 and None not in roots


def _how_long(facts: DumpFacts, turns: bool, long: bool) -> str:
    if not facts.repeated:
        return "; one dump cannot say for how long: take another one"
    if turns:
        return ", and did behind another call before" + ("" if long else "; each of them may be short")
    return "" if long else "; the two dumps may show two of many short calls, which `paramedic dump PID` tells apart"


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each holder of a lock that waits for its peer while others wait for the lock.

    Threads: as `DumpFacts`.
    """
    waiting: dict[int, list[Blocked]] = {}
    across: dict[int, bool] = {}  # many threads may wait for one
    for activity in facts.activities:
        for pair in facts.holders(activity):
            holder = pair.holds.activity
            key = id(pair.holds)
            if key not in across:
                across[key] = _is_across(facts, pair)
            if across[key] and holder is not activity and not facts.on_cycle(activity, certain=True):
                waiting.setdefault(id(holder), []).append(pair)
    for pairs in waiting.values():
        holder = pairs[0].holds.activity
        still = [p for p in pairs if not facts.moved(p.wants.activity)]
        turns = _let_go(facts, holder)
        if turns:
            # Another call than before, with the same waiters behind it. A program that shares a client behind one lock
            # for short calls looks like that too, when one thread gets the lock again and again (locks are not fair):
            # but then each short call wakes a waiter, in vain.
            still = [p for p in still if facts.never_woke(p.wants.activity) and _held_before(facts, p)]
        if not still:
            continue
        lock = still[0].holds.lock.text
        threads = [p.wants.activity for p in still]
        what = _across(facts, holder)
        how_sure = Confidence.ADVICE
        long = all(facts.slept_through(p.wants.activity) for p in pairs) if turns else facts.in_one_call(holder)
        equals = _are_equals([holder, *threads])
        if facts.repeated and long and not equals:
            certain = any(p.certain for p in still) and not turns
            how_sure = Confidence.OBSERVED if certain else Confidence.POSSIBLE
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=how_sure,
            message=(
                f"{holder.name} holds {lock} while it waits for {what}; {names(threads)} must wait for it"
                + (_CONVOY if long and equals else _how_long(facts, turns, long))
            ),
            steps=(
                holder.step(f"holds {lock} and waits for {what}", locks=(lock,)),
                *(step(group, f"waits for {lock}", site=group[0].site) for group in facts.groups(threads)),
            ),
            objects=(lock,),
            count=1,
        )
