"""Threads wait for a lock of the user's whose holder waits for the network."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.calls import Call, Layer
from paramedic.dump.facts import DumpFacts
from paramedic.dump.locks import Blocked
from paramedic.dump.story import names, step
from paramedic.dump.waits import REMOTE
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
    """Whether the holder went on between the dumps; one that polls is in the same call all the same."""
    if holder.wait in REMOTE:
        return facts.moved(holder)
    return facts.same_call(holder) is False


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each holder of a lock that waits for its peer while others wait for the lock.

    Threads: as `DumpFacts`.
    """
    waiting: dict[int, list[Blocked]] = {}
    for activity in facts.activities:
        for pair in facts.holders(activity):
            holder = pair.holds.activity
            if holder is not activity and _is_across(facts, pair) and not facts.on_cycle(activity, certain=True):
                waiting.setdefault(facts.activities.index(holder), []).append(pair)
    for index, pairs in waiting.items():
        holder = facts.activities[index]
        still = [p for p in pairs if not facts.moved(p.wants.activity)]
        if _let_go(facts, holder):
            # Another holder than before, with the same waiters behind it: held across I/O by one after the other.
            still = [p for p in still if facts.never_woke(p.wants.activity) and _held_before(facts, p)]
        if not still:
            continue
        lock = still[0].holds.lock.text
        threads = [p.wants.activity for p in still]
        what = _across(facts, holder)
        how_sure = Confidence.ADVICE
        if facts.repeated:
            how_sure = Confidence.OBSERVED if any(p.certain for p in still) else Confidence.POSSIBLE
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=how_sure,
            message=(
                f"{holder.name} holds {lock} while it waits for {what}; {names(threads)} must wait for it"
                + ("" if facts.repeated else "; one dump cannot say for how long: take another one")
            ),
            steps=(
                holder.step(f"holds {lock} and waits for {what}", locks=(lock,)),
                *(step(group, f"waits for {lock}", site=group[0].site) for group in facts.groups(threads)),
            ),
            objects=(lock,),
            count=1,
        )
