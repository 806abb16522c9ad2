"""Cycles of waiting: the deadlocks of a dump."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paramedic.dump.activity import Activity
from paramedic.dump.locks import Blocked

MAX_STARTS = 300
"""So many waiting threads are taken as starts of a search; a deadlock of the rest is one of the same lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One thread waits for another.

    Attributes:
        waits: who waits.
        on: for whom.
        pair: the lock between them; None where it is an answer, an end or a result.
        certain: it is known to be so; else names only fit.
    """

    waits: Activity
    on: Activity
    pair: Blocked | None
    certain: bool

    def __str__(self) -> str:
        what = self.pair.wants.lock.text if self.pair else str(self.waits.wait)
        return f"{self.waits.name} waits for {what}" + (f", which {self.on.name} holds" if self.pair else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Threads that wait for each other in a ring.

    Attributes:
        edges: in order; the last one leads back to the first.

    Threads: immutable; any thread.
    """

    edges: tuple[Edge, ...]

    @property
    def threads(self) -> tuple[Activity, ...]:
        """Who is in it."""
        return tuple(e.waits for e in self.edges)

    @property
    def locks(self) -> tuple[str, ...]:
        """The locks in it, as the source names them."""
        return tuple(dict.fromkeys(e.pair.wants.lock.text for e in self.edges if e.pair))

    @property
    def certain(self) -> bool:
        """Whether every step of it is known."""
        return all(e.certain for e in self.edges)

    def __str__(self) -> str:
        if len(self.edges) == 1:
            return f"{self.edges[0].waits.name} waits for {self.locks[0]}, which it holds itself"
        parts = []
        for edge in self.edges:
            held = next((e.pair for e in self.edges if e.pair and e.on is edge.waits), None)
            holding = f"{edge.waits.name} holds {held.holds.lock.text} and waits for " if held else None
            target = edge.pair.wants.lock.text if edge.pair else f"{edge.waits.wait}, which {edge.on.name} must bring"
            parts.append((holding or f"{edge.waits.name} waits for ") + target)
        return "; ".join(parts)


Neighbours = Callable[[Activity], Iterable[tuple[Activity, Blocked | None, bool]]]


def cycles_through_locks(starts: Iterable[Activity], neighbours: Neighbours) -> tuple[Cycle, ...]:
    """The shortest cycle through each of these threads that leads over at least one lock, each cycle once.

    Args:
        starts: threads that wait for a lock.
        neighbours: whom a thread waits for.

    Threads: pure but for ``neighbours``.
    """
    found: dict[frozenset[int], Cycle] = {}
    in_a_cycle: set[int] = set()
    begins = list(starts)
    graph = _graph(begins, neighbours)
    certain = {key: [e for e in edges if e.certain] for key, edges in graph.items()}
    both = [(g, {id(e.on) for edges in g.values() for e in edges}) for g in (certain, graph)]
    searched = 0
    for start in begins:
        if searched >= MAX_STARTS:
            break
        if id(start) in in_a_cycle:
            continue
        # For whom nobody waits is on no cycle: most of many threads that want one lock.
        cycles = (_shortest(start, edges) for edges, targets in both if id(start) in targets)
        cycle = next((c for c in cycles if c is not None), None)
        searched += id(start) in both[1][1]
        if cycle is not None and cycle.locks:
            found.setdefault(frozenset(id(a) for a in cycle.threads), cycle)
            in_a_cycle |= {id(a) for a in cycle.threads}
    return tuple(found.values())


_Graph = dict[int, list[Edge]]
"""By the id of a thread, whom it waits for."""


def _graph(starts: Iterable[Activity], neighbours: Neighbours) -> _Graph:
    """Whom each thread waits for that is reached from these."""
    graph: _Graph = {}
    queue = deque(starts)
    while queue:
        activity = queue.popleft()
        if id(activity) in graph:
            continue
        graph[id(activity)] = edges = [
            Edge(waits=activity, on=on, pair=pair, certain=certain) for on, pair, certain in neighbours(activity)
        ]
        queue.extend(e.on for e in edges if id(e.on) not in graph)
    return graph


def _shortest(start: Activity, graph: _Graph) -> Cycle | None:
    """Breadth first from a thread back to itself."""
    came: dict[int, Edge] = {}
    queue = deque([start])
    while queue:
        for edge in graph[id(queue.popleft())]:
            if edge.on is start:
                return Cycle(edges=_path(edge, start, came))
            if id(edge.on) not in came:
                came[id(edge.on)] = edge
                queue.append(edge.on)
    return None


def _path(last: Edge, start: Activity, came: dict[int, Edge]) -> tuple[Edge, ...]:
    edges = [last]
    while edges[-1].waits is not start:
        edges.append(came[id(edges[-1].waits)])
    return tuple(reversed(edges))
