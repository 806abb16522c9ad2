"""Seen in source: a signal handler that calls Paramiko."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.signal_handler_reenters import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Handlers that may interrupt the very Paramiko call whose lock they then want.

    A handler that only closes is advice: it is how programs end, and the process mostly goes right after.

    Threads: pure.
    """
    done: set[int] = set()
    for operation in sorted(facts.operations, key=lambda o: o.effects == {"close"}):
        if operation.context.kind != "signal" or id(operation.context) in done or not operation.effects:
            continue
        effects = operation.effects & {"write", "open", "request", "read:stdout", "global", "sftp", "connect", "close"}
        if effects:
            done.add(id(operation.context))
            confidence = Confidence.ADVICE if "close" in effects else Confidence.POSSIBLE
            message = (
                f"The {operation.context.name} calls {facts.called(operation)}: it runs between two steps of whatever "
                "it interrupted, whose lock it may want"
            )
            yield facts.finding(
                HAZARD, message, [facts.step(operation)], confidence=confidence, objects=[operation.obj]
            )  # fmt: skip
