"""Threads wait for a lock of the user's whose holder waits for the network."""

from __future__ import annotations

from collections.abc import Iterable

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
        if p.holds.activity.wait in REMOTE and p.holds.activity is not a
    )


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each holder of a lock that waits for its peer while others wait for the lock.

    Threads: as `DumpFacts`.
    """
    waiting: dict[int, list[Blocked]] = {}
    for activity in facts.activities:
        for pair in facts.holders(activity):
            holder = pair.holds.activity
            if holder is not activity and holder.wait in REMOTE and not facts.on_cycle(activity):
                waiting.setdefault(facts.activities.index(holder), []).append(pair)
    for index, pairs in waiting.items():
        holder = facts.activities[index]
        still = [p for p in pairs if not facts.moved(p.wants.activity)]
        if facts.moved(holder):
            # Another holder than before, with the same waiters behind it: held across I/O by one after the other.
            still = [p for p in still if facts.never_woke(p.wants.activity) and _held_before(facts, p)]
        if not still:
            continue
        lock = still[0].holds.lock.text
        threads = [p.wants.activity for p in still]
        how_sure = Confidence.ADVICE
        if facts.repeated:
            how_sure = Confidence.OBSERVED if any(p.certain for p in still) else Confidence.POSSIBLE
        yield Finding(
            hazard=HAZARD.name,
            code=HAZARD.code,
            confidence=how_sure,
            message=(
                f"{holder.name} holds {lock} while it waits for {holder.wait}; {names(threads)} must wait for it"
                + ("" if facts.repeated else "; one dump cannot say for how long: take another one")
            ),
            steps=(
                holder.step(f"holds {lock} and waits for {holder.wait}", locks=(lock,)),
                *(step(group, f"waits for {lock}", site=group[0].site) for group in facts.groups(threads)),
            ),
            objects=(lock,),
            count=1,
        )
