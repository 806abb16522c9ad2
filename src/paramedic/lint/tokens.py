"""Semaphores that hand one token round: who has it goes on, and gives it to the next.

Two semaphores, one made with 1 and one with 0, of which each thread takes its own and lets the other go, let one
thread at a time through as a lock does, though no two calls hold the same.

Threads: one thread.
"""

from __future__ import annotations

from paramedic.lint.operations import Operation, exclusive
from paramedic.lint.values import Obj, Unknown, number_of
from paramedic.lint.world import World


class Tokens:
    """The semaphores of a program, and who takes and gives them.

    Threads: pure.
    """

    def __init__(self, world: World) -> None:
        self._steps: dict[tuple[int, int], list[Operation]] = {}
        self._of: dict[int, list[list[Operation]]] = {}
        for operation in world.operations:
            if operation.obj.kind == "semaphore" and operation.effects & {"acquire", "release"}:
                self._steps.setdefault(_reading(operation), []).append(operation)
        for steps in self._steps.values():
            for root in {id(o.obj.root) for o in steps}:
                self._of.setdefault(root, []).append(steps)

    def part(self, a: Operation, b: Operation) -> bool:
        """Whether only who has the one token makes either of two calls."""
        starts = [lock.root for lock in a.locks if lock.kind == "semaphore"]
        return any(self._are_in(self._ring(root), a, b) for root in starts)

    def _ring(self, root: Obj) -> dict[int, Obj]:
        """The semaphores that are handed on for each other, by ``id()``."""
        ring, left = {}, [root]
        while left:
            one = left.pop()
            if id(one) not in ring:
                ring[id(one)] = one
                left += [o.obj.root for steps in self._of.get(id(one), []) for o in steps]
        return ring

    def _are_in(self, ring: dict[int, Obj], a: Operation, b: Operation) -> bool:
        tokens = 0.0
        for root in ring.values():
            count = number_of(root.parts.get("__count", Unknown()))
            if count is None:
                return False
            tokens += count
        threads = {id(steps): steps for root in ring for steps in self._of[root]}
        for steps in threads.values():
            made = _makes(steps)
            if made is None:
                return False
            tokens += made
        return tokens <= 1 and all(self._has_one(use, ring) for use in (a, b))

    def _has_one(self, use: Operation, ring: dict[int, Obj]) -> bool:
        before = [o for o in self._steps.get(_reading(use), []) if o.moment < use.moment and not exclusive(o, use)]
        if not before or id(before[-1].obj.root) not in ring:
            return False
        taken = before[-1]
        return taken.has("acquire") and set(taken.path) <= set(use.path) and set(taken.loops) <= set(use.loops)


def _reading(operation: Operation) -> tuple[int, int]:
    """Its thread, in one reading: what a class does when it is read alone is done with other semaphores."""
    return id(operation.context), operation.episode


def _makes(steps: list[Operation]) -> int | None:
    """How many tokens a thread gives that it has not taken; None if that cannot be said."""
    made, last = 0, None
    for step in steps:
        if step.has("tried") or step.obj.uncertain:
            return None
        if step.has("several"):
            return None
        if step.has("acquire"):
            if last is not None and last.has("acquire") and not exclusive(last, step):
                return None
        elif last is None and step.loops == step.context.loops and not step.context.turns():
            made += 1
            continue
        elif last is None or last.has("release") and not exclusive(last, step):
            return None
        elif last.has("acquire") and (last.loops != step.loops or not set(last.path) <= set(step.path)):
            return None
        last = step
    return made
