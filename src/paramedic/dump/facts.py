"""Who waits for whom, from the stacks of one dump (and of an earlier one, where there are two).

`DumpFacts` is what the ``dump`` lenses judge by. It says what is so and how well it is known; it accuses nobody.
"""

from __future__ import annotations

from functools import cached_property

from paramedic.dump.activity import Activity
from paramedic.dump.calls import Call, Layer
from paramedic.dump.connections import Connections
from paramedic.dump.cycles import Cycle
from paramedic.dump.locking import Locking
from paramedic.dump.locks import Blocked, LockUse
from paramedic.dump.place import Order, Owner, Place
from paramedic.dump.standing import Standing, standing
from paramedic.dump.waits import REPLIES, Wait
from paramedic.model.finding import Site

_LOOP_MODULES = ("asyncio.base_events", "asyncio.events", "asyncio.runners")
_LIMITERS = (
    "Timer",
    "wait_for",
    "alarm",
    "setitimer",
    "deadline",
    "watchdog",
    "fail_after",
    "move_on_after",
    "timeout_at",
)
_ENDS_ALL = ("_exit", "kill", "abort", "exit", "dump_traceback", "raise_signal")
_INTERACTIVE = frozenset({"IPython", "ipykernel", "asyncio.__main__"})
_LOOP_FUNCTIONS = ("_run_once", "_run", "run_forever", "run_until_complete", "run")


class DumpFacts(Connections):
    """One dump of one process, understood: threads, connections, the user's source and locks.

    Threads: for one thread at a time (it caches what it worked out).
    """

    REPLIES = REPLIES

    @cached_property
    def earlier(self) -> DumpFacts | None:
        """The facts of the earlier dump, where there is one."""
        return DumpFacts(self.before, sources=self.sources, whole=self.whole) if self.before is not None else None

    def site_before(self, activity: Activity) -> Site | None:
        """The innermost place in the user's code where the thread stood in the earlier dump, if it is known."""
        earlier = self.earlier
        if earlier is None:
            return None
        return next((a.site for a in earlier.activities if a.thread.ident == activity.thread.ident), None)

    # -- contexts -----------------------------------------------------------------------------------------------

    def on_event_loop(self, activity: Activity) -> bool:
        """Whether the thread is inside a callback or coroutine of an event loop."""
        if any(c.module in _INTERACTIVE for c in activity.calls):
            return False  # a cell of a notebook: nobody else's coroutines are there
        for call in activity.calls[activity.asks + 1 :]:
            if call.layer is Layer.STDLIB and call.module in _LOOP_MODULES and call.function in _LOOP_FUNCTIONS:
                return True
            if call.layer is Layer.LIBRARY and call.module in ("trio", "tornado", "uvloop"):
                return True
        return False

    def signal_handler(self, activity: Activity) -> Call | None:
        """Which of the user's frames is a signal handler, by the source or by its arguments; None where none is."""
        for call in activity.users:
            if (call.variable("frame") or call.variable("_frame") or "").startswith("<frame at"):
                return call
            module = self.sources.module(call.site.file)
            if module is not None and call is not activity.users[-1] and module.handles_signals(call.function):
                return call
        return None

    def limited(self, activity: Activity) -> bool:
        """Whether something outside the call seems to limit it: a timer, a deadline, a thread with a limit."""
        for call in activity.users:
            place = self.sources.place(call.site) if call.function != "<module>" else None
            if place is not None and (place.mentions(*_LIMITERS) or place.stands_in(*_LIMITERS)):
                return True
        return bool(self._limiting - {id(activity)})

    @cached_property
    def _limiting(self) -> set[int]:
        """The threads (by id of their activity) that may end a wait of another's: timers, waits with a limit, loops."""
        return {id(a) for a in self.others if self._limits(a)}

    def _limits(self, activity: Activity) -> bool:
        timer = next((c for c in activity.calls if c.at("threading", "run", layer=Layer.STDLIB)), None)
        state = self.state(timer.address()) if timer is not None and activity.wait is Wait.TIMER else None
        function = state.get("function") if state is not None else None
        if isinstance(function, str) and function not in _ENDS_ALL:
            return True
        if activity.wait in (Wait.FUTURE, Wait.JOIN, Wait.EVENT, Wait.CONDITION, Wait.QUEUE):
            return activity.timeout not in (None, "None")
        return activity.wait in (Wait.LOOP, Wait.SLEEP)

    # -- source -------------------------------------------------------------------------------------------------

    def place(self, activity: Activity) -> Place | None:
        """The innermost place of the user's code on the stack, if its source is to be found."""
        site = activity.site
        return self.sources.place(site) if site is not None else None

    def reading(self, activity: Activity, *, stderr: bool = False) -> Order:
        """Whether the thread's code reads output before or after the line at which it stands, in any of its frames."""
        best = Order.UNKNOWN
        for call in activity.users:
            place = self.sources.place(call.site)
            if place is None:
                continue
            order = place.reading(stderr=stderr)
            if order is Order.BEFORE:
                return order
            if best in (Order.UNKNOWN, Order.NOT_AT_ALL):
                best = order
        return best

    def follows(self, activity: Activity) -> bool:
        """Whether the thread's code runs a command that never ends by itself, such as ``tail -f``."""
        places = (self.sources.place(c.site) for c in activity.users)
        return any(p is not None and p.follows() for p in places)

    def forks(self, activity: Activity) -> bool:
        """Whether the files of the thread's code call ``os.fork``."""
        modules = (self.sources.module(c.site.file) for c in activity.users)
        return any(m is not None and m.forks for m in modules)

    def polls(self, activity: Activity, word: str) -> bool:
        """Whether the user's innermost line stands in a loop that asks for something and reads nothing."""
        place = self.place(activity)
        return place is not None and place.polls(word)

    def line_mentions(self, activity: Activity, word: str) -> bool:
        """Whether the user's innermost line has this name in it."""
        place = self.place(activity)
        return place is not None and word in place.text

    def shared_receiver(self, activity: Activity, *methods: str) -> tuple[str, str] | None:
        """The object whose method (or one of these) the user's innermost line calls, if it is shared by its name.

        Equal for threads that use the same one by that: the file and the name. An attribute of an object is as shared
        as the object whose method was called further out. None: it is a thread's own, or its name does not say.
        """
        users = activity.users
        called = activity.calls[: activity.calls.index(users[0])] if users else ()
        wanted = frozenset(methods) | {c.function for c in called[-1:]}
        inner = ""
        for number, call in enumerate(users):
            place = self.sources.place(call.site)
            if place is None:
                break
            owner, name = place.receiver(frozenset(c.function for c in users[number + 1 :]), wanted)
            if owner is Owner.SHARED:
                return call.site.file, f"{name}{inner}"
            if owner is not Owner.OF_SELF:
                break
            inner = name.removeprefix("self") + inner
            wanted = frozenset({call.function})  # the object belongs to the one whose method this is: whose is that?
        return None

    # -- locks --------------------------------------------------------------------------------------------------

    @cached_property
    def _locking(self) -> Locking:
        return Locking(self)

    def wants_lock(self, activity: Activity) -> tuple[LockUse, ...]:
        """The locks of the user's that the thread waits for, as its source says."""
        return self._locking.wants_lock(activity)

    def holders(self, activity: Activity) -> tuple[Blocked, ...]:
        """Who holds the lock that the thread waits for: the certain ones if there are any, else those that fit."""
        return self._locking.holders(activity)

    @property
    def cycles(self) -> tuple[Cycle, ...]:
        """The deadlocks: rings of waiting that lead over a lock of the user's."""
        return self._locking.cycles

    def on_cycle(self, activity: Activity, *, certain: bool = False) -> bool:
        """Whether the thread is part of such a ring (of one that is certain)."""
        return any(activity is a for c in self.cycles if c.certain or not certain for a in c.threads)

    @cached_property
    def standing(self) -> Standing | None:
        """Two or more threads that stand at locks, or look so, with no other thread at work that could let go."""
        return standing(self)
