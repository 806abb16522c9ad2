"""Seen in source: global requests on one transport by several threads."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.global_request_race import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Requests of which a transport has room for one reply, made by several threads.

    Threads: pure.
    """
    requests = [o for o in facts.having("global") if not _without_reply(o)]
    for a, b, obj in facts.conflicts(requests):
        message = f"Several threads may make global requests on the same {facts.name(obj)}: it has room for one reply"
        yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[obj])


def _without_reply(request: Operation) -> bool:
    wait = request.argument(2, "wait") if request.method == "global_request" else None
    return isinstance(wait, Const) and wait.value is False
