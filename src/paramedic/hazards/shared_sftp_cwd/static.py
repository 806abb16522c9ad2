"""Seen in source: chdir() on an SFTP client that several threads reach."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_sftp_cwd import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """SFTP clients whose working directory one thread changes while another may use it.

    Threads: pure.
    """
    uses = [o for o in facts.having("sftp", "cwd") if o.obj.kind in {"sftp", "pysftp"}]
    for a, b, obj in facts.conflicts(facts.having("cwd"), uses):
        message = f"{a.method}() changes the directory of {facts.name(obj)} for every thread that uses it"
        yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[obj])
    for a, b, obj in facts.conflicts(facts.having("cwd"), facts.having("cwd"), locked=True):
        if facts.common_locks(a, b) and _lock_let_go(a, uses):
            message = f"The lock is let go between {a.method}() and the call that relies on it, on {facts.name(obj)}"
            yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[obj])


def _lock_let_go(change: Operation, uses: list[Operation]) -> bool:
    """Whether the call that follows holds the lock anew."""
    for use in uses:
        if use.obj is change.obj and use.context is change.context and use.moment > change.moment:
            return use.holds != change.holds
    return False
