"""Host keys are accepted whatever they are."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.host_key_not_verified import HAZARD
from paramedic.lint.unseen_keys import UnseenKeys
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Policies that accept unknown host keys, and logins that look at none.

    Threads: pure.
    """
    story = Story(facts)
    for call in facts.states.policies.values():
        policy, _, accepts = facts.world.text(call.words).partition(" ")
        if accepts or policy in ("AutoAddPolicy", "WarningPolicy", "MissingHostKeyPolicy"):
            message = f"{policy} accepts whatever key the server shows: nobody would notice somebody in the middle"
            yield story.finding(HAZARD, Confidence.ADVICE, message, [story.call(call)], [call.obj])
    for call in facts.states.unverified.values():
        message = (
            "Transport.connect() without hostkey= logs in to whoever answers: the server's key is compared with nothing"
        )
        yield story.finding(HAZARD, Confidence.ADVICE, message, [story.call(call)], [call.obj])
    source = UnseenKeys()
    for call in facts.states.bare_logins.values():
        if call.obj in facts.states.safe or not source.nobody_looks(facts.world.stack(call.stack), call.method):
            continue
        message = f"{call.method}() logs in to whoever answers: nobody has looked at the server's key"
        yield story.finding(HAZARD, Confidence.ADVICE, message, [story.call(call)], [call.obj])
