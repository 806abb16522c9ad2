"""Seen in source: a task that waits for other tasks of its own pool."""

from __future__ import annotations

from collections.abc import Iterable

from paramedic.hazards.pool_starvation import HAZARD
from paramedic.lint.facts import SourceFacts
from paramedic.model.finding import Finding


def find(facts: SourceFacts) -> Iterable[Finding]:
    """Submissions to the pool on which the submitting task itself runs, and that it waits for.

    Threads: pure.
    """
    done: set[int] = set()
    for submit in facts.having("submit"):
        pool = submit.obj
        runs_on = any(c.pool is not None and c.pool.root is pool.root for c in submit.context.chain())
        waits = [o for o in facts.having("result") if o.context is submit.context and o.moment > submit.moment]
        if runs_on and id(pool.root) not in done and waits:
            done.add(id(pool.root))
            message = f"A task of {facts.name(pool)} waits for tasks that stand behind it in the same pool"
            steps = [facts.step(submit), *(facts.step(o) for o in waits[:1])]
            yield facts.finding(HAZARD, message, steps, objects=[pool])
