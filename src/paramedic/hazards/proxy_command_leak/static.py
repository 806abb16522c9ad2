"""Seen in source: a ProxyCommand whose process nobody waits for."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.proxy_command_leak import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Proxies in loops, threads or functions, where no code waits for a proxy's process.

    Threads: pure.
    """
    if facts.says(".process"):
        return
    for proxy in facts.having("spawn-proxy"):
        many = bool(proxy.loops) or proxy.context.parent is not None
        message = "close() leaves the proxy's process and its three pipes: wait for proxy.process after it"
        confidence = Confidence.POSSIBLE if many else Confidence.ADVICE
        yield facts.finding(HAZARD, message, [facts.step(proxy, "starts the proxy")], confidence=confidence)
        return
