"""The one place that a program has for a thread: taken by who begins it, and given back by the thread itself.

``limit.acquire(); Thread(target=work).start()`` in each turn of a loop, and ``limit.release()`` at the end of ``work``:
with a lock, or a semaphore of one, the next thread begins only when the one before is done.

Threads: one thread; pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.lint.operations import Operation, exclusive
from paramedic.lint.values import Obj, Unknown, number_of
from paramedic.lint.world import World


class Places:
    """Who takes and gives the locks of a program, where that is not the same thread.

    Args:
        world: what was read.

    Threads: pure.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._takes: dict[int, list[Operation]] = {}
        self._gives: dict[int, list[Operation]] = {}
        for one in world.operations:
            if one.has("acquire") and not one.has("tried") and one.method == "acquire":
                self._takes.setdefault(id(one.context), []).append(one)
            elif one.has("release"):
                self._gives.setdefault(id(one.obj.root), []).append(one)

    def freed_in(self, use: Operation, above: Operation | None = None) -> frozenset[int]:
        """The loops each turn of which waits until the thread of the former one is done with a use.

        Args:
            use: of a thread that is begun in these loops.
            above: what its beginner does in the turn, if it is not the beginning that has to come later.

        Threads: pure.
        """
        found: set[int] = set()
        for take in self._taken(use):
            if above is None or take.moment < above.moment and set(take.path) <= set(above.path):
                found |= (set(take.loops) & set(use.context.loops)) - set(take.obj.root.loops)
        parent = use.context.parent
        return frozenset(found) - (parent.turns() if parent is not None else frozenset())

    def is_free(self, use: Operation, above: Operation) -> bool:
        """Whether who has begun the thread of a use has taken its place again before it does something.

        Threads: pure.
        """
        start = use.context.start
        roots = {id(take.obj.root) for take in self._taken(use)}
        return any(
            start < take.moment < above.moment and set(take.path) <= set(above.path) and id(take.obj.root) in roots
            for take in self._takes.get(id(use.context.parent), ())
            if take.episode == use.context.episode == above.episode
        )

    def _taken(self, use: Operation) -> Iterator[Operation]:
        """Where who begins the thread of a use takes the one place that this gives back after it."""
        context = use.context
        for take in self._takes.get(id(context.parent), ()) if context.loops else ():
            if not take.moment < context.start or take.episode != context.episode:
                continue
            if set(take.path) <= set(context.path) and set(context.loops) <= set(take.loops):
                if _is_one(take.obj.root) and self._is_given_back(take.obj.root, use):
                    yield take

    def _is_given_back(self, root: Obj, use: Operation) -> bool:
        gives = self._gives.get(id(root), [])
        return bool(gives) and all(
            self._is_after(give, use)
            and not give.has("several")
            and all(give is other or exclusive(give, other) for other in gives)
            for give in gives
        )

    def _is_after(self, give: Operation, use: Operation) -> bool:
        if give.context is use.context:
            return give.loops == use.context.loops and is_given_after(give, use)
        work = give.context.done_of  # in what is called when the work is over
        return work is not None and any(pending.context is use.context for pending in self._world.started_by(work))


def is_given_after(give: Operation, use: Operation) -> bool:
    """Whether a thread gives a signal, or lets something go, only when it is done with a use.

    Threads: pure.
    """
    if give.context is not use.context:
        return False
    if (set(give.loops) & set(use.loops)) - set(use.context.loops):
        return False  # it goes on to use it again
    return give.moment > use.moment or exclusive(give, use)


def _is_one(root: Obj) -> bool:
    """Whether it is a lock, or has one place."""
    return root.kind == "lock" or number_of(root.parts.get("__count", Unknown())) == 1
