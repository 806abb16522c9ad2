"""Seen in source: a task that waits for other tasks of its own pool."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.pool_starvation import HAZARD
from paramedic.lint.contexts import Context, lifetimes_meet
from paramedic.lint.crowds import crowd_of
from paramedic.lint.facts import SourceFacts
from paramedic.lint.values import Obj
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Submissions to the pool on which the submitting task itself runs, and that it waits for.

    Threads: pure.
    """
    done: set[int] = set()
    for submit in facts.having("submit"):
        pool = submit.obj
        outer = [c for c in submit.context.chain() if c.pool is not None and c.pool.root is pool.root]
        waits = [o for o in facts.having("result") if o.context is submit.context and o.moment > submit.moment]
        if outer and id(pool.root) not in done and waits and not _leaves_one_free(facts, pool, outer):
            done.add(id(pool.root))
            message = f"A task of {facts.name(pool)} waits for tasks that stand behind it in the same pool"
            steps = [facts.step(submit), *(facts.step(o) for o in waits[:1])]
            yield facts.finding(HAZARD, message, steps, objects=[pool])


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
    workers = outer[0].width
    return count is not None and (count < workers if workers is not None else count == 1)
