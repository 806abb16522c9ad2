"""Seen in source: two forwards with different handlers on one transport."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.forward_handler_replaced import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const, Function, Value, alternatives
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Transports on which a second handler takes the place of the first.

    Threads: pure.
    """
    latest: dict[int, Operation] = {}
    for request in (o for o in facts.having("global") if o.method == "request_port_forward"):
        before = latest.get(id(request.obj))
        if before is not None and _differ(_handler(before), _handler(request)) and facts.in_order(before, request):
            message = f"The second handler on {facts.name(request.obj)} replaces the first one, for all its tunnels"
            yield facts.finding(HAZARD, message, [facts.step(before), facts.step(request)], objects=[request.obj])
        latest[id(request.obj)] = request


def _handler(request: Operation) -> Value | None:
    given = request.argument(2, "handler")
    return None if given is None or (isinstance(given, Const) and given.value is None) else given


def _differ(a: Value | None, b: Value | None) -> bool:
    found = []
    for value in (a, b):
        functions = [o for o in alternatives(value) if isinstance(o, Function)] if value is not None else []
        if len(functions) != 1:
            return False
        found.append(functions[0])
    one, other = found
    return one.node is not other.node or one.bound is not other.bound
