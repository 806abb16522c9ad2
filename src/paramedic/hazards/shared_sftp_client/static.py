"""Seen in source: one SFTP client, or two files of it, that several threads use without a common lock."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_sftp_client import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Obj
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """SFTP clients that two threads may call at once.

    Threads: pure.
    """
    for a, b, obj in facts.conflicts(facts.having("sftp"), key=_client):
        same_file = a.obj is b.obj and a.obj.kind == "sftpfile"
        if not same_file:  # one file by two threads is shared-sftp-file
            message = f"Several threads may call the same {facts.name(obj)} at once, with no common lock"
            yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[obj])


def _client(operation: Operation) -> Obj | None:
    return next((o for o in operation.obj.lineage() if o.kind in {"sftp", "pysftp", "fabric"}), None)
