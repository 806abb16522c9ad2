"""Two threads rewrite one known_hosts file."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.known_hosts_race import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """The files that several threads rewrote, or several processes.

    Threads: pure.
    """
    story = Story(facts)
    for group in story.conflicts(HAZARD):
        yield story.sharing(HAZARD, group, f"{story.everyone(group)} rewrote the same known_hosts file")
    for own in facts.rewrites.own:
        for other, step in facts.rewrites.others:
            met = own.meets(other)
            if met or own.might_meet(other):
                how = "at once" if met else "while both connected, and nothing kept them apart"
                message = f"Processes {other.process} and {own.process} rewrote the same known_hosts file {how}"
                steps = [step.of_process(other.process), story.call(own.call).of_process(own.process)]
                confidence = Confidence.OBSERVED if met else Confidence.POSSIBLE
                yield story.finding(HAZARD, confidence, message, steps, [own.call.obj])
