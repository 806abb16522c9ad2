"""Seen in source: a ProxyCommand whose process nobody waits for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from paramedic.hazards.proxy_command_leak import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Confidence, Finding

_WAITED_FOR = re.compile(r"\.process\b(?!\.(returncode|pid|args|kill|terminate|send_signal|std(in|out|err))\b)")
"""The process in somebody's hands, who may wait for it; to look at it, or to send it a signal, is not enough."""


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Proxies in loops, threads or functions, where no code waits for a proxy's process.

    Threads: pure.
    """
    if any(_WAITED_FOR.search(module.source.text) for module in facts.world.modules.values()):
        return
    for proxy in facts.having("spawn-proxy"):
        many = bool(proxy.loops) or proxy.context.parent is not None
        message = "close() leaves the proxy's process and its three pipes: wait for proxy.process after it"
        confidence = Confidence.POSSIBLE if many else Confidence.ADVICE
        yield facts.finding(HAZARD, message, [facts.step(proxy, "starts the proxy")], confidence=confidence)
        return
