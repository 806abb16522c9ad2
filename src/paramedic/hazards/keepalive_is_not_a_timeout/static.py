"""Seen in source: a keepalive, and reads of the same connection that nothing limits."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.keepalive_is_not_a_timeout import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Connections whose keepalive is the only guard against a dead peer.

    Threads: pure.
    """
    if facts.says("TCP_USER_TIMEOUT", "SO_KEEPALIVE"):
        return
    for keepalive in facts.having("keepalive"):
        for read in facts.having("read:stdout", "read:stderr"):
            channel = facts.channel(read.obj)
            same = facts.connection(read.obj).root is facts.connection(keepalive.obj).root
            if channel is not None and same and not facts.has_timeout(channel):
                message = f"The keepalive does not notice a dead peer, and {facts.called(read)} has no timeout"
                steps = [facts.step(read), facts.step(keepalive)]
                yield facts.finding(HAZARD, message, steps, confidence=Confidence.ADVICE, objects=[keepalive.obj])
                break
