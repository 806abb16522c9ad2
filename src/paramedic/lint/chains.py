"""Turns of a loop whose threads come one after the other, by what they hand over.

Each turn may begin a thread and wait for its signal, or a thread may wait for the one that the former turn has begun.

The first hands over to the second, that one to the third: all are in an order, though a loop is read once and shows
only the threads of one turn. What the former turn has left, a future, a thread or an event, is over or set only after a
use; and the use of the next turn comes only after its wait for that.

Threads: one thread; pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from paramedic.lint.carried import Former, Wait, is_before
from paramedic.lint.contexts import Context
from paramedic.lint.operations import Operation, exclusive
from paramedic.lint.places import Places, is_given_after
from paramedic.lint.values import Obj
from paramedic.lint.world import World


class Chains:
    """Who hands over to whom from turn to turn.

    Args:
        world: what was read.

    Threads: pure.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._formers = [former for former in world.formers.values() if former.left and former.waits]
        self._gives: dict[int, list[Operation]] = {}
        self._waits: dict[int, list[Operation]] = {}
        self._cleared: dict[int, list[Operation]] = {}
        self._flags: dict[int, list[Operation]] = {}
        self._places = Places(world)
        for one in world.operations:
            if one.obj.kind == "flag":
                self._flags.setdefault(id(one.obj), []).append(one)
            if "give-signal" in one.effects:
                self._gives.setdefault(id(one.obj.root), []).append(one)
            if "wait-signal" in one.effects:
                self._waits.setdefault(id(one.context), []).append(one)
            if "take-back" in one.effects:
                self._cleared.setdefault(id(one.obj.root), []).append(one)

    def part(self, a: Operation, b: Operation, obj: Obj) -> bool:
        """Whether the uses that the threads of several turns make of an object come one after the other.

        Args:
            a: a use.
            b: the same one or another, by threads that the same expression starts.
            obj: what both use.

        Threads: pure.
        """
        if a.context is not b.context:
            return False
        turns = a.context.turns() - set(obj.loops)
        if turns <= self.ended_in(a) and turns <= self.ended_in(b):
            return True
        if turns <= self._places.freed_in(a) and turns <= self._places.freed_in(b):
            return True
        return any(turns <= former.covers and self._hands_over(former, a, b) for former in self._formers)

    def ended_in(self, use: Operation) -> frozenset[int]:
        """The loops each turn of which waits for what its thread gives after a use, before the next turn begins.

        Args:
            use: of a thread that is begun in these loops.

        Threads: pure.
        """
        context, parent = use.context, use.context.parent
        if parent is None or not context.loops:
            return frozenset()
        found: set[int] = set()
        for wait in self._ends(use):
            if set(wait.path) <= set(context.path):
                covered = self._anew(wait.obj.root, context)
                if self._is_one_for_one(wait, context):
                    covered |= set(wait.loops)
                found |= set(wait.loops) & covered & set(context.loops)
        return frozenset(found) - parent.turns()

    def is_done(self, use: Operation, above: Operation) -> bool:
        """Whether a thread is done with a use when who has begun it does something: it has given its place back.

        Args:
            use: of the thread.
            above: what the one who has begun it does.

        Threads: pure.
        """
        if above.moment > use.context.start:
            return self._places.is_free(use, above)
        again = set(above.loops) & use.context.turns()
        return bool(again) and again <= self._places.freed_in(use, above)

    def is_over(self, use: Operation, other: Operation, later: Context) -> bool:
        """Whether who begins a later thread has waited before for what a thread gives when it is done with a use.

        Args:
            use: of the first thread.
            other: of the later one, or of one that this has begun.
            later: the later thread; the same one begins both.

        Threads: pure.
        """
        context = use.context
        if not any(
            wait.moment < later.start and context.episode == later.episode and set(wait.path) <= set(later.path)
            for wait in self._ends(use)
        ):
            return False
        again = context.turns() - set(use.obj.loops)
        if not again <= self.ended_in(use):
            return False
        shared = again & later.turns()  # the next turn's first thread comes after this one's last
        return not shared or other.context is later and shared <= self.ended_in(other)

    def _ends(self, use: Operation) -> Iterator[Operation]:
        """The waits of who has begun a thread for what that gives only when it is done with a use."""
        context = use.context
        for wait in self._waits.get(id(context.parent), ()):
            root = wait.obj.root
            if root.kind not in _GIVEN_ONCE and wait.method != "wait_for":
                continue
            if wait.moment < context.start or wait.episode != context.episode or _may_give_up(wait):
                continue
            gives = self._gives.get(id(root), [])
            if gives and all(is_given_after(give, use) for give in gives):
                raised = [o for flag in self._flags_of(root) for o in flag if o.has("raised")]
                if all(is_given_after(flag, use) for flag in raised if flag.context is not context.parent):
                    yield wait

    def _flags_of(self, root: Obj) -> list[list[Operation]]:
        """For each flag that is asked by who waits for a condition, where it is set or taken back."""
        names = self._world.conditions.get(id(root), ()) if root.kind == "lock" else ()
        flags = [self._world.flags[name] for name in names if name in self._world.flags]
        return [self._flags.get(id(flag), []) for flag in flags]

    def _anew(self, root: Obj, context: Context) -> set[int]:
        """The loops in each turn of which a signal is made, or cleared by who begins the thread."""
        clears = [o for o in self._cleared.get(id(root), ()) if o.context is context.parent]
        lowered = [o for flag in self._flags_of(root) for o in flag if o.has("lowered")]
        clears += [o for o in lowered if o.context is context.parent and o.moment < context.start]
        clears = [o for o in clears if o.episode == context.episode and set(o.path) <= set(context.path)]
        return {*root.loops, *(loop for o in clears for loop in o.loops)}

    def _is_one_for_one(self, wait: Operation, context: Context) -> bool:
        """Whether a turn takes one of what each thread gives one: as many are done then as there were turns."""
        root = wait.obj.root
        if root.kind not in {"queue", "semaphore"} or not set(context.loops) <= set(wait.loops):
            return False
        gives = self._gives[id(root)]
        return all(
            give.loops == context.loops
            and not give.has("several")
            and all(give is other or exclusive(give, other) for other in gives)
            for give in gives
        )

    def _hands_over(self, former: Former, a: Operation, b: Operation) -> bool:
        waits = [wait for wait in former.waits if _comes_before(wait, a) and _comes_before(wait, b)]
        return any(
            all(self._is_after(left, use, wait, ()) for left in former.left for use in (a, b)) for wait in waits[:4]
        )

    def _is_after(self, left: Obj, use: Operation, wait: Wait, seen: tuple[Obj, ...]) -> bool:
        """Whether something is given, or over, only after a use and after the wait before that."""
        if left.kind in {"future", "thread"}:
            begun = [pending.context for pending in self._world.started_by(left)]
            return bool(begun) and all(context is use.context for context in begun)
        gives = self._gives.get(id(left), [])
        if not gives:  # by somebody who is not seen, or by nobody
            return id(left) not in self._world.formers and left.kind in {"event", "promise"}
        return all(self._gives_after(give, use, wait, (*seen, left)) for give in gives)

    def _gives_after(self, give: Operation, use: Operation, wait: Wait, seen: tuple[Obj, ...]) -> bool:
        if give.context is use.context:  # a run that gives it elsewhere has nothing to use
            return give.moment > use.moment or exclusive(give, use) and give.moment > wait.moment
        if give.context.done_of is not None and self._is_after(give.context.done_of, use, wait, seen):
            return True
        return any(
            one.moment < give.moment
            and set(one.path) <= set(give.path)
            and not any(one.obj.root is known for known in seen)
            and bool(self._gives.get(id(one.obj.root)))
            and self._is_after(one.obj.root, use, wait, seen)
            for one in self._waits.get(id(give.context), ())
        )


_GIVEN_ONCE = frozenset(("event", "promise", "queue", "semaphore"))


def _may_give_up(wait: Operation) -> bool:
    """Whether the turn may go on though nothing was given: at a limit, where nothing says so or nobody listens."""
    call = wait.call
    predicates = int(wait.method == "wait_for")
    limited = call is not None and (len(call.args) > predicates or bool(call.keywords))
    if wait.obj.root.kind in {"event", "lock"}:
        return limited and not wait.has("sure")
    return wait.method == "get_nowait" or wait.guarded and (limited or wait.method == "await")


def _comes_before(wait: Wait, use: Operation) -> bool:
    if wait.context is not use.context:
        return wait.context is use.context.parent and is_before(wait, use.context)
    return wait.moment < use.moment and set(wait.loops) <= set(use.loops) and wait.path <= set(use.path)
