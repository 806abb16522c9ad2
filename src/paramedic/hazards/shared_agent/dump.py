"""Several logins use one agent connection at the same time."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.dump.facts import DumpFacts
from paramedic.dump.story import names, step
from paramedic.hazards.shared_agent import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: DumpFacts) -> Iterable[Finding]:
    """Yields a finding for each Agent that two threads are in a call on, where the dump has addresses.

    Threads: as `DumpFacts`.
    """
    for threads in facts.in_calls_on("Agent", "agent").values():
        if len(threads) > 1:
            yield Finding(
                hazard=HAZARD.name,
                code=HAZARD.code,
                confidence=Confidence.OBSERVED,
                message=(
                    f"One Agent is used by {names(threads)} at the same time: "
                    "requests and replies on its one socket are mixed"
                ),
                steps=tuple(step(group) for group in facts.groups(threads)),
            )
