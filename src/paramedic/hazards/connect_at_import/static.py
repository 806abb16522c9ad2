"""Seen in source: connections made while a module is imported."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.connect_at_import import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Connects, and threads that lead to them, that start from a module's body.

    Threads that an import starts and waits for hang as soon as one of them imports something of the same module:
    possible. A connect alone is advice, and nothing in a script, which nobody imports.

    Threads: pure.
    """
    for connect in facts.having("connect"):
        if not connect.at_import:
            continue
        threaded = connect.context.parent is not None and connect.context.joins and connect.context.kind != "process"
        imported = not facts.is_script(connect.at_import)
        if not imported and not threaded:
            continue
        late = any(o.context is connect.context for o in facts.having("imports"))
        strong = threaded and (late or imported)
        confidence = Confidence.POSSIBLE if strong else Confidence.ADVICE
        how = "Threads that an import starts and waits for" if threaded else "Importing the module"
        message = f"{how} make{'' if threaded else 's'} a connection: {_where(connect)}"
        yield facts.finding(HAZARD, message, [facts.step(connect)], confidence=confidence, objects=[connect.obj])
        return


def _where(connect: Operation) -> str:
    outer = connect.trail[-1] if connect.trail else connect.site
    return f"it starts at line {outer.line} of the module's body"
