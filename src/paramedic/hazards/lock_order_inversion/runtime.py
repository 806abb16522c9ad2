"""Locks, or a lock and a transport's thread, are taken in opposite orders."""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.analysis.locks import Edge
from paramedic.analysis.run import RunFacts
from paramedic.analysis.story import Story
from paramedic.analysis.waits import Deadlock
from paramedic.hazards.lock_order_inversion import HAZARD
from paramedic.model.finding import Confidence, Finding, Step

_WHY = (
    "Each thread holds what the next one waits for. A call that waits for the peer while a lock is held makes the "
    "window for it seconds wide"
)
"""… where no transport thread takes part."""


def find(facts: RunFacts) -> Iterator[Finding]:
    """Circles in the order of locks: those that closed, and those that another order of the same threads closes.

    Threads: pure.
    """
    story = Story(facts)
    told: set[frozenset[int]] = set()
    for circle in facts.deadlocks():
        steps: list[Step] = []
        nodes: set[int] = set()
        parts: list[str] = []
        for link in circle.links:
            name = facts.world.thread_name(link.thread)
            if link.wait is not None and link.hold is not None:
                steps += [
                    story.hold(link.hold),
                    story.wait(link.wait, (circle.ended_ns or facts.end_ns) - link.since_ns),
                ]
                nodes.add(link.wait.lock)
                lock, holder = facts.world.name(link.wait.lock), facts.world.thread_name(link.target)
                parts.append(f"{name} waits for {lock}, which {holder} holds")
            elif link.call is not None:
                steps.append(story.call(link.call))
                nodes.add(-facts.transport_of(link.call.obj))
                parts.append(f"{name} waits in {link.call.method}() for {facts.world.thread_name(link.target)}")
        if any(node > 0 for node in nodes):
            told.add(frozenset(nodes))
            steps.sort(key=lambda step: step.at_s or 0.0)
            objects = [node for node in nodes if node > 0]
            yield story.finding(
                HAZARD, Confidence.OBSERVED, f"{_kind(circle)}: {'; '.join(parts)}", steps, objects,
                why=_WHY if len(objects) == len(nodes) else "",
            )  # fmt: skip
    places: dict[frozenset[tuple[int, int]], list[tuple[Edge, ...]]] = {}
    for edges in facts.lock_cycles():
        if frozenset(edge.first for edge in edges) not in told:
            places.setdefault(frozenset((e.first_stack, e.second_stack) for e in edges), []).append(edges)
    for group in places.values():
        edges = max(group, key=lambda edges: max(edge.second_ns for edge in edges))
        steps, parts = [], []
        for edge in edges:
            thread, first, second = edge.thread, _name(facts, edge.first), _name(facts, edge.second)
            if edge.first > 0:
                steps.append(story.step(thread, edge.first_stack, edge.first_ns, f"took {first}"))
            then = "then took" if edge.first > 0 else "took in a callback"
            asked = f"called {edge.call.method}(), which waits for {second}" if edge.call else f"{then} {second}"
            steps.append(
                story.step(thread, edge.second_stack, edge.second_ns, asked, [edge.first] if edge.first > 0 else ())
            )
            name = facts.world.thread_name(thread)
            name = f"another task of {name}" if any(part.startswith(f"{name} ") for part in parts) else name
            if edge.first < 0:
                parts.append(f"{name} takes {second} in a callback")
            elif edge.call:
                parts.append(f"{name} takes {first}, then waits in {edge.call.method}() for that thread")
            else:
                parts.append(f"{name} takes {first}, then {second}")
        objects = [edge.first for edge in edges if edge.first > 0]
        yield story.finding(
            HAZARD, Confidence.POSSIBLE, f"Opposite orders: {'; '.join(parts)}", steps, objects, len(group),
            why=_WHY if len(objects) == len(edges) else "",
        )  # fmt: skip


def _kind(circle: Deadlock) -> str:
    """A deadlock; of waits that have a limit it is said that they do."""
    limit = max(circle.limits_ms, default=-1)
    if limit < 0 or len(circle.limits_ms) < len(circle.links) and not circle.ended_ns:
        return "Deadlock"
    in_rounds = any(link.wait is not None and link.wait.rounds > 1 for link in circle.links)
    return (
        f"Deadlock, in rounds of {limit / 1000:g} s"
        if in_rounds
        else f"Deadlock until the timeout of {limit / 1000:g} s"
    )


def _name(facts: RunFacts, node: int) -> str:
    return facts.world.name(node) if node > 0 else f"the thread of {facts.world.name(-node)}"
