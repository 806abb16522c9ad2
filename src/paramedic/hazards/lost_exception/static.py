"""Seen in source: futures whose exceptions nobody asks for."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.lost_exception import HAZARD
from paramedic.lint.edits import consume_results
from paramedic.lint.facts import SourceFacts
from paramedic.lint.guards import is_told_on_its_way
from paramedic.lint.values import Const, Obj
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Work that was submitted, may fail in Paramiko, and whose future is thrown away.

    Threads: pure.
    """
    done: set[tuple[str, int]] = set()
    for pending in facts.submitted():
        future, context = pending
        results = future.parts.get("__results")
        watched = results if isinstance(results, Obj) else future
        if "__read" in watched.root.parts or "__read" in future.root.parts or facts.passed_on(watched):
            continue
        kept = watched.parts.get("__kept")
        if kept is not None and facts.collection_is_read(kept):
            continue
        discarded = watched.parts.get("__discarded")
        thrown = isinstance(discarded, Const) and bool(discarded.value)
        if not (thrown or facts.never_read(watched)):
            continue
        risky = facts.may_fail(future, context)
        place = (watched.site.file, watched.site.line)
        lost = [o for o in risky if not (o.guarded or is_told_on_its_way(facts, o))]
        if not lost or place in done:
            continue
        done.add(place)
        name = f"the task {future.label}".rstrip() if "__since" in future.parts else context.name
        message = f"Nobody asks for the result of {name}: an exception of {facts.called(lost[0])} is lost"
        steps = [facts.step_at(watched.site, "submits the work and drops its future"), facts.step(lost[0])]
        edits = consume_results(facts, watched.site) if isinstance(results, Obj) and thrown else ()
        yield facts.finding(HAZARD, message, steps, objects=[], edits=edits)
