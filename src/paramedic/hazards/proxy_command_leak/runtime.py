"""Relays of closed proxy commands are left as zombies."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.hazards.proxy_command_leak import HAZARD
from paramedic.model.finding import Confidence, Finding


def find(facts: RunFacts) -> Iterator[Finding]:
    """Proxy commands that were closed and never waited for.

    Threads: pure.
    """
    story = Story(facts)
    closed = {c.obj: c for c in reversed(facts.states.proxies_closed)}
    left = [c for c in closed.values() if c.obj in facts.states.proxies_left]
    if len(closed) < 2 or not left:
        return
    message = (
        f"{len(closed)} ProxyCommands were closed, and at the end {len(left)} of their processes were still there, as "
        "zombies: nobody had waited for them. Each holds three descriptors as long as it is referred to"
    )
    first = left[-1]
    born = facts.world.thing(first.obj)
    steps = [story.step(born.thread, born.born, facts.first_ns, "started the ProxyCommand"), story.call(first)]
    yield story.finding(HAZARD, Confidence.OBSERVED, message, steps, [c.obj for c in left[:3]], len(left))
