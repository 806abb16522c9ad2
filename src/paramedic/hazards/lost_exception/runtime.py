"""A task's exception that nobody asks for."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.lost_exception import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Futures that ended with an exception and were never asked.

    Threads: pure.
    """
    story = Story(facts)
    lost = facts.futures.lost()
    if not lost or not (facts.states.orderly_end or facts.stopped):
        return
    kinds = sorted({entry.error.partition(":")[0].rpartition(".")[2] for entry in lost})
    told = "1 task" if len(lost) == 1 else f"{len(lost)} tasks"
    message = f"{told} ended with {', '.join(kinds)} and nobody asked for the result"
    steps = []
    for entry in lost[:3]:
        if entry.call is not None:
            steps.append(story.call(entry.call))
        ended = f"ended with {entry.error}, which nobody has asked for; the task was submitted here"
        step = story.step(entry.thread, entry.site, entry.t_ns, ended)
        if step.site is not None:
            steps.append(step)
    # whoever got the exception of one of them knows that something went wrong
    known = all(facts.futures.is_told(entry.site) for entry in lost)
    # … and who has stopped a recording may still ask
    confidence = (
        Confidence.ADVICE if known else Confidence.OBSERVED if facts.states.orderly_end else Confidence.POSSIBLE
    )
    yield story.finding(HAZARD, confidence, message, steps, [], len(lost))
