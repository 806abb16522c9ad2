"""Seen in source: two forwards with different handlers on one transport."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.forward_handler_replaced import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Const, Function, Instance, Partial, Value, alternatives
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Transports on which a second handler takes the place of the first.

    Threads: pure.
    """
    latest: dict[int, Operation] = {}
    for request in (o for o in facts.having("global") if o.method == "request_port_forward"):
        before = latest.get(id(request.obj))
        if before is not None and _taken_back(facts, before, request):
            before = None
        if before is not None and _differ(_handler(before), _handler(request)) and facts.in_order(before, request):
            message = f"The second handler on {facts.name(request.obj)} replaces the first one, for all its tunnels"
            yield facts.finding(HAZARD, message, [facts.step(before), facts.step(request)], objects=[request.obj])
        elif _one_each_turn(facts, request) and not _taken_back(facts, request):
            message = (
                f"Each turn gives {facts.name(request.obj)} a handler of its own: the last one replaces the others"
            )
            yield facts.finding(HAZARD, message, [facts.step(request)], objects=[request.obj])
        latest[id(request.obj)] = request


def _taken_back(facts: SourceFacts, request: Operation, following: Operation | None = None) -> bool:
    """Whether a forward is cancelled before the next one, of a later line or of the next turn.

    A thread that cancels its own does not do so before another one that runs the same lines has asked for its.
    """
    if facts.in_several(request.context, request.obj):
        return False
    cancels = [o for o in facts.of(request.obj, "global") if o.method == "cancel_port_forward"]
    cancels = [o for o in cancels if facts.in_order(request, o) and not o.in_handler]
    if following is not None:
        return any(o.moment < following.moment for o in cancels)
    return any(request.loops == o.loops[: len(request.loops)] for o in cancels)


def _one_each_turn(facts: SourceFacts, request: Operation) -> bool:
    """Whether a loop forwards port after port of one transport, each with a handler that is made for that turn."""
    turns = set(request.loops) - set(request.obj.loops) - facts.world.retries
    turns = {turn for turn in turns if facts.world.loop_sizes.get(turn) != 1}
    handler = _handler(request)
    return handler is not None and any(_made_in(turns, option) for option in alternatives(handler))


def _made_in(turns: set[int], handler: Value) -> bool:
    if isinstance(handler, Partial):
        return bool(turns)
    if isinstance(handler, Instance):
        return bool(turns & set(handler.loops))
    if isinstance(handler, Function):
        owner = handler.bound
        return bool(turns & set(owner.loops if isinstance(owner, Instance) else handler.loops))
    return False


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
