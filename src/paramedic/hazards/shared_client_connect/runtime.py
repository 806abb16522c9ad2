"""Two connects of one client, or a connect beside its use."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.shared_client_connect import HAZARD
from paramedic.lint.looking import Looking
from paramedic.lint.redialling import Redialling
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """The clients that were connected by one thread while another connected or used them, or might have.

    Threads: pure.
    """
    story = Story(facts)
    told = set()
    for group in story.conflicts(HAZARD):
        everyone, client = story.everyone(group), group[0].resource
        told.add(client)
        hosts = {call.words for call in facts.states.connects if call.obj == client and call.words}
        name = facts.world.name(client, labelled=len(hosts) < 2)
        where = f", to {len(hosts)} different hosts," if len(hosts) > 1 else ""
        yield story.sharing(HAZARD, group, f"{everyone} used connect() of {name}{where}")
    yield from _by_luck(facts, story, told)


def _by_luck(facts: RunFacts, story: Story, told: set[int]) -> Iterator[Finding]:
    """Those that one thread connected, and another had only to use, as it asked a little later."""
    redialling, looking, places = Redialling(), Looking(), set()
    for redial in facts.redials.found():
        connect, use = (facts.world.stack(call.stack) for call in (redial.connect, redial.use))
        if redial.client in told or redial.connect.stack in places:
            continue
        if not redialling.may_be_either(connect, use, redial.had, bool(redial.connect.holds)):
            continue
        if looking.has_looked(use) and looking.may_have_waited(use, connect):
            continue
        places.add(redial.connect.stack)
        first, second = (facts.world.thread_name(call.thread) for call in (redial.connect, redial.use))
        doubt = story.doubt(redial.connect, redial.use)
        message = (
            f"{first} connected {facts.world.name(redial.client)}, and {second}, which asks whether it is "
            f"{'connected' if redial.had else 'there'} at the same place, did not wait for that: "
            f"{'both can connect it at once' if redial.had else 'it can find one that is not connected yet'}{doubt}"
        )
        steps = [story.call(redial.connect), story.call(redial.use)]
        confidence = Confidence.ADVICE if doubt else Confidence.POSSIBLE
        yield story.finding(HAZARD, confidence, message, steps, [redial.client])
