"""Seen in source: the known hosts read again for each of many clients."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.known_hosts_load import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Loads of host keys in loops and in threads of which there are several.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for load in (o for o in facts.having("hostkeys") if o.method.startswith("load")):
        place = (load.site.file, load.site.line)
        if place not in done and (load.context.turns() or load.loops):
            done.add(place)
            message = f"{load.method}() is repeated for each client: reading 1,000 hosts takes a third of a second"
            yield facts.finding(HAZARD, message, [facts.step(load)], confidence=Confidence.ADVICE, objects=[load.obj])
