"""One agent connection signs for several logins at once."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.shared_agent import HAZARD
from paramedic.model.finding import Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Agents whose connection two transports used at the same time.

    Threads: pure.
    """
    story = Story(facts)
    for group in story.conflicts(HAZARD):
        yield story.sharing(HAZARD, group, f"{story.everyone(group)} had one agent connection sign")
