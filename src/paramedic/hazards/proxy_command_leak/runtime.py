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
    closed = facts.states.proxies_closed
    if len(closed) < 3:
        return
    message = (
        f"{len(closed)} ProxyCommands were closed: each leaves three descriptors and, until it is waited for, a zombie"
    )
    yield story.finding(
        HAZARD, Confidence.ADVICE, message, [story.call(closed[0])], [c.obj for c in closed[:3]], len(closed)
    )
