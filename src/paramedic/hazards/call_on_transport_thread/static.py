"""Seen in source: a call on a connection from that connection's own thread, or from a logging handler."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.call_on_transport_thread import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Callbacks that make requests of the connection that called them.

    Threads: pure.
    """
    done: set[int] = set()
    for operation in facts.operations:
        context = operation.context
        if id(context) in done:
            continue
        if context.is_callback and _asks(operation) and _same_connection(facts, operation):
            done.add(id(context))
            message = (
                f"{context.name} calls {operation.method}() on the connection that called it: the answer can only be "
                "read by the thread that now waits for it"
            )
            yield facts.finding(HAZARD, message, [facts.step(operation)], objects=[operation.obj])
        elif context.kind == "logging" and (_asks(operation) or operation.has("write")):
            done.add(id(context))
            message = (
                f"A logging handler calls {operation.method}() on an SSH connection: Paramiko logs from its own "
                "thread, which then waits for itself"
            )
            yield facts.finding(HAZARD, message, [facts.step(operation)], objects=[operation.obj])


def _asks(operation: Operation) -> bool:
    return any(operation.has(e) for e in ("open", "request", "global", "sftp", "auth")) and operation.has("waits")


def _same_connection(facts: SourceFacts, operation: Operation) -> bool:
    owner = operation.context.transport
    return owner is not None and facts.connection(owner).root is facts.connection(operation.obj).root
