"""Drive the machines over one recording, event by event, and keep the facts that they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from paramedic.analysis.called import CallFacts
from paramedic.analysis.clocks import ThreadClock
from paramedic.analysis.futures import SUBMITTED
from paramedic.analysis.locks import TRIED
from paramedic.analysis.operations import OF_STEPS
from paramedic.analysis.pools import GETS
from paramedic.analysis.wakers import AWAITED
from paramedic.model.event import BINARY, ENDS_PROGRAM, FIRST_STREAM, Kind, Row
from paramedic.model.report import Gap
from paramedic.model.thread_name import joined_name

_NO_CALLS: frozenset[str] = frozenset()
_HELPERS = 3
"""So deep in a step of the program's own may its lock be taken: in what a ``with`` of it calls, say."""


class RunFacts(CallFacts):
    """The facts of one recording, while its events drive the machines.

    Args:
        texts: of the recording, by id.
        names: of the operations, by number.
        process: its id.

    Threads: one thread.
    """

    def __init__(self, texts: Mapping[int, str], names: list[str], process: int = 0) -> None:
        super().__init__(texts, names, process)
        self._natives: dict[int, int] = {}
        self._in_step: dict[int, frozenset[str]] = {}
        self._passes_on = names.index("Loop.run_forever") if "Loop.run_forever" in names else -1
        handlers: dict[int, Callable[[Row], None]] = {
            Kind.CALL: self._call, Kind.RETURN: self._return, Kind.RAISE: self._raise, Kind.NEW: self._new,
            Kind.FINAL: self._final, Kind.LINK: self._link, Kind.WAIT: self._wait, Kind.GOT: self._got,
            Kind.GAVE_UP: self._gave_up, Kind.FREE: self._free, Kind.POST: self._post, Kind.TAKE: self._take,
            Kind.START: self._start, Kind.BEGIN: self._begin, Kind.END: self._end,
            Kind.JOINED: lambda event: self.clocks.joined(event[6], event[1]),
            Kind.FEED: self._feed, Kind.WIRE: self._wire, Kind.GAP: self._gap, Kind.STATE: self._state,
        }  # fmt: skip
        self._handlers = [handlers.get(kind, self._ignore) for kind in range(256)]

    def feed_all(self, events: Iterable[Row], ended_ns: int = 0) -> None:
        """All events, in the order of time, and then the end.

        Args:
            events: of one process.
            ended_ns: when the process had ended, as its parent saw it; 0 if unknown.
        """
        self.feed_some(events)
        self.finish(ended_ns)

    def feed_some(self, events: Iterable[Row]) -> None:
        """Events, in the order of time, that others will follow."""
        handlers = self._handlers
        count = 0
        coming = iter(events)
        for event in coming:
            self.first_ns = self.first_ns or event[0]
            coming = chain((event,), coming)
            break
        for event in coming:
            handlers[event[7]](event)
            count += 1
        if count:
            self.last_ns = event[0]
        self.events += count

    def finish(self, ended_ns: int = 0) -> None:
        """No more events come; what is open has lasted until now."""
        self.end_ns = max(self.last_ns, ended_ns)
        self._finish()

    def feed(self, event: Row) -> None:
        """One event, for those who follow a recording that is being written."""
        if not self.first_ns:
            self.first_ns = event[0]
        self.last_ns = self.end_ns = event[0]
        self.events += 1
        self._handlers[event[7]](event)

    def operation(self, number: int) -> str:
        """An operation's name."""
        return self._operations[number].name

    # events

    def _ignore(self, event: Row) -> None:
        return None

    def _new(self, event: Row) -> None:
        _, parent, obj, site, number, op, thread, _ = event
        kind = self._operations[op].makes
        self.world.born(obj, kind, site, parent, number, thread)
        if kind == "ChannelFile" or kind == "SFTPClient":
            if parent:
                self.channels.opened_by(parent, self.open.of(thread))
            if obj >= FIRST_STREAM or kind == "SFTPClient":
                streams = self._streams.get(parent)
                if streams is None:
                    self._streams[parent] = [obj]
                else:
                    streams.append(obj)
        elif kind == "SSHClient":
            self.redials.made(obj, self.clocks.of(thread).now)
        elif kind in AWAITED:
            self.wakers.made(obj, thread, event[0])
        elif kind in ("Condition", "Lock", "RLock"):
            self.locks.made(obj, kind, thread, site, number)
        elif kind == "Transport":
            if parent:
                self.roots.carried(obj, self.roots.of(parent).transport)
            for call in reversed(self.open.of(thread)):
                if call.name == "SSHClient.connect":
                    self.roots.connected(call.obj, obj)
                    if call.words:  # another thread may have asked for another host meanwhile
                        self.world.thing(obj).label = f"to {self.world.text(call.words)}"
                    self.connects_of[obj] = call
                    break

    def _wait(self, event: Row) -> None:
        t_ns, timeout_ms, lock, site, _, _, thread, _ = event
        transport = self._registered(thread)
        self.locks.wait(thread, lock, site, t_ns, timeout_ms, self.clocks.of(thread), transport)

    def _got(self, event: Row) -> None:
        t_ns, how, lock, site, _, _, thread, _ = event
        transport = self._registered(thread)
        clock = self.clocks.threads.get(thread) or self.clocks.of(thread)
        self.locks.got(thread, lock, site, t_ns, how == TRIED, clock, transport)
        if self._in_step.get(site) is not _NO_CALLS:
            self._is_for_step(thread, lock, site)
        if self.polls.is_aside(thread, lock, site):
            earlier = self.locks.last_hold(lock)
            if earlier is not None and clock.knows(earlier.epoch):  # it has come to a lock that it knew to be taken
                self.clocks.locked_by(thread, lock, earlier.thread)
        else:
            self.clocks.locked(thread, lock, self.polls.takes(thread, lock, site))

    def _is_for_step(self, thread: int, lock: int, site: int) -> None:
        """A class of the program's own may keep steps apart, not calls: it has its lock around ``_request``, say."""
        known = self._in_step.get(site)
        if known is None:
            own = {function: step for step, _, _, function in self.own_steps.values()}
            frames = (frame.function for frame in self.world.stack(site)[:_HELPERS])
            steps = (own.get(function) or function.rpartition(".")[2] for function in frames)
            known = self._in_step[site] = next((OF_STEPS[step] for step in steps if step in OF_STEPS), _NO_CALLS)
        call = next((c for c in reversed(self.open.of(thread)) if c.name != "Semaphore.acquire"), None)
        holds = self.locks.held.get(thread)
        if holds and call is not None and call.name in known and holds[-1].lock == lock:
            self.conflicts.inside.add(lock)
            if all(hold.lock != lock for hold in call.holds):
                call.holds += (holds[-1],)

    def _gave_up(self, event: Row) -> None:
        self.locks.gave_up(event[6], event[0])

    def _free(self, event: Row) -> None:
        lock, thread = event[2], event[6]
        aside = bool(self.polls.aside) and self.polls.was_aside(thread, lock)
        if not self.polls.is_loggings(lock):
            let_go = self.clocks.noted if aside else self.clocks.unlocked
            let_go(thread, lock, lock in self.polls.locks)
        self.locks.free(thread, lock, event[0])

    def _post(self, event: Row) -> None:
        t_ns, token, obj, site, thing, _, thread, _ = event
        if self.polls.aside:
            self._no_accident(thread)
        if not token and self._is_like_lock(obj):
            hold = self.locks.holder(obj)
            if hold is not None and hold.thread == thread:
                self.clocks.unlocked(thread, obj)
                self.locks.free(thread, obj, t_ns)
                self.slots.give(thread, obj)
                return
            self.locks.is_signal(obj, t_ns)
        self.clocks.post(thread, obj, token)
        if 0 < token <= 2:
            self.futures.post(self.clocks.of(thread), obj, token, site, thing, t_ns)
            if token != SUBMITTED and self.actors.working:
                self.actors.ends(thread)
            if token == SUBMITTED:
                self.wakers.hands_on(thread, obj, token, t_ns)
            return
        self.wakers.post(thread, obj, token, t_ns)
        if not token:
            if (known := self.world.things.get(obj)) is not None and known.kind == "Semaphore":
                self.slots.give(thread, obj)
        elif token > 2:
            self.pools.moved(thread, obj, True)
            if thing:
                self.pools.put(obj, token, thing)

    def _is_like_lock(self, obj: int) -> bool:
        """Whether it is a semaphore of one, of which each was let go by who had taken it: its order means nothing."""
        known = self.world.things.get(obj)
        if known is None or known.number != BINARY or known.kind != "Semaphore":
            return False
        return self.clocks.locks_order and obj not in self.locks.handed

    def _takes_slot(self, event: Row, clock: ThreadClock) -> bool:
        """A thread has got such a semaphore; False if it did not wait for it in a call."""
        t_ns, _, obj, _, _, _, thread, _ = event
        calls = self.open.of(thread)
        if not calls or calls[-1].name != "Semaphore.acquire" or calls[-1].obj != obj:
            return False
        call = calls[-1]
        self.locks.got(thread, obj, call.stack, t_ns, call.argument >= 0, clock, self._registered(thread))
        if self._in_step.get(call.stack) is not _NO_CALLS:
            self._is_for_step(thread, obj, call.stack)
        self.clocks.locked(thread, obj)
        self.slots.take(thread, self.futures.running(thread), call)
        return True

    def _take(self, event: Row) -> None:
        t_ns, token, obj, _, _, op, thread, _ = event
        clock = self.clocks.of(thread)
        if not token and self._is_like_lock(obj) and self._takes_slot(event, clock):
            return
        if token == SUBMITTED:
            self.wakers.take(thread, obj, token)
            self.actors.begins(thread, obj)
            clock.begins(obj if self.futures.has_others(thread) else 0)
        clock.told_itself, known = 0, clock.weak_known
        self.clocks.take(thread, obj, token)
        if clock.told_itself > clock.own_known:
            clock.own_known = clock.told_itself
        if 0 < token <= 2:
            self.futures.take(thread, obj, token, op > 0, op == self._passes_on, t_ns)
        elif not token:
            calls = self.open.of(thread)
            if calls and calls[-1].name == "Semaphore.acquire":
                self.slots.take(thread, self.futures.running(thread), calls[-1])
        elif token > 2:
            self.wakers.take(thread, obj, token)
            self.pools.moved(thread, obj, False)
            calls = self.open.of(thread)
            self.pools.take(thread, self.futures.running(thread), obj, token, calls[-1] if calls else None, known)

    def _start(self, event: Row) -> None:
        _, number, _, site, kind, daemon, thread, _ = event
        child = self.world.thread(number)
        child.started_at, child.starter, child.kind = site, thread, self.world.text(kind)
        child.daemon = daemon & 1 > 0
        child.guards = daemon & ENDS_PROGRAM > 0
        child.start = self.clocks.start(thread, number)
        self.wakers.started(thread, number, event[0])

    def _begin(self, event: Row) -> None:
        t_ns, native, in_name, _, name, _, number, _ = event
        thread = self.world.thread(number)
        thread.name, thread.begun_ns = joined_name(in_name, self.world.text(name)) or thread.name, t_ns
        thread.native = native
        self.clocks.begin(number)
        # what a thread's local storage holds is finalized after the thread's end, and has a number of its own
        if native:
            self.clocks.goes_on(number, self._natives.get(native, 0))
            self._natives[native] = number

    def _end(self, event: Row) -> None:
        t_ns, _, _, _, words, op, number, _ = event
        thread = self.world.thread(number)
        if op:
            thread.death = self.world.text(words)
            return
        thread.ended_ns = t_ns
        self.open.thread_ended(number)
        self.clocks.end(number)
        self.futures.thread_ended(number)
        self.locks.thread_ended(number)
        self.wakers.thread_ended(number)
        self.loop_rests.ends(number)
        self.actors.ends(number)

    def _gap(self, event: Row) -> None:
        slug, _, detail = self.world.text(event[4]).partition("\t")
        if slug == "info":
            self.paramiko = detail
        elif slug:
            self.gaps.append(Gap(reason=slug, detail=self._own_error(detail) if slug == "recorder-error" else detail))
            self.unseen_locks = self.unseen_locks or slug == "made-before"

    def _own_error(self, detail: str) -> str:
        """In words, what the recorder notes of an error of its own: ``enter 53: KeyError: 'x'``."""
        where, _, error = detail.partition(": ")
        number = where.partition(" ")[2]
        if number.isdecimal() and int(number) < len(self._operations):
            where = f"{self.operation(int(number))}()"
        return f"an error of Paramedic's own at {where}, of which some may be missing: {error}; please report it"

    def _finish(self) -> None:
        """What is open at the end has lasted until then."""
        for ident in [*self.states.polled, *self.states.looked_at]:
            self._channel_ends(ident)
        remote = [c for c in self.open.all() if c.name != "Transport.run"]
        for call in remote:
            self.busy.called(call.thread, call.began_ns, self.end_ns)
            root = self.roots.of(call.obj)
            self.callbacks.ended(call, root, self.end_ns)
            if call.name in GETS:
                self._waited_for_pool(call, self.end_ns)
            if call.thread in self.states.loops and self.is_remote(call.name):
                self.states.blocked_loop(call, self.end_ns)
            waits = self._by_name[call.name].waits
            if waits and root.channel:
                self.channels.remote_waited(waits, call, root, self.end_ns, False)
            if root.sftp:
                self.sftp.behind_prefetch(call, root, self.end_ns - call.began_ns)
        self.loop_waits.finish(self.open, self.futures.runner, self.is_remote, self.end_ns)
        self.pools.finish(lambda thread, task: self.states.orderly_end or self.has_left(thread, task), self._closed_by)
        self.locks.finish(self.end_ns, [c for c in remote if self.is_remote(c.name)])
