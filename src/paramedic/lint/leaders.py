"""What one of several threads does: by its number, or whom a barrier has chosen.

``if barrier.wait() == 0:`` is so in one of the threads that have met there. What that one does never meets what the one
does whom a later wait chooses, provided that it does it before it comes to that: nobody gets past it alone.
``if number == 0:`` is so in one of the threads that ``for number in range(8)`` has started.

Threads: one thread; pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.lint.contexts import Context
from paramedic.lint.operations import Operation, exclusive
from paramedic.lint.ranks import Choice
from paramedic.lint.values import Collection, Const, Obj, number_of
from paramedic.lint.world import World


class Leaders:
    """Who is chosen to do what.

    Args:
        world: what was read.

    Threads: pure.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._waits: dict[tuple[int, int], list[int]] = {}
        for one in world.operations if world.chosen else ():
            if one.obj.kind == "barrier" and one.method == "wait":
                self._waits.setdefault((id(one.context), id(one.obj.root)), []).append(one.moment)

    def one_does(self, a: Operation, b: Operation, obj: Obj) -> bool:
        """Whether both are done by who is chosen, so that they are never done at once.

        Args:
            a: the one.
            b: the other.
            obj: what both use; a barrier of which there are more than of these chooses several.

        Threads: pure.
        """
        if not self._world.chosen or not a.path or not b.path:
            return False
        theirs = list(self._chosen(b))
        return bool(theirs) and any(
            self._by_turn(a, b, obj, one, other) or self._by_barrier(a, b, obj, one, other)
            for one in self._chosen(a)
            for other in theirs
        )

    def _chosen(self, operation: Operation) -> Iterator[Choice]:
        for step in operation.path:
            yield from self._world.chosen.get(step, ())

    @staticmethod
    def _by_turn(a: Operation, b: Operation, obj: Obj, one: Choice, other: Choice) -> bool:
        """Whether it is the thread of one turn of the loop that has started them."""
        if one != other or not isinstance(one[0], int) or a.context is not b.context:
            return False
        return a.context.turns() - set(obj.root.loops) == {one[0]}

    def _by_barrier(self, a: Operation, b: Operation, obj: Obj, one: Choice, other: Choice) -> bool:
        mine, theirs = one[0], other[0]
        if not isinstance(mine, Operation) or not isinstance(theirs, Operation):
            return False
        barrier = mine.obj.root
        if theirs.obj.root is not barrier or set(barrier.loops) - set(obj.root.loops):
            return False
        if any(meets_part(self._world, barrier, use.context, at_once=True) for use in (a, b)):
            return False
        if mine is theirs and one[1] == other[1]:
            return True
        if not self._is_latest(mine, a) or not self._is_latest(theirs, b):
            return False
        return one[1] == other[1] or a.context is b.context and mine is not theirs and not exclusive(mine, theirs)

    def _is_latest(self, wait: Operation, use: Operation) -> bool:
        """Whether a thread does something before it comes to the barrier again."""
        moments = self._waits.get((id(use.context), id(wait.obj.root)), ())
        return wait.context is use.context and not any(wait.moment < moment < use.moment for moment in moments)


def meets_part(world: World, barrier: Obj, context: Context, *, at_once: bool) -> bool:
    """Whether a barrier is known to let threads go on before all of these have come to it.

    Args:
        world: what was read.
        barrier: made with a number of threads.
        context: the threads that meet there.
        at_once: whether only those count that the pool which runs them runs at one time.

    Threads: pure.
    """
    given, named = barrier.root.parts.get("__args"), barrier.root.parts.get("__keywords")
    parties = given.items[0] if isinstance(given, Collection) and given.items else None
    if isinstance(named, Collection):
        parties = named.keyed.get("parties", parties)
    needed, threads = number_of(parties or Const(None)), 1
    for loop in context.turns() - set(barrier.root.loops):
        size = world.loop_sizes.get(loop)
        if size is None:
            return False
        threads *= size
    if at_once and context.width is not None:
        threads = min(threads, context.width)
    return needed is not None and needed < threads
