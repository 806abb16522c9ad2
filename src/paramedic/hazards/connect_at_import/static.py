"""Seen in source: connections made while a module is imported."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.connect_at_import import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import alternatives
from paramedic.model.finding import Confidence, Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Connects, and threads that lead to them, that start from a module's body.

    Threads that an import starts and waits for hang as soon as one of them imports something of the same module:
    possible. A connect alone is advice, and nothing in a script, which nobody imports: that is a file that the rest of
    the tree does not import, and that does not look as if it were written for others.

    Threads: pure.
    """
    for connect in facts.having("connect"):
        if not connect.at_import:
            continue
        threaded = connect.context.parent is not None and connect.context.joins and connect.context.kind != "process"
        imported = not facts.is_script(connect.at_import)
        late = any(o.context is connect.context for o in facts.having("imports"))
        if not (imported or threaded or _is_for_others(facts, connect)):
            continue
        strong = threaded and (late or imported)
        confidence = Confidence.POSSIBLE if strong else Confidence.ADVICE
        how = "Threads that an import starts and waits for" if threaded else "Importing the module"
        message = f"{how} make{'' if threaded else 's'} a connection: {_where(connect)}"
        yield facts.finding(HAZARD, message, [facts.step(connect)], confidence=confidence, objects=[connect.obj])
        return


def _is_for_others(facts: SourceFacts, connect: Operation) -> bool:
    """Whether a module keeps its connection for functions that its own body never calls, or says when it is run."""
    module = next((m for path, m in facts.world.modules.items() if str(path) == connect.at_import), None)
    if module is None:
        return False
    kept = (o for values in module.scope.ever.values() for v in values for o in alternatives(v))
    if not any(getattr(one, "root", None) is connect.obj.root for one in kept):
        return False
    own = (f for f in facts.world.functions.get(id(module), ()) if f.scope is module.scope)
    return any(id(f.node) not in facts.world.called_by_module for f in own) or "__main__" in module.source.text


def _where(connect: Operation) -> str:
    outer = connect.trail[-1] if connect.trail else connect.site
    return f"it starts at line {outer.line} of the module's body"
