"""Who waits for whom, from the stacks of one dump (and of an earlier one, where there are two).

`DumpFacts` is what the ``dump`` lenses judge by. It says what is so and how well it is known; it accuses nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from paramedic.dump.activity import Activity, activity_of
from paramedic.dump.assembly import bare
from paramedic.dump.calls import Call, Layer, address_in, place_of
from paramedic.dump.cycles import Cycle
from paramedic.dump.locking import Locking
from paramedic.dump.locks import Blocked, LockUse
from paramedic.dump.motion import Motion
from paramedic.dump.place import Order, Owner, Place
from paramedic.dump.source import Sources
from paramedic.dump.waits import REMOTE, REPLIES, Wait
from paramedic.dump.window import Fill
from paramedic.model.finding import Site
from paramedic.model.snapshot import ObjectState, Snapshot, ThreadStack

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
_LOOP_FUNCTIONS = ("_run_once", "_run", "run_forever", "run_until_complete", "run")


class DumpFacts:
    """One dump of one process, understood.

    Threads: for one thread at a time (it caches what it worked out).
    """

    REPLIES = REPLIES

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        before: Snapshot | None = None,
        sources: Sources | None = None,
        whole: bool = False,
    ) -> None:
        """Prepares the facts; they are worked out when asked for.

        Args:
            snapshot: the dump.
            before: an earlier dump of the same process.
            sources: where to look for the user's source.
            whole: the dump is known to have all threads of the process.
        """
        self.snapshot = snapshot
        self.before = before
        self.sources = sources if sources is not None else Sources()
        left_out = {"cut-off", "threads-left-out", "unreadable"} & {g.reason for g in snapshot.gaps}
        self._is_cut = bool(left_out)
        self.whole = whole and not left_out
        self._motion = Motion(snapshot, before)

    @cached_property
    def activities(self) -> tuple[Activity, ...]:
        """Every thread and what it does, in the order of the dump."""
        return tuple(activity_of(t, self._libraries) for t in self.snapshot.threads if not _is_ours(t))

    @cached_property
    def _libraries(self) -> frozenset[str]:
        """Files of packages that are not below the folders in which other files of the dump are found.

        py-spy shortens the names of installed packages' files, so that they look like the user's.
        """
        files = {f.site.file for t in self.snapshot.threads for f in t.frames if place_of(f.site.file)[0] is Layer.USER}
        packed = {f for f in files if "/" in f and not f.startswith(("/", ".", "<")) and self.sources.module(f) is None}
        return frozenset(packed) if any(self.sources.module(f) for f in files - packed) else frozenset()

    @cached_property
    def shows_all(self) -> bool:
        """Whether no thread seems to be missing: what follows from there being none of a kind may be concluded.

        A text may end anywhere. Most tools write the main thread last, so one without it has lost its end.
        """
        return self.whole or (not self._is_cut and any(a.is_main for a in self.activities))

    @cached_property
    def earlier(self) -> DumpFacts | None:
        """The facts of the earlier dump, where there is one."""
        return DumpFacts(self.before, sources=self.sources, whole=self.whole) if self.before is not None else None

    @cached_property
    def transports(self) -> tuple[Activity, ...]:
        """The transport threads."""
        return tuple(a for a in self.activities if a.transport is not None)

    @cached_property
    def others(self) -> tuple[Activity, ...]:
        """The threads that are no transport threads."""
        return tuple(a for a in self.activities if a.transport is None)

    @property
    def repeated(self) -> bool:
        """Whether there is an earlier dump to compare with."""
        return self._motion.known

    def stood_still(self, activity: Activity) -> bool | None:
        """Whether the thread did the very same in the earlier dump; None without one."""
        return self._motion.stood_still(activity.thread)

    def same_call(self, activity: Activity) -> bool | None:
        """Whether the thread is in the same call of the user's as in the earlier dump; None without one."""
        return self._motion.same_call(activity.thread)

    def moved(self, activity: Activity) -> bool:
        """Whether it is known that the thread went on between the dumps."""
        return self.stood_still(activity) is False

    def site_before(self, activity: Activity) -> Site | None:
        """The innermost place in the user's code where the thread stood in the earlier dump, if it is known."""
        earlier = self.earlier
        if earlier is None:
            return None
        return next((a.site for a in earlier.activities if a.thread.ident == activity.thread.ident), None)

    def never_woke(self, activity: Activity) -> bool | None:
        """Whether the kernel says that the thread slept all the time between the dumps; None where unknown."""
        return self._motion.never_woke(activity.thread)

    # -- objects ------------------------------------------------------------------------------------------------

    @cached_property
    def _states(self) -> dict[str, ObjectState]:
        return {s.address.lower(): s for s in self.snapshot.objects}

    def state(self, address: str | None) -> ObjectState | None:
        """What is known of the inside of an object."""
        return self._states.get(address) if address else None

    def channel_of(self, activity: Activity) -> str | None:
        """The address of the channel that the thread is in a call on."""
        return activity.address_of("Channel")

    def in_calls_on(self, cls: str, module: str, functions: Iterable[str] = ()) -> dict[str, tuple[Activity, ...]]:
        """Threads by the address of the object of that class whose methods are on their stacks.

        Args:
            cls: "SFTPClient", "Channel", …
            module: Paramiko's module of the class.
            functions: only these methods; all if empty.
        """
        found: dict[str, list[Activity]] = defaultdict(list)
        wanted_functions = frozenset(functions)
        for activity, call in self._methods.get(module, ()):
            if wanted_functions and call.function not in wanted_functions:
                continue
            address = call.address()
            if address and activity not in found[address][-1:] and _named(call.variable("self"), cls):
                found[address].append(activity)
        return {address: tuple(threads) for address, threads in found.items() if threads}

    @cached_property
    def _methods(self) -> dict[str, list[tuple[Activity, Call]]]:
        """Every call of a method of Paramiko's whose object the dump names, by module."""
        found: dict[str, list[tuple[Activity, Call]]] = defaultdict(list)
        for activity in self.activities:
            for call in activity.calls:
                if call.layer is Layer.PARAMIKO and call.frame.variables and call.variable("self"):
                    found[call.module].append((activity, call))
        return found

    def channels_near(self, activity: Activity) -> tuple[str, ...]:
        """Addresses of channels that the user's innermost frames name, or whose objects lead to them."""
        found: dict[str, None] = {}
        for call in activity.users[:2]:
            for _, printed in call.frame.variables:
                state = self.state(address_in(printed))
                if state is None:
                    continue
                if state.get("window_bytes") is not None:
                    found[state.address] = None
                found |= dict.fromkeys(address for _, address in state.channels)
        return tuple(found)

    def unread(self, channel: str | None, *, stderr: bool | None = None) -> Fill | None:
        """How full a channel's window is, where somebody could look.

        Args:
            channel: its address.
            stderr: count only this stream; both if None.
        """
        state = self.state(channel)
        if state is None:
            return None
        out, err, left = (state.get(n) for n in ("unread_bytes", "unread_stderr_bytes", "window_left_bytes"))
        if not (isinstance(out, int) and isinstance(err, int) and isinstance(left, int)):
            return None
        unread = out + err if stderr is None else err if stderr else out
        return Fill(unread_bytes=unread, left_bytes=left)

    def has_reader(self, activity: Activity, *, other_stream: bool = False) -> bool:
        """Whether another thread waits for data of the same channel (or may, where addresses are unknown).

        Args:
            activity: who waits on the channel.
            other_stream: only a reader of the stream that ``activity`` does not read counts.
        """
        waits = [w for w in self._readers if not (other_stream and w is activity.wait)]
        return self.is_read(self.channel_of(activity), waits, but=activity)

    def is_read(
        self, channel: str | None, waits: Iterable[Wait] = (Wait.OUTPUT, Wait.STDERR), but: Activity | None = None
    ) -> bool:
        """Whether a thread waits for data of a channel (or may, where addresses are unknown).

        Args:
            channel: its address; None: any channel.
            waits: for which streams.
            but: a thread that does not count.
        """
        for wait in waits:
            readers = self._readers[wait]
            known = [c for c in (channel, None) if c in readers] if channel is not None else list(readers)
            if any(readers[c] - {id(but)} for c in known):
                return True
        return False

    @cached_property
    def _readers(self) -> dict[Wait, dict[str | None, set[int]]]:
        """The threads (by id of their activity) that wait for data, by the channel's address, None where unknown."""
        found: dict[Wait, dict[str | None, set[int]]] = {Wait.OUTPUT: {}, Wait.STDERR: {}}
        for activity in self.activities:
            if activity.wait in found and activity.find("sftp") is None:
                found[activity.wait].setdefault(self.channel_of(activity), set()).add(id(activity))
        return found

    # -- transports ---------------------------------------------------------------------------------------------

    def servers_of(self, activity: Activity) -> tuple[Activity, ...]:
        """The transport threads that may bring what the thread waits for: one if it is known, else all."""
        if activity.wait not in REMOTE:
            return ()
        address = activity.address_of("Transport")
        channel = self.channel_of(activity)
        if address is None and channel is not None:
            state = self.state(channel)
            told = state.get("transport") if state is not None else None
            address = str(told) if told else None
            if address is None:
                address = self._channels_last_served.get(channel)
        return self.transports if address is None else (*self._served_by[address], *self._served_by[None])

    @cached_property
    def _served_by(self) -> dict[str | None, list[Activity]]:
        found: dict[str | None, list[Activity]] = defaultdict(list)
        for transport in self.transports:
            found[self.transport_address(transport)].append(transport)
        return found

    @cached_property
    def _channels_last_served(self) -> dict[str | None, str | None]:
        return {self._chan(t): self.transport_address(t) for t in reversed(self.transports)}

    def waiters_of(self, transport: Activity) -> tuple[Activity, ...]:
        """The threads, no transport threads, that wait for something which this transport thread may have to bring."""
        known, anybodys = self._waiters
        return (*known.get(id(transport), ()), *anybodys)

    @cached_property
    def _waiters(self) -> tuple[dict[int, list[Activity]], list[Activity]]:
        known: dict[int, list[Activity]] = defaultdict(list)
        anybodys: list[Activity] = []
        for activity in self.others:
            servers = self.servers_of(activity)
            if servers is self.transports:
                anybodys.append(activity)
            else:
                for server in servers:
                    known[id(server)].append(activity)
        return known, anybodys

    def transport_address(self, transport: Activity) -> str | None:
        """The address of the Transport whose thread it is."""
        return transport.calls[transport.transport].address() if transport.transport is not None else None

    def last_packet(self, transport: Activity) -> int | None:
        """The type of the last packet that a transport thread took, where the dump has its variables."""
        assert transport.transport is not None
        value = transport.calls[transport.transport].variable("ptype")
        return int(value) if value is not None and value.isdigit() and len(value) < 4 else None

    def last_packet_was_for(self, channel: str | None, *kinds: int) -> bool | None:
        """Whether the last packet of the channel's transport was of one of these kinds and for this channel.

        None: the dump does not say.
        """
        if channel is None:
            return None
        for transport in self.transports:
            if self._chan(transport) == channel:
                packet = self.last_packet(transport)
                return None if packet is None else packet in kinds
        return None

    def _chan(self, transport: Activity) -> str | None:
        assert transport.transport is not None
        return transport.calls[transport.transport].address("chan")

    def is_blocked(self, transport: Activity) -> bool:
        """Whether a transport thread waits for something else than its peer."""
        return transport.wait not in (Wait.PACKET, Wait.BANNER, Wait.PROXY, Wait.NOTHING)

    def is_own(self, transport: Activity, waiter: Activity) -> bool | None:
        """Whether what a thread waits for comes over this transport; None where the dump does not say."""
        asking = waiter.asking
        mine = self.transport_address(transport)
        if asking is None or mine is None:
            return None
        if asking.module == "transport":
            theirs = asking.address()
            return None if theirs is None else theirs == mine
        channel = self.channel_of(waiter)
        state = self.state(channel)
        if state is not None and state.get("transport"):
            return state.get("transport") == mine
        opening = waiter.find("transport", "_parse_channel_open")
        if waiter is transport and opening is not None and channel is not None:
            return True if channel in (opening.address("chan"), opening.address("channel")) else None
        return None

    def transports_listen(self, activity: Activity) -> bool:
        """Whether the transport threads that could serve the thread are free to."""
        servers = self.servers_of(activity)
        return bool(servers) and not any(self.is_blocked(s) for s in servers)

    def transport_is_missing(self, activity: Activity) -> bool:
        """Whether the address of the Transport is known and no thread of the dump runs it."""
        address = activity.address_of("Transport")
        state = self.state(self.channel_of(activity))
        if address is None and state is not None and isinstance(told := state.get("transport"), str):
            address = told
        addresses = [self.transport_address(t) for t in self.transports]
        return address is not None and None not in addresses and address not in addresses

    def connection_ended(self, activity: Activity) -> bool:
        """Whether it is known that the connection on which the thread waits is no more."""
        states = (self.state(self.channel_of(activity)), self.state(activity.address_of("Transport")))
        return any(s is not None and s.get("connection_lives") is False for s in states)

    # -- contexts -----------------------------------------------------------------------------------------------

    def on_event_loop(self, activity: Activity) -> bool:
        """Whether the thread is inside a callback or coroutine of an event loop."""
        for call in activity.calls[activity.asks + 1 :]:
            if call.layer is Layer.STDLIB and call.module in _LOOP_MODULES and call.function in _LOOP_FUNCTIONS:
                return True
            if call.layer is Layer.LIBRARY and call.module in ("trio", "tornado", "uvloop"):
                return True
        return False

    def in_signal_handler(self, activity: Activity) -> bool:
        """Whether one of the user's frames is a signal handler, by the source or by its arguments."""
        for call in activity.users:
            if (call.variable("frame") or call.variable("_frame") or "").startswith("<frame at"):
                return True
            module = self.sources.module(call.site.file)
            if module is not None and call is not activity.users[-1] and module.handles_signals(call.function):
                return True
        return False

    def limited(self, activity: Activity) -> bool:
        """Whether something outside the call seems to limit it: a timer, a deadline, a thread with a limit."""
        for call in activity.users:
            place = self.sources.place(call.site) if call.function != "<module>" else None
            if place is not None and (place.mentions(*_LIMITERS) or place.stands_in(*_LIMITERS)):
                return True
        for other in self.others:
            if other is activity:
                continue
            timer = next((c for c in other.calls if c.at("threading", "run", layer=Layer.STDLIB)), None)
            state = self.state(timer.address()) if timer is not None and other.wait is Wait.TIMER else None
            function = state.get("function") if state is not None else None
            if isinstance(function, str) and function not in _ENDS_ALL:
                return True
            if other.wait in (Wait.FUTURE, Wait.JOIN, Wait.EVENT, Wait.CONDITION, Wait.QUEUE):
                if other.timeout not in (None, "None"):
                    return True
            if other.wait in (Wait.LOOP, Wait.SLEEP):
                return True
        return False

    def computed(self, activity: Activity) -> int | None:
        """Clock ticks of processor time that the thread used between the dumps; None where unknown."""
        return self._motion.computed(activity.thread)

    def same_functions(self, activity: Activity) -> bool:
        """Whether the thread was in the same functions of the user's in the earlier dump, wherever in them."""
        return self._motion.same_functions(activity.thread)

    def held_gil_before(self, activity: Activity) -> bool:
        """Whether the thread held the GIL in the earlier dump too."""
        return self._motion.held_gil_before(activity.thread)

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

    def polls(self, activity: Activity, word: str) -> bool:
        """Whether the user's innermost line stands in a loop that asks for something and reads nothing."""
        place = self.place(activity)
        return place is not None and place.polls(word)

    def shares_receiver(self, activity: Activity, *methods: str) -> Owner:
        """Whether the object whose method (one of these) the user's innermost line calls is shared, by its name."""
        users = activity.users
        place = self.place(activity)
        if place is None:
            return Owner.UNKNOWN
        return place.receiver_is_shared(frozenset(c.function for c in users[1:]), frozenset(methods))

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

    def on_cycle(self, activity: Activity) -> bool:
        """Whether the thread is part of such a ring."""
        return any(activity is a for c in self.cycles for a in c.threads)

    @property
    def stuck_in_own_code(self) -> tuple[Activity, ...]:
        """Two or more threads that look as if each stood at a lock, where the source is not there to say which."""
        return self._locking.stuck_in_own_code

    # -- groups -------------------------------------------------------------------------------------------------

    def groups(self, activities: Iterable[Activity]) -> tuple[tuple[Activity, ...], ...]:
        """Threads with the same story together: the same wait, from the same lines of the user's."""
        found: dict[object, list[Activity]] = defaultdict(list)
        for activity in activities:
            key = (activity.wait, activity.lock, tuple(c.site for c in activity.users), activity.callback)
            found[key].append(activity)
        return tuple(tuple(group) for group in found.values())


def _is_ours(thread: ThreadStack) -> bool:
    """The thread of ``paramedic.watch()``, which is no part of the program."""
    return thread.name == "paramedic-watch" or any(
        f.site.file.replace("\\", "/").endswith("paramedic/record/watch.py") and bare(f.site.function) == "_run"
        for f in thread.frames
    )


def _named(printed: str | None, cls: str) -> bool:
    return (
        bool(printed)
        and (printed or "").startswith("<")
        and not (cls == "Channel" and (printed or "").startswith(("<ChannelFile", "<ChannelStd", "<ChannelMap")))
    )
