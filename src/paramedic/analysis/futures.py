"""Futures: whose exception nobody asked for, and workers that wait for work queued behind themselves.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Epoch, ThreadClock
from paramedic.analysis.crews import Crews
from paramedic.analysis.machine import Listener, Root

_LONG_NS = 1_000_000_000
_MOST_PASSED_ON = _MOST_DONE = 1000
_MOST_AT_ONCE = 256
_LATEST = 1 << 62
_MOST_BESIDE = 32
"""Of a pool's tasks of several places: a pool has no more workers, mostly."""
SUBMITTED, DONE = 1, 2
"""Tokens of a future's hand-overs, as the recorder gives them."""


@dataclass(slots=True)
class LostError:
    """A task ended with an exception that nobody has asked for.

    Attributes:
        error: "Type: message".
        thread: number of the worker.
        call: the last call of the task's on one of Paramiko's objects that raised, or else that waited for the peer;
            None if there was none.
        t_ns: when it ended.
        site: where the task was submitted.
    """

    error: str
    thread: int
    call: Call | None
    t_ns: int
    site: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """A task or a thread ended with an exception.

    Attributes:
        site: where it was submitted, or started.
        thread: number of the thread that ran it.
        error: "Type: message".
        t_ns: when; 0 if unknown.
    """

    site: int
    thread: int
    error: str
    t_ns: int = 0


@dataclass(slots=True)
class Starved:
    """A worker waits for a task that no worker has begun.

    Attributes:
        call: its call of result().
        since_ns: since when.
    """

    call: Call
    since_ns: int


@dataclass(slots=True)
class OwnPool:
    """Tasks wait for other tasks of the pool that runs them.

    Attributes:
        pool: its id.
        workers: how many workers the pool may have.
        thread: who was the first to ask for a result so.
        site: where the task that it asked for was submitted.
        t_ns: when it asked.
        call: the first call that waited so; None where all were done by then.
        sites: where the tasks that wait were submitted.
        futures: what they have asked for.
    """

    pool: int
    workers: int
    thread: int
    site: int
    t_ns: int
    call: Call | None = None
    sites: set[int] = field(default_factory=set)
    futures: set[int] = field(default_factory=set)


class _Unordered:
    """The tasks of one place: how many of them might run, or wait for others, at the same time.

    That is not how many did: one that is over by luck as the next one is submitted might as well have been under way.
    """

    __slots__ = ("_over", "most")

    def __init__(self) -> None:
        self.most = 0
        self._over: dict[int, Epoch | None] = {}

    def submitted(self, future: int, clock: ThreadClock) -> None:
        """There is one more; those of which the submitter knows that they are over do not count beside it."""
        if self.most >= _MOST_AT_ONCE:
            return
        self._over[future] = None
        if len(self._over) > self.most:
            self._over = {f: over for f, over in self._over.items() if over is None or not clock.knows(over)}
            self.most = max(self.most, len(self._over))

    def over(self, future: int, at: Epoch, again: bool) -> None:
        """It ends; or it begins to wait: who knows of a later moment of it knows that it does not wait so any more."""
        if future in self._over and (again or self._over[future] is None):
            self._over[future] = at


class _Beside:
    """The tasks of one pool, of whatever places: which might be under way together.

    Attributes:
        places: by site, how many of its tasks might be, for each lot that was there as one more was submitted.
    """

    __slots__ = ("_over", "places")

    def __init__(self) -> None:
        self.places: set[tuple[tuple[int, int], ...]] = set()
        self._over: dict[int, tuple[int, Epoch | None]] = {}

    def submitted(self, future: int, site: int, clock: ThreadClock) -> None:
        """There is one more; those of which the submitter knows that they are over do not count beside it."""
        self._over = {f: at for f, at in self._over.items() if at[1] is None or not clock.knows(at[1])}
        self._over[future] = site, None
        counts = Counter(own for own, _ in self._over.values())
        if len(counts) > 1 and len(self.places) < _MOST_AT_ONCE:
            self.places.add(tuple(sorted(counts.items())))
        if len(self._over) > _MOST_BESIDE:
            del self._over[next(iter(self._over))]

    def over(self, future: int, at: Epoch, again: bool) -> None:
        """As of `_Unordered`."""
        known = self._over.get(future)
        if known is not None and (again or known[1] is None):
            self._over[future] = known[0], at

    def most(self, sites: set[int]) -> int:
        """How many tasks of these places might be there at once."""
        return max((sum(n for site, n in lot if site in sites) for lot in self.places), default=0)


class Futures:
    """All futures that somebody may still ask.

    Attributes:
        used: the latest call of each thread that waited for the peer.
        failures: the first task of each place that ended with an exception.
        task_of: where the task that a worker runs, or has run last, was submitted.
        gathered: exceptions that ``gather(…, return_exceptions=True)`` has put among its results, and its stack.
        turned_ns: when a worker has begun or ended its latest task.
        loop_of: the event loops on which the coroutines run of which some futures are.
    """

    def __init__(self) -> None:
        self.failures: dict[int, Failed] = {}
        self.used: dict[int, Call] = {}
        self._failed: dict[int, LostError] = {}
        self._passed_on: dict[int, LostError] = {}
        self.gathered: dict[int, tuple[LostError, int]] = {}
        self._told_sites: set[int] = set()
        self._waiting: dict[int, int] = {}
        self._crews = Crews()
        self.task_of: dict[int, int] = {}
        self.turned_ns: dict[int, int] = {}
        self._running: dict[int, int] = {}
        self._begun: dict[int, list[tuple[int, int]]] = {}  # by thread: since when it has run tasks of which site
        self._submitted = count(1)
        self._place: dict[int, int] = {}
        self._done: dict[int, tuple[tuple[int, int], int, int]] = {}  # pool, place and site: one may ask for them
        self._raised: dict[int, Call] = {}
        self._starved: list[Starved] = []
        self._workers: dict[int, tuple[int, int]] = {}
        self._pool_of: dict[int, int] = {}
        self._wanted: dict[int, Call] = {}
        self._unordered: dict[int, _Unordered] = {}
        self._beside: dict[int, _Beside] = {}
        self._own_pools: dict[int, OwnPool] = {}
        self.loop_of: dict[int, int] = {}
        self.begins: dict[str, Listener] = {"Future.result": self._waits, "Future.wait": self._waits}
        self.ends = {
            "Future.result": self._asked, "Future.exception": self._asked, "Future.wait": self._waited,
        }  # fmt: skip

    def post(self, clock: ThreadClock, future: int, token: int, site: int, pool: int, t_ns: int) -> None:
        """A future is submitted, at that site and to that pool, or done; by the thread of that clock."""
        thread = clock.thread
        if token == SUBMITTED:
            self._waiting[future] = site
            self._place[future] = next(self._submitted)
            self._pool_of[future] = pool
            self._unordered.setdefault(site, _Unordered()).submitted(future, clock)
            if pool:
                self._beside.setdefault(pool, _Beside()).submitted(future, site, clock)
            return
        place = self._place.pop(future, 0)
        if thread in self._workers and place:
            self._done[future] = self._workers[thread], place, self.task_of.get(thread, 0)
            if len(self._done) > _MOST_DONE:
                del self._done[next(iter(self._done))]
        if future in self._waiting:
            self._forget(future)  # no worker has said that it begins it
        if self._running.get(thread) == future:
            del self._running[thread]
            self.turned_ns[thread] = t_ns
            self._is_over(thread, future, (thread, clock.now[1] - 1), again=False)

    def _is_over(self, thread: int, future: int, at: Epoch, *, again: bool) -> None:
        place = self._unordered.get(self.task_of.get(thread, 0))
        if place is not None:
            place.over(future, at, again)
        beside = self._beside.get(self._workers.get(thread, (0, 0))[0])
        if beside is not None:
            beside.over(future, at, again)

    def take(self, thread: int, future: int, token: int, asked: bool, passes_on: bool, t_ns: int) -> None:
        """A worker begins it, or somebody learns that it is done; an event loop may only pass it on."""
        if token == SUBMITTED:
            site = self.task_of[thread] = self._forget(future)
            begun = self._begun.setdefault(thread, [])
            if not begun or begun[-1][1] != site and len(begun) < _MOST_DONE:
                begun.append((t_ns, site))
            self._running[thread] = future
            self.turned_ns[thread] = t_ns
            wanted = self._wanted.pop(future, None)
            if wanted is not None:
                self._waits_for_own(wanted, thread)
            self._raised.pop(thread, None)
            self.used.pop(thread, None)
            return
        if asked:
            self._asks_done(thread, future, t_ns)
        if passes_on and future in self._failed:
            self._passed_on[future] = self._failed.pop(future)
            if len(self._passed_on) > _MOST_PASSED_ON:
                self._told_sites.add(self._passed_on.pop(next(iter(self._passed_on))).site)
        elif asked and future in self._failed:
            self._tell(future)

    def submitted_at(self, thread: int, t_ns: int) -> int:
        """Where the task was submitted that a worker ran then; 0 if it was in none."""
        begun = self._begun.get(thread, [])
        place = bisect_right(begun, (t_ns, _LATEST)) - 1
        return begun[place][1] if place >= 0 else 0

    def _forget(self, future: int) -> int:
        self._pool_of.pop(future, None)
        return self._waiting.pop(future, 0)

    def works_for(self, thread: int, pool: int, workers: int) -> None:
        """A thread is one of a pool's workers, of which there may be so many; 0: of a `ThreadPool`."""
        if workers:
            self._workers[thread] = pool, workers
        else:
            self._crews.joins(thread, pool)

    def has_others(self, thread: int) -> bool:
        """Whether the pool that a thread works for may have other workers."""
        return self._workers.get(thread, (0, 0))[1] > 1

    def _is_behind(self, call: Call) -> bool:
        """Whether a worker waits for a task that none has begun, and that is not known to be another pool's."""
        if call.obj not in self._waiting or call.thread not in self._running:
            return False
        own, other = self._workers.get(call.thread, (0, 0))[0], self._pool_of.get(call.obj, 0)
        return not own or not other or own == other

    def _waits(self, call: Call, root: Root) -> None:
        if call.thread not in self._running or call.thread not in self._workers:
            return
        self._is_over(call.thread, self._running[call.thread], call.epoch, again=True)
        own = self._place.get(self._running[call.thread], 0)
        self._asks_done(call.thread, call.obj, call.began_ns)
        if self._place.get(call.obj, 0) < own:
            return  # an executor begins its tasks in the order in which they are submitted: that one has been begun
        if call.obj in self._waiting:
            self._wanted[call.obj] = call
            return
        for thread, future in self._running.items():
            if future == call.obj:
                self._waits_for_own(call, thread)

    def _asks_done(self, thread: int, future: int, t_ns: int) -> None:
        """Somebody asks for the result of a task: one of the same pool may have it by luck without waiting."""
        pool, place, site = self._done.get(future, (None, 0, 0))
        own = self._running.get(thread, 0)
        if own and pool is not None and pool == self._workers.get(thread) and place > self._place.get(own, 0):
            self._asks_own(thread, future, site, t_ns)

    def _waits_for_own(self, call: Call, runner: int) -> None:
        pool = self._workers.get(call.thread)
        if pool is not None and pool == self._workers.get(runner):
            own = self._asks_own(call.thread, call.obj, self.task_of.get(runner, 0), call.began_ns)
            own.call = own.call or call

    def _asks_own(self, thread: int, future: int, site: int, t_ns: int) -> OwnPool:
        pool, workers = self._workers[thread]
        own = self._own_pools.setdefault(pool, OwnPool(pool, workers, thread, site, t_ns))
        own.sites.add(self.task_of.get(thread, 0))
        if len(own.futures) < _MOST_DONE:
            own.futures.add(future)
        return own

    def own_pools(self) -> list[OwnPool]:
        """Pools whose tasks wait for tasks of the same pool, and of which so many could be there at once that they
        take all the workers."""
        most = {site: tasks.most for site, tasks in self._unordered.items()}
        lots = {pool: self._beside[pool].most(p.sites) for pool, p in self._own_pools.items() if pool in self._beside}
        return [
            p
            for pool, p in self._own_pools.items()
            if max(lots.get(pool, 0), *(most.get(s, 0) for s in p.sites)) >= p.workers
        ]

    def is_idle(self, thread: int) -> bool:
        """Whether a pool's worker has no task."""
        return thread in self._workers and thread not in self._running

    def runner(self, future: int) -> int:
        """The worker that runs a future's task; 0 if none does."""
        return next((thread for thread, own in self._running.items() if own == future), 0)

    def whole_crew(self, future: int) -> list[int]:
        """The workers of the pool that a future waits for, where all of them are at other tasks; else none."""
        pool = self._pool_of.get(future, 0) if future in self._waiting else 0
        crew = [thread for thread, (own, _) in self._workers.items() if pool and own == pool]
        busy = [thread for thread in crew if thread in self._running]
        return busy if crew and len(busy) >= max(self._workers[crew[0]][1], len(crew)) else []

    def is_coroutines(self, future: int, loop: int) -> None:
        """A future is done by a coroutine that runs on that event loop."""
        self.loop_of[future] = loop
        if len(self.loop_of) > _MOST_DONE:
            del self.loop_of[next(iter(self.loop_of))]

    def is_executors(self, future: int) -> bool:
        """Whether a worker runs a future's task, or will."""
        return future in self._waiting or self.runner(future) > 0

    def running(self, thread: int) -> int:
        """The future whose task a worker runs; 0 if it runs none."""
        return self._running.get(thread, 0)

    def failed(self, thread: int, future: int, error: str, t_ns: int) -> None:
        """Its task ended with an exception."""
        site = self._waiting.get(future, 0)
        if site:  # of a ThreadPool, one of whose other threads has run it
            call = self._crews.who_failed(self._pool_of.get(future, 0), error, self.used)
            self._failed[future] = LostError(error, call.thread if call is not None else thread, call, t_ns, site)
            return
        site = self.task_of.get(thread, 0)
        if site:
            self.failures.setdefault(site, Failed(site, thread, error, t_ns))
        self._failed[future] = LostError(
            error, thread, self._raised.pop(thread, None) or self.used.get(thread), t_ns, site
        )

    def thread_ended(self, thread: int) -> None:
        """A thread, perhaps a worker, has ended."""
        self.task_of.pop(thread, None)
        self.turned_ns.pop(thread, None)
        self._raised.pop(thread, None)
        self._crews.leaves(thread)

    def raised(self, call: Call) -> None:
        """A call on one of Paramiko's objects raised in a worker."""
        if call.thread in self._running:
            self._raised[call.thread] = call
        self._crews.raised(call)

    def _waited(self, call: Call, root: Root) -> None:
        if call.ended_ns - call.began_ns >= _LONG_NS and self._is_behind(call):
            self._starved.append(Starved(call, call.began_ns))  # until somebody cancelled what it waited for

    def _asked(self, call: Call, root: Root) -> None:
        self._waited(call, root)
        if call.obj in self._failed:
            self._tell(call.obj)  # a TimeoutError is the task's own where it had failed by now

    def _tell(self, future: int) -> None:
        """Somebody has the exception."""
        self._told_sites.add(self._failed.pop(future).site)

    def unretrieved(self, future: int) -> None:
        """An event loop says that it was never asked for what was passed on to it."""
        lost = self._passed_on.pop(future, None)
        if lost is not None:
            self._failed[future] = lost

    def is_gathered(self, future: int, stack: int) -> None:
        """An event loop's ``gather(…, return_exceptions=True)``, at that stack, has put it among its results."""
        lost = self._passed_on.pop(future, None)
        if lost is not None and lost.call is not None and len(self.gathered) < _MOST_PASSED_ON:
            self.gathered[future] = lost, stack

    def is_told(self, site: int) -> bool:
        """Whether somebody has the exception of a task that was submitted there: what an event loop has, it is believed
        to have been asked for as long as it does not say the contrary."""
        return site > 0 and (site in self._told_sites or any(e.site == site for e in self._passed_on.values()))

    def lost(self) -> list[LostError]:
        """Exceptions of tasks that used Paramiko, and that nobody asked for."""
        return [f for f in self._failed.values() if f.call is not None]

    def _behind_loop(self, waits: list[Call]) -> list[Call]:
        """The waits with which all of a pool's workers wait for coroutines that wait for that pool.

        ``asyncio.run_coroutine_threadsafe(…).result()`` in an executor's task waits for a coroutine; as many tasks as
        there are workers, of other places than theirs, have been given to the pool meanwhile and not begun.
        """
        found: list[Call] = []
        for pool, most in set(self._workers.values()):
            mine = [c for c in waits if self._workers.get(c.thread) == (pool, most) and c.thread in self._running]
            crew = [t for t in self._running if self._workers.get(t) == (pool, most)]
            outer = {self.task_of.get(t, 0) for t in crew}
            unknown = [c for c in mine if c.argument < 0 and not self.is_executors(c.obj)]
            queued = [f for f, site in self._waiting.items() if self._pool_of.get(f) == pool and site not in outer]
            if most and len(unknown) == len(crew) == most <= len(queued):
                found += unknown
        return found

    def starved(self, open_calls: list[Call]) -> list[Starved]:
        """Workers that wait, at the end, for tasks that have not begun."""
        waits = [call for call in open_calls if call.name in ("Future.result", "Future.wait")]
        behind = [call for call in waits if self._is_behind(call)] or self._behind_loop(waits)
        stuck = self._crews.stuck(waits, lambda result: self._pool_of.get(result, 0))
        return self._starved + [Starved(call, call.began_ns) for call in (*behind, *stuck)]
