"""A client connects in one thread while another connects or uses it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from paramedic.dump.activity import Activity
from paramedic.dump.facts import DumpFacts
from paramedic.dump.place import Owner
from paramedic.dump.story import names, step
from paramedic.hazards.shared_client_connect import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each SSHClient on which ``connect`` runs beside another call.

    Threads: as `DumpFacts`.
    """
    for threads in facts.in_calls_on("SSHClient", "client").values():
        if len(threads) > 1 and any(_connects(a) for a in threads):
            yield _finding(facts, list(threads), Confidence.OBSERVED)
    by_name: dict[object, list[Activity]] = defaultdict(list)
    for activity in facts.others:
        if _connects(activity) and activity.address_of("SSHClient") is None:
            if facts.shares_receiver(activity, "connect") is Owner.SHARED:
                by_name[activity.site].append(activity)
    for group in by_name.values():
        if len(group) > 1:
            yield _finding(facts, group, Confidence.POSSIBLE)


def _connects(activity: Activity) -> bool:
    return activity.find("client", "connect") is not None


def _finding(facts: DumpFacts, threads: list[Activity], confidence: Confidence) -> Finding:
    return Finding(
        hazard=HAZARD.name,
        code=HAZARD.code,
        confidence=confidence,
        message=(
            f"SSHClient.connect() runs on one client beside other calls, in {names(threads)}: each connect replaces "
            "client._transport, and commands can run on the wrong host"
        ),
        steps=tuple(step(group) for group in facts.groups(threads)),
    )
