"""Seen in source: many commands one after another on a connection with Nagle's algorithm on."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.nagle_stall import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Loops of small commands on one client, in a program that never sets TCP_NODELAY.

    Threads: pure.
    """
    if facts.says("TCP_NODELAY"):
        return
    done: set[int] = set()
    for start in facts.having("open"):
        owner = facts.connection(start.obj)
        inner = [loop for loop in start.loops if loop not in owner.loops and loop not in start.context.loops]
        if start.method == "exec_command" and inner and id(owner.root) not in done:
            done.add(id(owner.root))
            message = "Commands one after another on one connection: without TCP_NODELAY each waits some 40 ms"
            yield facts.finding(HAZARD, message, [facts.step(start)], confidence=Confidence.ADVICE, objects=[owner])
