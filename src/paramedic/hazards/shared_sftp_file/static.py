"""Seen in source: one SFTP file that several threads use, or whose lock is let go between seek() and read()."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.shared_sftp_file import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Files of which two threads move the position.

    Threads: pure.
    """
    operations = [o for o in facts.having("file", "seek") if o.obj.kind == "sftpfile"]
    done: set[int] = set()
    for a, b, file in facts.conflicts(operations):
        done.add(id(file))
        message = f"Two threads may use the same {facts.name(file)}: they share its position"
        yield facts.finding(HAZARD, message, facts.steps_of(a, b), objects=[file])
    seeks = [o for o in operations if o.has("seek") and o.method == "seek"]
    reads = [o for o in operations if not o.has("seek")]
    for seek, other, file in facts.conflicts(seeks, locked=True):
        after = _next_step(seek, reads)
        if id(file) not in done and other is not None and after is not None:
            done.add(id(file))
            message = f"The lock is let go between seek() and {facts.called(after)} on {facts.name(file)}"
            yield facts.finding(HAZARD, message, [facts.step(seek), facts.step(after)], objects=[file])


def _next_step(seek: Operation, reads: list[Operation]) -> Operation | None:
    """The read or write that the seek was for, where another hold of the lock is around it."""
    for read in reads:
        if read.obj is seek.obj and read.context is seek.context and read.moment > seek.moment:
            return read if seek.locks and read.holds != seek.holds else None
    return None
