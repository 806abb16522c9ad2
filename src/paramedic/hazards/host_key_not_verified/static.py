"""Seen in source: unknown host keys accepted."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.host_key_not_verified import HAZARD
from paramedic.lint.edits import replace_in_line
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Confidence, Finding

_POLICIES = {"autoadd": "AutoAddPolicy", "warnpolicy": "WarningPolicy"}


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Clients that take any key of a host that they do not know.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for call in (o for o in facts.operations if o.method == "set_missing_host_key_policy"):
        place = (call.site.file, call.site.line)
        policy = next((_POLICIES[k] for k in facts.kinds(call.args) if k in _POLICIES), None)
        if policy is not None and place not in done:
            done.add(place)
            message = f"{policy} accepts whatever key an unknown host shows: somebody in between is trusted too"
            yield facts.finding(
                HAZARD,
                message,
                [facts.step(call)],
                confidence=Confidence.ADVICE,
                objects=[call.obj],
                edits=replace_in_line(facts, call.site, policy, "RejectPolicy", safe=False),
            )
