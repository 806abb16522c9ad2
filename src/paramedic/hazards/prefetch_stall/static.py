"""Seen in source: prefetch() without a limit on a file that is not read to its end."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.prefetch_stall import HAZARD
from paramedic.lint.edits import add_argument
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Obj, Unknown, alternatives
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Files of which everything was asked for and not everything is taken.

    Threads: pure.
    """
    for prefetch in facts.having("prefetch"):
        if _asks_for_a_part(prefetch) or "max_concurrent_requests" in prefetch.keywords:
            continue
        uses = [o for o in facts.of(prefetch.obj, "file") if o.moment > prefetch.moment]
        if any(_to_the_end(o, prefetch.obj) for o in uses) or facts.passed_on(prefetch.obj):
            continue
        client = next((o for o in prefetch.obj.lineage() if o.kind == "sftp"), None)
        later = [o for o in facts.below(client, "sftp") if o.moment > prefetch.moment] if client else []
        other = next((o for o in later if o.obj is not prefetch.obj or o.method in {"close", "stat"}), None)
        if other is not None or uses:
            message = f"prefetch() asks for all of {facts.name(prefetch.obj)}, which is not read to its end"
            steps = [facts.step(prefetch), *([facts.step(other)] if other is not None else [])]
            # Older than Paramiko 3.3 it does not know the argument, and source does not tell which one runs.
            edits = add_argument(facts, prefetch, "max_concurrent_requests=64")
            yield facts.finding(HAZARD, message, steps, objects=[prefetch.obj], edits=edits)


def _asks_for_a_part(prefetch: Operation) -> bool:
    """Whether it is told how much to ask for, and that is not the size that the server says the file has."""
    size = prefetch.argument(0, "file_size")
    return size is not None and not any(isinstance(o, Unknown) and o.name == "st_size" for o in alternatives(size))


def _to_the_end(use: Operation, file: Obj) -> bool:
    looped = any(loop not in file.loops for loop in use.loops)
    return use.has("whole") or looped or (use.method in {"read", "readlines"} and not use.args and not use.keywords)
