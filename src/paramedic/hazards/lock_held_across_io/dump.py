"""Threads wait for a lock of the user's whose holder waits for the network."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.activity import Activity
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
    return f"a call of {holder.remote_library}'s" if facts.transports and holder.remote_library else ""


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
            if holder is not activity and _across(facts, holder) and not facts.on_cycle(activity):
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
