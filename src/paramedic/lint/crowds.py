"""How many threads a context may be at once, and whether something bounds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramedic.lint.values import Unknown, number_of

if TYPE_CHECKING:
    from paramedic.lint.contexts import Context
    from paramedic.lint.facts import SourceFacts
    from paramedic.lint.operations import Operation


def crowd_of(facts: SourceFacts, context: Context) -> int | None:
    """How many threads of a context may run at once; None where the source does not tell.

    Threads: pure.
    """
    total = 1
    turns = context.turns()
    for one in context.chain():
        mine = [loop for loop in one.loops if loop in turns and (one.parent is None or loop not in one.parent.loops)]
        if not mine:
            continue
        items: int | None = 1
        for loop in mine:
            size = facts.world.loop_sizes.get(loop)
            items = None if items is None or size is None else items * size
        known = [n for n in (one.width, items) if n is not None]
        if not known:
            return None
        total *= min(known)
    return total


def bounded(operation: Operation, limit: int) -> bool:
    """Whether a semaphore around an operation lets few enough in.

    Threads: pure.
    """
    for lock in operation.locks:
        if lock.kind == "semaphore":
            count = number_of(lock.root.parts.get("__count", Unknown()))
            if count is None or count <= limit:
                return True
    return False
