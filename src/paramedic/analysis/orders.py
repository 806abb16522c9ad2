"""Cycles in the order in which locks are taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from paramedic.analysis.locks import Edge

LONGEST = 4
"""Cycles of more locks than this are not looked for: none was ever reported for Paramiko, and the search is
exponential."""
_MOST_STEPS = 2_000_000
"""Of the search, a few seconds. Where hundreds of locks are taken in any order, the shorter cycles say it."""


def cycles(edges: dict[tuple[int, int], list[Edge]]) -> Iterator[tuple[Edge, ...]]:
    """Each set of edges that can close a deadlock, once.

    Args:
        edges: by (first, second).

    Threads: pure.
    """
    successors = _trimmed(edges)
    longest = _longest(successors)
    seen: set[frozenset[int]] = set()
    for start in sorted(successors):
        for path in _paths(start, successors, longest):
            nodes = frozenset(path)
            if nodes in seen:
                continue
            pairs = [(a, b) for a, b in zip(path, (*path[1:], path[0]), strict=True)]
            chosen = _choose([edges[p] for p in pairs])
            if chosen is not None:
                seen.add(nodes)
                yield chosen


def _trimmed(edges: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """The locks after each lock, without those that no cycle goes through: before them or after them there is nothing.

    Programs with thousands of locks take them in one order; nothing of that is left, and nothing need be searched.
    """
    pairs = list(edges)
    dead: set[int] = set()
    for pairs_on in (pairs, [(second, first) for first, second in pairs]):
        onward: dict[int, list[int]] = {}
        before: dict[int, int] = {}
        for first, second in pairs_on:
            onward.setdefault(first, []).append(second)
            before[second] = before.get(second, 0) + 1
        bare = [lock for lock in onward if lock not in before]
        while bare:  # nothing leads to it: so nothing leads through it
            lock = bare.pop()
            dead.add(lock)
            for other in onward.get(lock, ()):
                before[other] -= 1
                if not before[other]:
                    bare.append(other)
    successors: dict[int, list[int]] = {}
    for first, second in pairs:
        if first not in dead and second not in dead:
            successors.setdefault(first, []).append(second)
    return successors


def _longest(successors: dict[int, list[int]]) -> int:
    """How many locks the cycles may have that are looked for, so that the search ends in time."""
    steps = dict.fromkeys(successors, 1)  # from there on, along paths that may go round
    for length in range(1, LONGEST):
        steps = {lock: sum(steps[other] for other in onward) for lock, onward in successors.items()}
        if length >= 2 and sum(steps.values()) > _MOST_STEPS:
            return length
    return LONGEST


def _paths(start: int, successors: dict[int, list[int]], longest: int = LONGEST) -> Iterator[tuple[int, ...]]:
    """Simple cycles whose smallest node is ``start``."""
    stack: list[tuple[int, ...]] = [(start,)]
    while stack:
        path = stack.pop()
        for node in successors.get(path[-1], ()):
            if node == start and len(path) > 1:
                yield path
            elif node > start and node not in path and len(path) < longest:
                stack.append((*path, node))


def _choose(candidates: list[list[Edge]]) -> tuple[Edge, ...] | None:
    """One edge for each step such that they can all be under way at once."""

    def fits(edge: Edge, chosen: Iterable[Edge]) -> bool:
        return all(not (edge.gates & other.gates) and edge.meets(other) for other in chosen)

    def extend(chosen: tuple[Edge, ...], rest: list[list[Edge]]) -> tuple[Edge, ...] | None:
        if not rest:
            return chosen
        for edge in rest[0]:
            if fits(edge, chosen):
                whole = extend((*chosen, edge), rest[1:])
                if whole is not None:
                    return whole
        return None

    return extend((), candidates)
