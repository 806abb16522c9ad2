"""Words for groups of threads: "47 threads like this one" instead of 47 stories."""

from __future__ import annotations

from collections.abc import Sequence

from paramedic.dump.activity import Activity
from paramedic.model.finding import Site, Step

_NAMED = 3


def names(group: Sequence[Activity]) -> str:
    """The threads of a group for a sentence: one name, up to three names, or how many.

    Threads: pure.
    """
    every = [a.name for a in group]
    if len(every) <= _NAMED:
        return " and ".join(filter(None, [", ".join(every[:-1]), every[-1]])) if every else "no thread"
    return f"{len(every)} threads ({', '.join(every[:_NAMED])} …)"


def verb(group: Sequence[Activity], one: str, several: str) -> str:
    """The verb in the number of the group.

    Threads: pure.
    """
    return one if len(group) == 1 else several


def step(group: Sequence[Activity], what: str = "", *, site: Site | None = None) -> Step:
    """The first thread's step, which says how many more are like it.

    Threads: pure.
    """
    first = group[0].step(what, site=site)
    more = len(group) - 1
    if not more:
        return first
    like = f"{first.what} ({more} more thread{'s' * (more > 1)} like this one)"
    return Step(thread=first.thread, what=like, site=first.site, stack=first.stack, locks=first.locks)
