"""Seen in source: a task that waits for other tasks of its own pool."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from paramedic.hazards.pool_starvation import HAZARD
from paramedic.lint.contexts import Context, lifetimes_meet
from paramedic.lint.crowds import crowd_of
from paramedic.lint.facts import SourceFacts
from paramedic.lint.operations import Operation
from paramedic.lint.values import Obj, Unknown, number_of
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Submissions to the pool on which the submitting task itself runs, and that it waits for.

    Threads: pure.
    """
    done: set[int] = set()
    for submit in facts.having("submit"):
        pool = submit.obj
        outer = [c for c in submit.context.chain() if _pool_of(facts, c) is pool.root]
        waits = [
            o
            for o in facts.having("result")
            if o.context is submit.context and o.moment > submit.moment and o.obj.root is not o.context.done_of
        ]
        free = not _is_recursive(submit) and _leaves_one_free(facts, pool, outer) if outer else True
        if id(pool.root) not in done and waits and not free:
            done.add(id(pool.root))
            message = f"A task of {facts.name(pool)} waits for tasks that stand behind it in the same pool"
            steps = [facts.step(submit), *(facts.step(o) for o in waits[:1])]
            yield facts.finding(HAZARD, message, steps, objects=[pool])


def _pool_of(facts: SourceFacts, context: Context) -> Obj | None:
    """The pool whose worker it is, or calls it when a task of its has ended."""
    if context.done_of is not None:
        work = next((c for future, c in facts.submitted() if future.root is context.done_of), context)
        return work.pool.root if work.pool is not None else None
    return context.pool.root if context.pool is not None else None


def _is_recursive(submit: Operation) -> bool:
    """Whether a task hands itself to the pool, as a walk over a tree does: there are as many as the tree is deep."""
    given = submit.call.args[0] if submit.call is not None and submit.call.args else None
    name = given.attr if isinstance(given, ast.Attribute) else given.id if isinstance(given, ast.Name) else ""
    return bool(name) and name == (submit.site.function or "").rpartition(".")[2]


def _leaves_one_free(facts: SourceFacts, pool: Obj, outer: list[Context]) -> bool:
    """Whether so few tasks wait at once that a worker is left for those they wait for."""
    if len(outer) > 1:
        return False  # a task of a task of a task
    others = [
        c
        for c in facts.contexts
        if c is not outer[0] and c.pool is not None and c.pool.root is pool.root and c.parent is outer[0].parent
    ]
    if any(lifetimes_meet(outer[0], c) and any(o.context is c for o in facts.having("submit")) for c in others):
        return False
    count = crowd_of(facts, outer[0])
    workers = number_of(pool.root.parts.get("__width", Unknown()))
    return count is not None and (count < workers if workers is not None else count == 1)
