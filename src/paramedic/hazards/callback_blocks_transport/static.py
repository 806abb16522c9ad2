"""Seen in source: a callback that Paramiko runs on its transport thread, and that waits."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.callback_blocks_transport import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.model.finding import Finding

_PATIENT = {"get_nowait", "put_nowait"}


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Handlers that wait: for a channel's data, a queue, an event, a prompt, another program.

    Threads: pure.
    """
    done: set[int] = set()
    for operation in facts.operations:
        if not operation.context.is_callback or id(operation.context) in done or not _waits(operation):
            continue
        done.add(id(operation.context))
        message = (
            f"{operation.context.name} waits in {facts.called(operation)}: Paramiko calls it on the thread that "
            "reads the connection, so the whole connection stands still"
        )
        yield facts.finding(HAZARD, message, [facts.step(operation)], objects=[operation.obj])


def _waits(operation: Operation) -> bool:
    if operation.method in _PATIENT or operation.has("open") or operation.has("global"):
        return False
    if operation.obj.kind in {"channel", "stdout", "stderr"}:
        return operation.has("read:stdout") or operation.has("read:stderr") or operation.has("status")
    return operation.has("blocks") or operation.has("sftp") or operation.has("dialogue")
