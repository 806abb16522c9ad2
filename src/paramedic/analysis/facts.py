"""What one process's recording says, and the questions that the hazards' lenses ask of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from paramedic.analysis.actors import Actors
from paramedic.analysis.async_pools import AsyncPools
from paramedic.analysis.busy import BusyTimes
from paramedic.analysis.callbacks import Callbacks
from paramedic.analysis.calls import Call, OpenCalls
from paramedic.analysis.channels import Channels, Dropped
from paramedic.analysis.clocks import Clocks
from paramedic.analysis.conflicts import Conflicts
from paramedic.analysis.dialogues import Dialogues
from paramedic.analysis.forks import Forks
from paramedic.analysis.futures import Futures
from paramedic.analysis.lives import Lives
from paramedic.analysis.locks import Edge, Locks, OwnWait
from paramedic.analysis.loop_rests import LoopRests
from paramedic.analysis.loop_waits import LoopWaits
from paramedic.analysis.machine import Root
from paramedic.analysis.orders import cycles
from paramedic.analysis.polls import Polls
from paramedic.analysis.pools import Pools
from paramedic.analysis.practice import Practice
from paramedic.analysis.redials import Redials
from paramedic.analysis.rewrites import Rewrites
from paramedic.analysis.roots import Roots
from paramedic.analysis.sftp import SftpState
from paramedic.analysis.slots import Slots
from paramedic.analysis.states import States
from paramedic.analysis.waits import Deadlock, deadlocks
from paramedic.analysis.wakers import Wakers
from paramedic.analysis.world import World
from paramedic.model.report import Gap


@dataclass(frozen=True, slots=True)
class Unseen:
    """What is known of the order of two calls besides the recording.

    Attributes:
        doubt: what may keep them apart; "" for nothing.
        orders: whether the later one then comes after the earlier one, not only not beside it.
        refuted: whether the later one waits for something, and that is not the earlier one.
    """

    doubt: str = ""
    orders: bool = False
    refuted: bool = False


class Facts:
    """Everything that one process's recording says, ready for the hazards' lenses.

    Attributes:
        world: names.
        open: the calls that were open at the end.
        conflicts: pairs that the contract does not allow.
        locks: holds, waits, orders.
        channels: windows and ends.
        practice: what went well this time.
        lives: closing and use after it.
        gaps: what was not recorded.
        transport_ended: when each transport's thread ended, by the transport's id.
        failed_ns: when a call on each transport last failed, or its end cut off a channel, by the transport's id.
        first_ns: time of the first event.
        base_ns: from when findings count their seconds; 0: from the first event.
        last_ns: time of the last event.
        end_ns: when the process had ended, or the time of the last event.
        events: how many there were.
        process: its id.
        status: with which the run ended, as its parent saw it.
        live: whether the program still ran when the facts were taken.
        stopped: whether the program had ended the recording by then.
        forked: whether the process came to be by fork alone.
        unseen_locks: whether the program has locks from before the recording that cannot be watched; then it is not
            known what keeps two calls apart that did not overlap.
        unseen: what may keep a later call from an earlier one of another thread, though nothing recorded does.
        only_looks: whether a thread can wake nobody any more, whatever it does from here on.
        heard: when each transport last heard from its peer.
        busy: when the process used much CPU.
        own_steps: of clients and connections whose class has an inner step (`model.event.OWN_STEPS`) that is not
            Paramiko's: which, and its file, line and function.
        forks: what was done with connections on both sides of a fork.
        redials: which clients one thread connected and another used by luck after that.
        rewrites: which known_hosts files were rewritten, by this process and by others.
        interrupted: calls that Ctrl-C ended.
        awaited: threads for which somebody waited with a timeout, in vain.
        long_calls: the latest remote calls that took long.
        nested: calls that interrupted another one on the same connection: the outer, the inner, how often.
        in_main: remote calls of the main thread, once there is a signal handler: the first of each connection and
            stack, and whether the thread waited for something else meanwhile.
        dropped: channels whose finalizer closed them under their command.
        origins: where the task was submitted whose stack, by thread and id, has no line of the user's own: since when,
            and where.
        connects_of: the SSHClient.connect that made a transport, or else the latest login on it.
        greenlets: how many calls ended in another thread than they began in: several greenlets are one thread to us.
        shutdown_ns: when the main thread was done; 0 if it was not.
        finalizing: the object whose finalizer runs, by thread.

    Threads: made and read by one thread.
    """

    def __init__(self, texts: Mapping[int, str], remote: Mapping[str, bool], process: int = 0) -> None:
        self.world = World(texts)
        self.roots = Roots(self.world)
        self.clocks = Clocks()
        self.open = OpenCalls(self.abandoned)
        self.conflicts = Conflicts(
            self.world.pin, lambda ident: self.world.thing(ident).thread, lambda ident: self.connects_of.get(ident)
        )
        self.locks = Locks()
        self.channels = Channels()
        self.practice = Practice(self.channels)
        self.lives = Lives()
        self.gaps: list[Gap] = []
        self.paramiko = ""
        self.transport_ended: dict[int, int] = {}
        self.failed_ns: dict[int, int] = {}
        self.first_ns = self.last_ns = self.end_ns = self.base_ns = 0
        self.events = 0
        self.process = process
        self.status = 0
        self.live = self.stopped = False
        self.forked = False
        self.unseen_locks = False
        self.unseen: Callable[[Call, Call], Unseen] = lambda earlier, later: Unseen()
        self.only_looks: Callable[[int], bool] = lambda thread: False
        self.heard: dict[int, int] = {}
        self.forks = Forks()
        self.redials = Redials(self.clocks)
        self.rewrites = Rewrites(self.world, process)
        self.interrupted: list[Call] = []
        self.awaited: set[int] = set()
        self.long_calls: deque[tuple[Call, Root]] = deque(maxlen=1000)
        self.nested: dict[tuple[int, int], tuple[Call, Call, int]] = {}
        self.in_main: dict[tuple[int, int, bool], Call] = {}
        self.dropped: list[Dropped] = []
        self.callbacks = Callbacks(self.world, remote)
        self.futures = Futures()
        self.pools = Pools()
        self.async_pools = AsyncPools()
        self.loop_rests = LoopRests()
        self.polls = Polls(self.world)
        self.own_steps: dict[int, tuple[str, str, int, str]] = {}
        self.slots = Slots()
        self.wakers = Wakers()
        self.actors = Actors()
        self.sftp = SftpState(self.clocks, self.actors)
        self.states = States(self.clocks)
        self.loop_waits = LoopWaits(self.clocks, self.states.loops, self.locks)
        self.dialogues = Dialogues(self.clocks, self.actors)
        self.busy = BusyTimes()
        self.finalizing: dict[int, int] = {}
        self.connects_of: dict[int, Call] = {}
        self.greenlets = 0
        self.shutdown_ns = 0
        self.origins: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def abandoned(self, call: Call) -> None:
        """A call will never say that it ended."""

    def lock_cycles(self) -> list[tuple[Edge, ...]]:
        """Sets of edges that can close a deadlock."""
        return list(cycles(self.locks.edges))

    def deadlocks(self) -> list[Deadlock]:
        """Threads that wait for each other at the end."""
        return deadlocks(self)

    def interrupts(self, own: OwnWait) -> bool:
        """Whether a thread waits for its own lock in a signal handler that came after it had taken that."""
        handlers = {tuple(self.world.text(t).split("\t")) for t in self.states.signal_handlers}

        def depth(stack: int) -> int:
            return sum((site.file, site.function) in handlers for site in self.world.stack(stack))

        return depth(own.wait.stack) > depth(own.hold.stack)

    def client_of(self, transport: int) -> int:
        """The client whose connection a transport is, or 0."""
        return self.roots.client_of.get(transport, 0)

    def transport_of(self, ident: int) -> int:
        """The transport that an object's calls go over, or 0."""
        return self.roots.of(ident).transport

    def channel_of(self, ident: int) -> int:
        """The channel that an object is or belongs to, or 0."""
        return self.roots.of(ident).channel

    def has_left(self, thread: int, task: int) -> bool:
        """Whether a thread, or the executor's task that it ran (0: none), has ended."""
        return self.futures.running(thread) != task or self.world.thread(thread).ended_ns > 0

    def is_deadline(self, timer: int, user: int) -> bool:
        """Whether a thread is a timer that limits what a user's thread does.

        Who sets a limit is the user itself, or who started it, or the user knows of the limit. A timer that another
        thread has started, which came first to something that all use, is that thing's time to live.
        """
        limit, clock = self.world.thread(timer), self.clocks.threads.get(user)
        if limit.kind != "Timer":
            return False
        thread, older = user, 20
        while thread and older:
            if thread == limit.starter:
                return True
            thread, older = self.world.thread(thread).starter, older - 1
        return clock is None or clock.weak_known.has(limit.start)

    def root(self, ident: int) -> Root:
        """What an object belongs to."""
        return self.roots.of(ident)

    def is_remote(self, name: str) -> bool:
        """Whether an operation may wait for the peer."""
        return self.callbacks.remote.get(name, False)

    def open_transports(self) -> list[int]:
        """Connections that nobody has closed and that have not ended, in the order of their making."""
        # Paramiko stops what still runs when the interpreter ends (transport.py _join_lingering_threads, 5.1.0)
        never = self.end_ns + 1
        last_ns = self.shutdown_ns or never
        live = [
            t.transport
            for t in self.world.threads.values()
            if t.transport and self.transport_ended.get(t.transport, never) >= last_ns
        ]
        return [
            t
            for t in sorted(live)
            if not self.world.thing(t).before
            and not self.lives.was_closed(t, self.end_ns)
            and (self.was_replaced(t) or not self.lives.was_closed(self.client_of(t), self.end_ns))
        ]

    def ended_ns(self, transport: int) -> int:
        """When a connection ended, was closed by the program, or the recording ended."""
        closed = [self.lives.closed_ns(owner) for owner in (transport, self.client_of(transport)) if owner]
        return min(t for t in (*closed, self.transport_ended.get(transport, 0), self.end_ns) if t)

    def was_replaced(self, transport: int) -> bool:
        """Whether its client was connected again: the client's close() closes the latest connection alone."""
        client = self.client_of(transport)
        return self.roots.transport_of.get(client, transport) != transport

    def used_one_by_one(self, transports: list[int]) -> list[int]:
        """Those of some connections, in the order of their making, that were last used before the next was made."""
        begun = {t.transport: t.begun_ns for t in self.world.threads.values() if t.transport}
        ordered = sorted(transports, key=lambda t: begun.get(t, 0))
        used = [self.lives.last_used_ns(t) for t in ordered]
        return [
            transport
            for place, transport in enumerate(ordered)
            if place + 1 == len(ordered) or used[place] < begun.get(ordered[place + 1], 0)
        ]

    @property
    def ended_itself(self) -> bool:
        """Whether the program gave up by itself (a watchdog's ``os._exit``), and was not stopped by a signal or
        Ctrl-C."""
        return self.status <= 128 and not self.interrupted

    def waits_since(self, t_ns: int) -> bool:
        """Whether something has been waited for since then or longer: a call, or a lock."""
        calls = any(c.began_ns <= t_ns for c in self.open.all() if c.name not in ("Transport.run", "Loop.run_forever"))
        rests = any(rest.t_ns <= t_ns for rest in self.loop_rests.now.values())
        return calls or rests or any(w.began_ns <= t_ns for w in self.locks.waiting.values()) or bool(self.finalizing)

    def at_s(self, t_ns: int) -> float:
        """Seconds since the recording began: that of the first process, where there are several."""
        return (t_ns - (self.base_ns or self.first_ns)) / 1e9
