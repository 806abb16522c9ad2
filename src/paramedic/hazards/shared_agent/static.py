"""Seen in source: a key of one agent connection that signs for several logins at once."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_agent import HAZARD
from paramedic.lint.facts import SourceFacts, values_in
from paramedic.lint.operations import Operation
from paramedic.lint.values import Obj
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Logins in several threads with keys of one Agent.

    Threads: pure.
    """
    logins = [o for o in facts.having("connect", "auth") if _agent(o) is not None]
    for a, b, agent in facts.conflicts(logins, key=_agent):
        message = f"One {facts.name(agent)} signs for logins of several threads at once"
        yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[agent])


def _agent(login: Operation) -> Obj | None:
    for value in [*login.args, *login.keywords.values()]:
        for one in values_in(value):
            if isinstance(one, Obj) and one.kind == "agentkey":
                return one.parent.root if one.parent is not None else None
    return None
