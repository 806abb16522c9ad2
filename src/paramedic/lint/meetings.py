"""Which operations may meet: two threads, one object, nothing that orders them and no lock that keeps them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from paramedic.lint.chains import Chains
from paramedic.lint.contexts import Context, branch_from, common_ancestor, lifetimes_meet
from paramedic.lint.countdowns import Countdowns
from paramedic.lint.leaders import Leaders, meets_part
from paramedic.lint.operations import Operation, exclusive
from paramedic.lint.tokens import Tokens
from paramedic.lint.values import HAND_OVER, Obj, Unknown, number_of, objects_in
from paramedic.lint.world import World


class Meetings:
    """What a reading tells about the order of operations.

    Threads: pure.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._countdowns = Countdowns(world)
        self._leaders = Leaders(world)
        self._chains = Chains(world)
        self._tokens = Tokens(world)
        self._signals: dict[int, list[Operation]] = {}
        for operation in world.operations:
            if "wait-signal" in operation.effects or "give-signal" in operation.effects:
                for key in (id(operation.context), id(operation.obj.root)):
                    self._signals.setdefault(key, []).append(operation)

    def _signals_of(self, one: Context | Obj) -> list[Operation]:
        """The signals that a thread gives and awaits, or those of one event, queue, condition or barrier."""
        return self._signals.get(id(one), [])

    def _signals_around(self, use: Operation) -> list[Operation]:
        """The signals of a use's thread, and of the coroutine that has it make the use."""
        mine, strand = self._signals_of(use.context), use.context.strand
        return mine if strand is use.context else [*mine, *self._signals_of(strand)]

    def concurrent(self, a: Operation, b: Operation, obj: Obj) -> bool:
        """Whether the two may run at the same time in different threads, on that same object.

        Says yes only where the source shows two threads and nothing orders them: no join, no ``with`` of an executor,
        no event, queue or barrier between them.

        Threads: pure.
        """
        if _on_one_loop(a, b) or _on_one_loop(b, a) or self._in_turns(a, b):
            return False
        if self._tokens.part(a, b):
            return False
        if self._countdowns.last_does(a, b) or self._countdowns.last_does(b, a):
            return False
        if self._leaders.one_does(a, b, obj) or self._called_back(a, b, obj) or self._called_back(b, a, obj):
            return False
        if a.context is b.context:
            return self.in_several(a.context, obj) and not self._chains.part(a, b, obj)
        ancestor = common_ancestor(a.context, b.context)
        if ancestor is None:
            return False
        depth = len(ancestor.chain())
        kinds = {c.kind for one in (a, b) for c in one.context.chain()[:-depth]}
        if kinds & {"process", "signal", "atexit"} or a.context.watchdog or b.context.watchdog:
            return False  # a signal handler interrupts its thread: it does not run beside it
        if a.context is ancestor or b.context is ancestor:
            above, below = (a, b) if a.context is ancestor else (b, a)
            branch = branch_from(ancestor, below.context)
            return branch is not None and self._beside(above, below, branch, obj)
        first, second = branch_from(ancestor, a.context), branch_from(ancestor, b.context)
        if first is None or second is None or first is second:
            return first is second and self.in_several(first, obj) if first is not None else False
        (early, one), (late, two) = sorted(((first, a), (second, b)), key=lambda pair: pair[0].start)
        if one.context is early and self._chains.is_over(one, two, late):
            return False
        return lifetimes_meet(first, second) and first.episode == second.episode and not self._signalled(a, b)

    def _in_turns(self, a: Operation, b: Operation) -> bool:
        """Whether a barrier parts the rounds of both threads, or a condition is handed from one to the next."""
        mine = [o for o in self._signals_around(a) if o.obj.kind in {"barrier", "lock"} and _is_of(o, a)]
        if not mine:
            return False
        barriers = [o for o in mine if o.obj.kind == "barrier"]
        barriers = [o for o in barriers if not meets_part(self.world, o.obj.root, a.context, at_once=False)]
        if a.context is b.context and _phase(a, barriers) != _phase(b, barriers):
            return True
        rounds = {id(o.obj.root): o.obj.root for o in barriers if _same_loop(o, a)}
        if any(self._are_parted(a, b, root) for root in rounds.values()):
            return True
        if a.context is not b.context:
            return False
        first, last = min(a.moment, b.moment), max(a.moment, b.moment)
        gives = [o for o in mine if "give-signal" in o.effects]
        for wait in (o for o in mine if "wait-signal" in o.effects and o.moment < first):
            given = [o for o in gives if o.obj.root is wait.obj.root and o.moment > wait.moment]
            # A flag that says "busy" is set by whoever has found it free: two may find it so.
            if "__polled" in wait.obj.root.parts and any(o.moment < first for o in given):
                continue
            if any(o.moment > last for o in given):
                return True
        return False

    def _are_parted(self, a: Operation, b: Operation, barrier: Obj) -> bool:
        """Whether a barrier that both pass in each round of a loop stands between them.

        What only some of the threads do may be the part of one: ``if number == 0:``.
        """
        phases = []
        for one in (a, b):
            waits = [o for o in self._signals_of(one.context) if o.obj.root is barrier]
            waits = [o for o in waits if _same_loop(o, one)]
            if not waits:
                return False
            if set(one.path) - set(waits[0].path):
                return True
            phases.append((sum(o.moment < one.moment for o in waits) % len(waits), len(waits)))
        return phases[0] != phases[1]

    def _called_back(self, work: Operation, later: Operation, obj: Obj) -> bool:
        """Whether what is done later is a part of, or started by, what is called when the work is over."""
        calls = [c.done_of for c in later.context.chain() if c.done_of is not None]
        ended = [p.context for future in calls for p in self.world.started_by(future)]
        return any(one is work.context for one in ended) and not self.in_several(work.context, obj)

    def in_several(self, context: Context, obj: Obj) -> bool:
        """Whether several threads of this one context may have the object at once.

        Threads: pure.
        """
        if obj.owned or obj.uncertain:
            return False
        turns = context.turns()
        if obj.kind != "world":
            for one in context.chain():
                if one.kind == "process":
                    turns -= one.turns()  # what is in memory, each process has for itself
        return bool(turns - set(obj.loops))

    def after(self, first: Operation, second: Operation) -> bool:
        """Whether the second comes after the first: in the same thread, or in one that is started after it.

        Threads: pure.
        """
        if first.context is second.context:
            return first.moment < second.moment
        branch = branch_from(first.context, second.context)
        return branch is not None and branch.start > first.moment and branch.episode == first.episode

    def _beside(self, above: Operation, below: Operation, branch: Context, obj: Obj) -> bool:
        """Whether something that a thread does meets something that one it started does."""
        if branch.kind == "atexit":
            return False
        if above.episode != branch.episode:
            if above.episode in self.world.bodies or above.root in {"__init__", "__enter__"}:
                return False
            if self._programs_apart(above.episode, branch.episode):
                return False
            if any(where == branch.episode for _, _, where in branch.joins):
                return False
            return not any(where == above.episode and at <= above.moment for at, _, where in branch.joins)
        if below.context is branch and self._chains.is_done(below, above):
            return False
        if above.moment < branch.start:
            # Earlier in the text, but a later turn of the same loop comes after this turn's start.
            later = (loops for moment, loops in branch.chained if moment > above.moment)
            again = set(above.loops) & branch.turns().union(*later)
            again = again - set(obj.loops)
            return bool(again) and not obj.owned and not again <= self._chains.ended_in(below)
        if branch.ends_before(above.moment, above.episode):
            return False
        return not self._signalled(above, below)

    def _programs_apart(self, a: int, b: int) -> bool:
        """Whether two pieces of reading belong to two scripts, which never run in one process."""
        first, second = self.world.episode_root.get(a), self.world.episode_root.get(b)
        imported = self.world.index.imported
        return first != second and first not in imported and second not in imported

    def _signalled(self, a: Operation, b: Operation) -> bool:
        """Whether an event, queue or barrier puts the two in an order."""
        return self._one_way(a, b) or self._one_way(b, a)

    def _one_way(self, first: Operation, second: Operation) -> bool:
        given = {
            id(o.obj.root)
            for o in self._signals_around(first)
            if _is_of(o, first)
            and "give-signal" in o.effects
            and o.moment > first.moment
            and not self._comes_again(first, o, second)
        }
        if not given:
            return False
        return any(
            id(o.obj.root) in given and not self._given_before(first, o, second)
            for o in self._signals_around(second)
            if _is_of(o, second) and not _is_step(o, first) and "wait-signal" in o.effects and o.moment < second.moment
        )

    def _given_before(self, first: Operation, wait: Operation, second: Operation) -> bool:
        """Whether a wait may have had its signal from an earlier one than that which comes after the first."""
        root = wait.obj.root
        if root.kind not in {"event", "queue", "lock", "promise", "semaphore"} or "__polled" in root.parts:
            return False
        mine = self._signals_of(root)
        before = [
            o
            for o in mine
            if _is_of(o, first) and "give-signal" in o.effects and o.moment < first.moment
            if o.episode == first.episode and not exclusive(o, first)
        ]
        if root.kind in {"queue", "semaphore"} and not set(wait.loops) - set(wait.context.loops):
            taken = [o for o in mine if _is_of(o, second) and "wait-signal" in o.effects]
            return len(before) >= len([o for o in taken if o.moment < second.moment])
        return bool(before)

    def _comes_again(self, first: Operation, signal: Operation, second: Operation) -> bool:
        """Whether a loop gives the signal and then begins anew, with nothing that tells it that the other is done."""
        again = set(first.loops) & set(signal.loops) - set(first.context.loops) - self.world.once
        if not again:
            return False
        answers = {
            id(o.obj.root)
            for o in self._signals_around(second)
            if _is_of(o, second) and "give-signal" in o.effects and o.moment > second.moment
        }
        return not any(
            id(o.obj.root) in answers
            for o in self._signals_around(first)
            if _is_of(o, first) and "wait-signal" in o.effects and again & set(o.loops)
        )

    @staticmethod
    def common_locks(a: Operation, b: Operation) -> list[Obj]:
        """The locks that both hold, where holding them keeps the two apart.

        Threads: pure.
        """
        found = []
        for lock in a.locks:
            if not lets_one_in(lock):
                continue
            # Which of several locks a key gives nobody can say: two may be one.
            same = any(
                lock is other or (lock.root is other.root and (lock.uncertain or other.uncertain)) for other in b.locks
            )
            if same and (a.context is not b.context or not (a.context.turns() - set(lock.loops)) == set()):
                found.append(lock)
            elif same and not a.context.turns():
                found.append(lock)
        return found

    def conflicts(
        self,
        left: Iterable[Operation],
        right: Iterable[Operation] | None = None,
        *,
        key: Callable[[Operation], Obj | None] = lambda o: o.obj,
        locked: bool = False,
        unless: Callable[[Operation, Operation], bool] = lambda a, b: False,
    ) -> Iterator[tuple[Operation, Operation, Obj]]:
        """Pairs that may run at the same time on one object with no common lock; one pair for each object.

        Args:
            left: one side.
            right: the other side; the same as left where it is None.
            key: the object on which the two must agree; None leaves the operation out.
            locked: also pairs that a common lock keeps apart.
            unless: pairs that something else keeps apart.

        Threads: pure.
        """
        groups: dict[int, tuple[Obj, tuple[list[Operation], list[Operation]]]] = {}
        for side, operations in enumerate((left, right if right is not None else ())):
            for operation in operations:
                obj = key(operation)
                if obj is not None and not obj.uncertain:
                    groups.setdefault(id(obj), (obj, ([], [])))[1][side].append(operation)
        for obj, (lefts, rights) in groups.values():
            pair = self._first_pair(obj, lefts, rights if right is not None else lefts, locked, unless)
            if pair is not None:
                yield (*pair, obj)
        yield from self._given_away(groups, right is not None)

    def _given_away(
        self, groups: dict[int, tuple[Obj, tuple[list[Operation], list[Operation]]]], two_sides: bool
    ) -> Iterator[tuple[Operation, Operation, Obj]]:
        """Pairs of somebody who goes on with what it has put into a queue, and somebody who takes it from there."""
        taken = [(obj, sides) for obj, sides in groups.values() if _is_taken(obj)]
        for view, theirs in taken:
            for obj, mine in groups.values():
                if obj.root is not view.root or _is_taken(obj):
                    continue
                for giving, taking in ((0, 1), (1, 0)) if two_sides else ((0, 0),):
                    pair = next(
                        ((g, t) for g in mine[giving] for t in theirs[taking] if self._goes_on(g, t)),
                        None,
                    )
                    if pair is not None:
                        first, second = pair if giving <= taking else (pair[1], pair[0])
                        yield first, second, obj
                        break

    def _goes_on(self, giver: Operation, taker: Operation) -> bool:
        """Whether an operation comes after its thread has put the object into a queue, beside one of who takes it."""
        if giver.context is taker.context or self.common_locks(giver, taker):
            return False
        mine = [o for o in self._signals_of(giver.context) if o.episode == giver.episode]
        puts = [
            o
            for o in mine
            if "put" in o.effects
            and o.moment < giver.moment
            and not exclusive(o, giver)
            and _roots(giver.obj) & {id(one.root) for a in o.args for one in objects_in(a)}
        ]
        if not puts:
            return False
        put = puts[-1]
        if any("wait-signal" in o.effects and put.moment < o.moment < giver.moment for o in mine):
            return False  # somebody has told it to go on
        branch = branch_from(giver.context, taker.context)
        return branch is None or not branch.ends_before(giver.moment, giver.episode)

    def _first_pair(
        self,
        obj: Obj,
        lefts: list[Operation],
        rights: list[Operation],
        locked: bool,
        unless: Callable[[Operation, Operation], bool],
    ) -> tuple[Operation, Operation] | None:
        for a in lefts[:40]:
            for b in rights[:40]:
                if _still_private(a) or _still_private(b):
                    continue
                if self.concurrent(a, b, obj) and (locked or not self.common_locks(a, b)) and not unless(a, b):
                    return a, b
        return None


def _is_of(signal: Operation, use: Operation) -> bool:
    """Whether the thread of a use gives or awaits a signal; for what a coroutine has a thread do, the coroutine."""
    if signal.context is use.context or not use.context.inline:
        return signal.context is use.context
    return signal.context is use.context.strand and (use.context.steps is None or _is_step(signal, use))


def _is_step(signal: Operation, use: Operation) -> bool:
    """Whether a signal is one of the steps of the coroutine that has a thread make the use."""
    steps = use.context.steps
    return steps is not None and steps[0] <= signal.moment <= steps[1]


def lets_one_in(lock: Obj) -> bool:
    """Whether it is a lock, or a semaphore that is one.

    Threads: pure.
    """
    return lock.kind == "lock" or number_of(lock.root.parts.get("__count", Unknown())) == 1


def _on_one_loop(callback: Operation, other: Operation) -> bool:
    """Whether an event loop calls a function on the thread on which the other happens, too."""
    return callback.context.kind == "loop" and (other.on_loop or other.context.parent is None)


def _same_loop(a: Operation, b: Operation) -> bool:
    """Whether one loop of their thread is around both."""
    return bool(set(a.loops) & set(b.loops) - set(a.context.loops))


def _phase(use: Operation, waits: list[Operation]) -> list[int]:
    """The waits for barriers before a use, of those that all of its threads pass once, and pass together."""
    once = [o for o in waits if not o.path and o.loops == o.context.loops]
    return [o.moment for o in once if o.moment < use.moment and not set(o.obj.root.loops) - set(use.obj.root.loops)]


def _is_taken(obj: Obj) -> bool:
    return isinstance(obj.tag, tuple) and obj.tag[:1] == (HAND_OVER,)


def _roots(obj: Obj) -> set[int]:
    return {id(one.root) for one in obj.lineage()}


def _still_private(operation: Operation) -> bool:
    """Whether its thread has not yet put the object where others look."""
    root = operation.obj.root
    return operation.moment < root.published and operation.context is root.maker
