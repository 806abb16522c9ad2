"""A process uses a connection that it inherited by fork."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.forks import Sent
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.forked_connection import HAZARD
from paramedic.model.finding import Confidence, Finding, Step

_WORDS = {96: "EOF", 97: "CLOSE"}


def find(facts: RunFacts) -> Iterator[Finding]:
    """Connections of an ancestor's that a forked child used, or sent something over.

    Threads: pure.
    """
    told: set[int] = set()
    for obj, call in facts.forks.used.items():
        owner = facts.forks.owner(obj)
        transport = owner.transport_of(obj) if owner is not None else 0
        if (transport or obj) not in told:
            told.add(transport or obj)
            child = Story(facts).call(call, f"called {call.method}() on {_name(owner, obj)}")
            yield _finding(facts, owner, transport, obj, f"called {call.method}() on", child)
    for transport, sent in facts.forks.sent.items():
        if transport not in told:
            told.add(transport)
            owner = facts.forks.owner(transport)
            yield _finding(facts, owner, transport, transport, "sent a message over", _sent(facts, owner, sent))


def _finding(facts: RunFacts, owner: RunFacts | None, transport: int, obj: int, verb: str, child: Step) -> Finding:
    steps = [child.of_process(facts.process, "the child")]
    origin = "was forked with a live connection and"
    if owner is not None:
        origin = f"was forked from {owner.process} and"
        before = _connected(owner, transport)
        after = owner.forks.parents_use_after(transport, facts.first_ns)
        if before is not None:
            steps.insert(0, before.of_process(owner.process, "the parent"))
        if after is not None:
            steps.append(Story(owner).call(after).of_process(owner.process, "the parent"))
    steps.sort(key=lambda step: step.at_s or 0.0)
    message = (
        f"Process {facts.process} {origin} {verb} {_name(owner, transport or obj)}: only the process that connected "
        "may use it"
    )
    return Finding(
        hazard=HAZARD.name, code=HAZARD.code, confidence=Confidence.OBSERVED, message=message, steps=tuple(steps),
        objects=(_name(owner, transport or obj),), upstream=HAZARD.upstream, process=facts.process or None,
    )  # fmt: skip


def _connected(owner: RunFacts, transport: int) -> Step | None:
    """When and where the connection was made."""
    story = Story(owner)
    client = owner.client_of(transport)
    for call in owner.states.connects:
        if client and call.obj == client:
            return story.call(call)
    thing = owner.world.things.get(transport)
    if thing is None or not thing.born:
        return None
    return story.step(thing.thread, thing.born, owner.first_ns, f"made {owner.world.name(transport)}")


def _sent(facts: RunFacts, owner: RunFacts | None, sent: Sent) -> Step:
    story = Story(facts)
    words = f"sent {_WORDS.get(sent.message, 'a message')} with the sequence number that is its parent's"
    if sent.call is None:
        return story.step(sent.thread, 0, sent.t_ns, f"freed a channel, whose finalizer {words}")
    name = f" on {_name(owner, sent.call.obj)}" if owner is not None else ""
    return story.call(sent.call, f"called {sent.call.method}(){name}, which {words}")


def _name(owner: RunFacts | None, obj: int) -> str:
    if owner is None:
        return "it"
    client = owner.client_of(obj)
    return owner.world.name(client or obj)
