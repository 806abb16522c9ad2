"""Seen in source: one client that several threads connect, or connect while others use it."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_client_connect import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Clients whose ``connect()`` may run beside another ``connect()`` or use of the same object.

    Threads: pure.
    """
    connects = [o for o in facts.having("connect", "lazy-connect") if not o.has("made")]
    uses = [o for o in facts.having("open", "connect") if o.obj.kind == "client"]
    done: set[int] = set()
    for a, b, obj in [
        *facts.conflicts(connects),
        *facts.conflicts(connects, uses, unless=lambda a, b: _made_sure(facts, a, b)),
    ]:
        if id(obj) in done or (a.has("lazy-connect") and _open_already(facts, a)):
            continue
        done.add(id(obj))
        if a.has("lazy-connect"):
            message = f"Several threads use {facts.name(obj)} before it is open: each of them connects it"
        elif b.has("connect"):
            message = f"Several threads may call connect() on the same {facts.name(obj)} at once"
        else:
            message = f"{a.context.name} connects {facts.name(obj)} while {b.context.name} may be using it"
        yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[obj])


def _open_already(facts: SourceFacts, use: Operation) -> bool:
    """Whether something before the start of the threads has opened the connection."""
    return any(
        o.context in use.context.chain()[1:] and o.moment < use.context.start
        for o in facts.of(use.obj, "connect", "lazy-connect")
    )


def _made_sure(facts: SourceFacts, connect: Operation, use: Operation) -> bool:
    """Whether the lock of a check-and-connect was taken, and let go, before the use: who uses it has a connection."""
    return any(
        taken.context is use.context and taken.moment < use.moment
        for lock in connect.locks
        for taken in facts.of(lock, "acquire")
    )
