"""Two uses of one stream of a channel."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import IN_ONE_TASK, Story
from paramedic.hazards.shared_channel import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """The channels of which two threads used one stream.

    Threads: pure.
    """
    story = Story(facts)
    told = set()
    seen = {torn.channel for torn in facts.dialogues.found() if torn.happened}
    for group in story.conflicts(HAZARD):
        if not group[0].overlapped and all(conflict.resource in seen for conflict in group):
            continue  # what did happen is the better story than what could have
        told |= {conflict.resource for conflict in group}
        stream = _STREAMS[group[0].rule.resource]
        name = facts.world.name(group[0].resource)
        yield story.sharing(HAZARD, group, f"{story.everyone(group)} used {stream} of {name}")
    places = set()
    for torn in sorted(facts.dialogues.found(), key=lambda torn: not torn.happened):
        place = frozenset((torn.asked.stack, torn.answered.stack, torn.intruder.stack))
        if torn.channel in told or place in places:
            continue
        places.add(place)
        first, second, each = story.two(torn.asked, torn.intruder)
        what = "came between" if torn.happened else "can come between, as no lock is held over the two,"
        message = (
            f"{first} asks and receives on {facts.world.name(torn.channel)}; what {second} sent {what} "
            f"its question and its answer, so answers can go to the wrong {each}"
        )
        steps = [story.call(torn.asked), story.intrusion(torn.intruder), story.call(torn.answered)]
        steps.sort(key=lambda step: step.at_s or 0.0)
        confidence = Confidence.OBSERVED if torn.happened else Confidence.POSSIBLE
        fix = IN_ONE_TASK if each == "task" else ""
        why = "channel.py Channel (5.1.0) is one stream of bytes each way: send() and recv() are two steps"
        yield story.finding(HAZARD, confidence, message, steps, [torn.channel], 1, why, fix)


_STREAMS = {
    "channel.out": "stdout",
    "channel.err": "stderr",
    "channel.in": "stdin",
    "channel.request": "the one reply slot for requests",
}
