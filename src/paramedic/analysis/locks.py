"""Locks: who held which for how long and over what, who waited, and in which order they were taken.

The order is a graph whose nodes are locks and, as pseudo-locks, transports: a thread that waits for the peer with a
lock held has taken "lock, then transport"; a callback that takes a lock on the transport's thread has taken
"transport, then lock". A cycle of edges by different threads, with no common gate lock and no deliberate hand-over
between them, is a deadlock that another order of the same threads runs into (Goodlock, Havelund 2000; lockdep).

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Epoch, Known, ThreadClock

TRIED = 2
"""``a`` of a GOT event: the lock was only tried, or with a timeout."""
LASTING_NS = 2_000_000_000
"""A wait with a limit that has lasted so long, in one piece or in rounds, is a wait like others."""
_CONTENDED_NS = 100_000_000
"""Who waits for a shorter time has not been kept from anything."""
_ROUND_NS = 1_000_000_000
"""Who asks again for the same lock at the same line within this time goes on waiting: it has looked at a flag."""
_KEPT_EDGES = 6
_MOST_PAIRS = 100_000
_KEPT_FREE = 2_000


LOOKS = ("Channel.exit_status_ready", "Channel.recv_ready")
"""Calls that say whether there is something, and do not wait for it."""


@dataclass(slots=True)
class Hold:
    """One time that one thread had one lock.

    Attributes:
        lock: id.
        thread: number of the holder.
        stack: where it was taken.
        began_ns: when.
        epoch: the same moment; what its thread hands over from then on may come with the duty to let it go.
        ended_ns: when it was let go; 0 while it is held.
        remote_ns: how much of it was spent in calls that wait for the peer.
        longest: the longest of those calls; of looks in vain at a channel, which are one wait, the first.
        longest_ns: how long it took.
        look: the first of the looks in vain that follow one another, and since when nothing else was waited for.
    """

    lock: int
    thread: int
    stack: int
    began_ns: int
    epoch: Epoch = (0, 0)
    ended_ns: int = 0
    remote_ns: int = 0
    longest: Call | None = None
    longest_ns: int = 0
    look: tuple[Call, int] | None = None


@dataclass(slots=True)
class Wait:
    """A thread waits for a lock.

    Attributes:
        lock: id.
        thread: number of the waiter.
        stack: where.
        began_ns: since when.
        timeout_ms: -1 for none; of one round.
        rounds: how many times it has asked, each with that limit.
    """

    lock: int
    thread: int
    stack: int
    began_ns: int
    timeout_ms: int = -1
    rounds: int = 1

    def lasts(self, t_ns: int) -> bool:
        """Whether at this moment it is no mere try: without a limit, or long."""
        return is_endless(self.timeout_ms) or t_ns - self.began_ns >= LASTING_NS


@dataclass(frozen=True, slots=True)
class Dissolved:
    """A circle of waits that a timeout has ended.

    Attributes:
        waits: what each thread waited for, and who held that.
        ended_ns: when the first one gave up.
    """

    waits: tuple[tuple[Wait, Hold], ...]
    ended_ns: int


@dataclass(slots=True)
class OwnWait:
    """A thread waits, with no limit, for a lock that it holds itself.

    Attributes:
        wait: the first such wait.
        hold: its own.
        ended_ns: when an exception ended it; 0 if nothing did.
    """

    wait: Wait
    hold: Hold
    ended_ns: int = 0


@dataclass(slots=True)
class Contention:
    """A hold over remote calls, and those who waited for it.

    Attributes:
        hold: the hold.
        waits: for each waiter: the wait and how long it lasted, in ns.
        count: how many holds from the same place made others wait like this.
    """

    hold: Hold
    waits: list[tuple[Wait, int]] = field(default_factory=list)
    count: int = 1

    @property
    def longest_wait_ns(self) -> int:
        """The longest of the waits."""
        return max((ns for _, ns in self.waits), default=0)


@dataclass(slots=True)
class Turns:
    """All holds from one place over remote calls that made others wait.

    Attributes:
        holds: how many they were.
        waited_ns: how long others waited for them, together.
        latest: the latest of them.
    """

    holds: int = 0
    waited_ns: int = 0
    latest: Hold | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """``second`` was taken, or waited for, while ``first`` was held.

    Attributes:
        first: lock id; negative: the transport of that id.
        second: the same.
        thread: who did it.
        first_stack: where the first was taken.
        second_stack: where the second was taken.
        gates: the other locks that were held.
        epoch: the moment at which the second was asked for.
        known: what the thread knew of others then, by deliberate hand-overs.
        first_ns: when the first was taken.
        second_ns: when the second was asked for.
        call: the remote call, where ``second`` is a transport.
        task: the executor's task, if others may run at the same time; else 0.
        own_known: see `paramedic.analysis.clocks.ThreadClock`.
    """

    first: int
    second: int
    thread: int
    first_stack: int
    second_stack: int
    gates: frozenset[int]
    epoch: Epoch
    known: Known
    first_ns: int
    second_ns: int
    call: Call | None = None
    task: int = 0
    own_known: int = 0

    def meets(self, other: Edge) -> bool:
        """Whether another order of the same threads and tasks has both under way at once."""
        if self.thread == other.thread:
            earlier, later = (self, other) if self.epoch[1] < other.epoch[1] else (other, self)
            return 0 < earlier.task != later.task > 0 and later.own_known < earlier.epoch[1]
        return not self.before(other) and not other.before(self)

    def before(self, other: Edge) -> bool:
        """Whether this was over, by a deliberate hand-over, when the other began."""
        return other.known.has(self.epoch)


class Locks:
    """All locks of a recording."""

    def __init__(self) -> None:
        self.held: dict[int, list[Hold]] = {}
        self.waiting: dict[int, Wait] = {}
        self.edges: dict[tuple[int, int], list[Edge]] = {}
        self.dissolved: dict[frozenset[int], Dissolved] = {}
        """By the locks of the circle, the first one of these locks."""
        self.own: dict[int, OwnWait] = {}
        """By thread."""
        self.handed: set[int] = set()
        """Locks that another thread than their holder has let go: these are signals."""
        self._interrupted: list[Wait] = []  # waits of the main thread under which a signal handler runs
        # by thread: what it waited for last, when it gave up, and what it held then, which it may have let go since
        self._insistent: set[int] = set()  # lines that asked again at once, with all that was held: these are no tries
        self._given_up: dict[int, tuple[Wait, int, list[tuple[int, int]]]] = {}
        self._holder: dict[int, Hold] = {}
        # by lock, the hold that ended last; of locks that were let go lately, and of those before them
        self._last: dict[int, Hold] = {}
        self._older: dict[int, Hold] = {}
        self._new_condition = (0, 0)  # who has just made one, and where: it makes its lock next
        self._of_conditions: dict[int, dict[int, Hold]] = {}
        self._contentions: dict[int, Contention] = {}
        self._worst: dict[tuple[int, int], Contention] = {}
        self.turns: dict[int, Turns] = {}
        """By the stack that takes the lock."""

    def holder(self, lock: int) -> Hold | None:
        """Who has it now."""
        return self._holder.get(lock)

    def last_holds(self, lock: int) -> dict[int, Hold]:
        """By thread, the last time that it had the lock of a condition; empty for other locks."""
        return self._of_conditions.get(lock, {})

    def last_hold(self, lock: int) -> Hold | None:
        """The hold of it that ended last."""
        return self._last.get(lock) or self._older.get(lock)

    def made(self, obj: int, kind: str, thread: int, stack: int, given: int = 0) -> None:
        """An object comes to be; a condition may be given the lock of that id, which another one may have, too."""
        if kind == "Condition":
            self._new_condition = (thread, stack) if not given else (0, 0)
            if given and given not in self._of_conditions and len(self._of_conditions) < _KEPT_FREE:
                last = self.last_hold(given)
                self._of_conditions[given] = {last.thread: last} if last is not None else {}
        elif kind in ("Lock", "RLock") and self._new_condition == (thread, stack):
            self._new_condition = (0, 0)
            if len(self._of_conditions) < _KEPT_FREE:
                self._of_conditions[obj] = {}

    def wait(
        self, thread: int, lock: int, stack: int, t_ns: int, timeout_ms: int, clock: ThreadClock, transport: int
    ) -> None:
        """A thread is about to block."""
        wait = Wait(lock, thread, stack, t_ns, timeout_ms)
        if thread == 1 and thread in self.waiting:
            self._interrupted.append(self.waiting[thread])
        self.waiting[thread] = wait
        hold = self._holder.get(lock)
        if hold is not None and hold.thread == thread and timeout_ms < 0 and thread not in self.own:
            self.own[thread] = OwnWait(wait, hold)
        if timeout_ms >= 0 and thread in self._given_up:
            earlier, ended_ns, held = self._given_up.pop(thread)
            same = (earlier.lock, earlier.stack, held) == (lock, stack, self._holds(thread))
            if same and t_ns - ended_ns < _ROUND_NS:
                wait.began_ns, wait.rounds = earlier.began_ns, earlier.rounds + 1
                self._insistent.add(stack)
        if wait.lasts(t_ns) or stack in self._insistent:
            self._order(thread, lock, stack, t_ns, clock, transport)

    def got(
        self, thread: int, lock: int, stack: int, t_ns: int, tried: bool, clock: ThreadClock, transport: int
    ) -> None:
        """A thread has it."""
        wait = self.waiting.get(thread)
        if wait is not None and wait.lock == lock:
            self._waits_no_more(thread)
            own = self.own.get(thread)
            if own is not None and own.wait.lock == lock:
                del self.own[thread]  # somebody has let it go
        elif not tried:
            self._order(thread, lock, stack, t_ns, clock, transport)
        hold = Hold(lock, thread, stack, t_ns, clock.now)
        self.held.setdefault(thread, []).append(hold)
        self._holder[lock] = hold

    def thread_ended(self, thread: int) -> None:
        """A thread has ended; what it still holds stays held."""
        self._given_up.pop(thread, None)
        if not self.held.get(thread, True):
            del self.held[thread]

    def gave_up(self, thread: int, t_ns: int) -> None:
        """A thread waits no longer."""
        wait = self.waiting.get(thread)
        if wait is None:
            return
        if wait.timeout_ms >= 0:
            self._given_up[thread] = wait, t_ns, self._holds(thread)
            if wait.lasts(t_ns):
                self._dissolve(wait, t_ns)
        own = self.own.get(thread)
        if own is not None and own.wait is wait:
            own.ended_ns = t_ns
        self._waits_no_more(thread)
        self._waited(wait, self._holder.get(wait.lock), t_ns)

    def _waits_no_more(self, thread: int) -> None:
        del self.waiting[thread]
        if thread == 1 and self._interrupted:
            self.waiting[thread] = self._interrupted.pop()

    def _holds(self, thread: int) -> list[tuple[int, int]]:
        return [(hold.lock, hold.began_ns) for hold in self.held.get(thread, ())]

    def _dissolve(self, wait: Wait, t_ns: int) -> None:
        """Keep the circle in which a thread that gives up has waited, if there was one."""
        path: list[tuple[Wait, Hold]] = []
        link: Wait | None = wait
        while link is not None and link.lasts(t_ns):
            hold = self._holder.get(link.lock)
            if hold is None or hold.thread == link.thread or any(hold.thread == w.thread for w, _ in path[1:]):
                return
            path.append((link, hold))
            if hold.thread == wait.thread:
                self.dissolved.setdefault(frozenset(w.lock for w, _ in path), Dissolved(tuple(path), t_ns))
                return
            link = self.waiting.get(hold.thread)

    def free(self, thread: int, lock: int, t_ns: int) -> None:
        """The lock is let go, by its holder or, as a plain Lock allows, by another thread."""
        hold = self._holder.pop(lock, None)
        if hold is None:
            return
        hold.ended_ns = t_ns
        if hold.thread != thread:
            self.handed.add(lock)
        holds = self.held.get(hold.thread)
        if holds is not None and hold in holds:
            holds.remove(hold)
        self._last[lock] = hold
        if lock in self._of_conditions:
            self._of_conditions[lock][hold.thread] = hold
        if len(self._last) > _KEPT_FREE:
            self._older, self._last = self._last, {}
        if hold.longest is not None and t_ns - hold.began_ns >= _CONTENDED_NS:
            for wait in self.waiting.values():  # whoever gets it next: the others have waited for this hold, too
                if wait.lock == lock:
                    self._waited(wait, hold, t_ns)

    def is_signal(self, lock: int, t_ns: int) -> None:
        """What was taken for a lock is none: another thread lets it go, or nobody had it."""
        hold = self._holder.get(lock)
        if hold is not None:
            self.free(hold.thread, lock, t_ns)
        self.handed.add(lock)
        for pair in [pair for pair in self.edges if lock in pair]:
            del self.edges[pair]

    def remote(self, call: Call, transport: int, clock: ThreadClock) -> None:
        """A call that waits for the peer begins."""
        holds = self.held.get(call.thread)
        if holds and transport:
            for hold in holds:
                self._edge(hold, -transport, call.stack, call.began_ns, clock, holds, call)

    def remote_ended(self, call: Call, t_ns: int) -> None:
        """… and ends."""
        holds = self.held.get(call.thread)
        if holds:
            for hold in holds:
                spent = t_ns - max(call.began_ns, hold.began_ns)
                hold.remote_ns += spent
                if hold.look is not None and call.name not in LOOKS:
                    hold.look = None
                if spent > hold.longest_ns:
                    hold.longest, hold.longest_ns = call, spent

    def looked(self, call: Call, in_vain: bool) -> None:
        """A call says that there is nothing yet, or is: looking again and again is a wait for the peer, too."""
        holds, t_ns = self.held.get(call.thread), call.ended_ns
        for hold in holds or ():
            first, since_ns = hold.look or (call, t_ns)
            hold.remote_ns += t_ns - since_ns
            if t_ns - first.ended_ns > hold.longest_ns:
                hold.longest, hold.longest_ns = first, t_ns - first.ended_ns
            hold.look = (first, t_ns) if in_vain else None

    def finish(self, t_ns: int, open_calls: list[Call]) -> None:
        """The recording ends: what is still held or waited for counts until now."""
        for call in open_calls:
            if call.obj:
                self.remote_ended(call, t_ns)
        for wait in self.waiting.values():
            self._waited(wait, self._holder.get(wait.lock), t_ns)

    def contentions(self) -> list[Contention]:
        """The worst contention of each place where a lock is taken."""
        return list(self._worst.values())

    def _waited(self, wait: Wait, hold: Hold | None, t_ns: int) -> None:
        if hold is None or hold.thread == wait.thread:
            return
        lasted = t_ns - max(wait.began_ns, hold.began_ns)
        if lasted < _CONTENDED_NS or hold.remote_ns * 2 < lasted and not hold.longest:
            return
        contention = self._contentions.get(id(hold))
        if contention is None:
            contention = Contention(hold)
            self._contentions = {id(hold): contention}  # one at a time is enough: holds of a lock follow one another
        turns = self.turns.setdefault(hold.stack, Turns())
        turns.holds += turns.latest is not hold
        turns.waited_ns += lasted if wait.rounds == 1 else 0
        turns.latest = hold
        if wait.rounds > 1:  # it takes the place of its earlier rounds
            contention.waits = [
                w for w in contention.waits if (w[0].thread, w[0].began_ns) != (wait.thread, wait.began_ns)
            ]
        contention.waits.append((wait, lasted))
        key = (hold.stack, wait.stack)
        worst = self._worst.get(key)
        if worst is None:
            self._worst[key] = contention
        else:
            worst.count += wait.rounds == 1
            if contention is not worst and contention.longest_wait_ns > worst.longest_wait_ns:
                contention.count = worst.count
                self._worst[key] = contention

    def _order(self, thread: int, lock: int, stack: int, t_ns: int, clock: ThreadClock, transport: int) -> None:
        holds = self.held.get(thread)
        if holds:
            for hold in holds:
                self._edge(hold, lock, stack, t_ns, clock, holds, None)
        if transport:
            own = Hold(-transport, thread, 0, t_ns)
            self._edge(own, lock, stack, t_ns, clock, holds or [], None)

    def _edge(
        self, hold: Hold, second: int, stack: int, t_ns: int, clock: ThreadClock, holds: list[Hold], call: Call | None
    ) -> None:
        if hold.lock == second:
            return
        pair = (hold.lock, second)
        kept = self.edges.get(pair)
        if kept is None:
            if len(self.edges) >= _MOST_PAIRS:
                return
            kept = self.edges[pair] = []
        elif len(kept) >= _KEPT_EDGES:
            # keep the first ones and the latest: phases of a program differ, and the latest decides against later edges
            last = kept[-1]
            if last.thread == hold.thread and last.second_stack == stack:
                kept.pop()
            else:
                kept.pop(_KEPT_EDGES // 2)
        gates = frozenset(h.lock for h in holds if h.lock != hold.lock)
        kept.append(
            Edge(
                hold.lock, second, hold.thread, hold.stack, stack, gates, clock.now, clock.weak_known,
                hold.began_ns, t_ns, call, clock.task, clock.own_known,
            )
        )  # fmt: skip


def is_endless(timeout_ms: int) -> bool:
    """Whether a wait has no timeout (-1), or such a long one that who waits does not count on it.

    Threads: pure.
    """
    return timeout_ms < 0 or timeout_ms >= LONG_TIMEOUT_MS


LONG_TIMEOUT_MS = 30_000
