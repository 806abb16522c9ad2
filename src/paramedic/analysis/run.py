"""Drive the machines over one recording, event by event, and keep the facts that they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import OUT, Stall, stream_read
from paramedic.analysis.hangs import HUNG_NS, excused
from paramedic.analysis.locks import TRIED
from paramedic.analysis.machine import NOWHERE, Listener, Machine, Root
from paramedic.analysis.operations import CALLS_BACK, operations
from paramedic.analysis.pools import Idle
from paramedic.analysis.roots import resource_of
from paramedic.analysis.wire import ANSWERED, SENT, WireFacts
from paramedic.model.event import FIRST_STREAM, Event, Kind
from paramedic.model.report import Gap

_REGISTERED = 1
"""Token of a transport: a handler was given to its thread."""
_CHANNEL_ERROR = "ChannelException"


class RunFacts(WireFacts):
    """The facts of one recording, while its events drive the machines.

    Args:
        texts: of the recording, by id.
        names: of the operations, by number.
        process: its id.

    Threads: one thread.
    """

    def __init__(self, texts: Mapping[int, str], names: list[str], process: int = 0) -> None:
        super().__init__(texts, operations(names), process)
        self.begins: Mapping[str, Listener] = {"Thread.shutdown": self._shuts_down}
        self.ends: Mapping[str, Listener] = {
            "Thread.join": self._joined_with_limit,
            "Queue.get": lambda call, root: self._waited_for_pool(call, call.ended_ns),
            "Channel.exit_status_ready": self._status_is_there,
        }
        afterwards: Mapping[str, Listener] = {
            "Channel.get_pty": self._gets_terminal, "Channel.invoke_shell": self._gets_terminal,
            "SSHClient.connect": self._connects, "SSHClient.close": self._closes, "Transport.close": self._closes,
            "Channel.exit_status_ready": self._asks_status,
        }  # fmt: skip
        self._afterwards = [[afterwards[o.name]] if o.name in afterwards else [] for o in self._operations]
        machines: tuple[Machine, ...] = (self.futures, self.sftp, self.states, self.practice, self.dialogues, self)
        self._begins: list[list[Listener]] = [
            [m.begins[o.name] for m in machines if o.name in m.begins] for o in self._operations
        ]
        self._ends: list[list[Listener]] = [
            [m.ends[o.name] for m in machines if o.name in m.ends] for o in self._operations
        ]
        self._readers: set[int] = set()
        self._alive: set[int] = set()
        handlers: dict[int, Callable[[Event], None]] = {
            Kind.CALL: self._call, Kind.RETURN: self._return, Kind.RAISE: self._raise, Kind.NEW: self._new,
            Kind.FINAL: self._final, Kind.LINK: self._link, Kind.WAIT: self._wait, Kind.GOT: self._got,
            Kind.GAVE_UP: self._gave_up, Kind.FREE: self._free, Kind.POST: self._post, Kind.TAKE: self._take,
            Kind.START: self._start, Kind.BEGIN: self._begin, Kind.END: self._end, Kind.JOINED: self._joined,
            Kind.FEED: self._feed, Kind.WIRE: self._wire, Kind.GAP: self._gap, Kind.STATE: self._state,
        }  # fmt: skip
        self._handlers = [handlers.get(kind, self._ignore) for kind in range(256)]

    def feed_all(self, events: Iterable[Event], ended_ns: int = 0) -> None:
        """All events, in the order of time, and then the end.

        Args:
            events: of one process.
            ended_ns: when the process had ended, as its parent saw it; 0 if unknown.
        """
        self.feed_some(events)
        self.finish(ended_ns)

    def feed_some(self, events: Iterable[Event]) -> None:
        """Events, in the order of time, that others will follow."""
        handlers = self._handlers
        event: Event | None = None
        count = 0
        for event in events:
            if not count and not self.first_ns:
                self.first_ns = event[0]
            count += 1
            handlers[event[7]](event)
        if event is not None:
            self.last_ns = event[0]
        self.events += count

    def finish(self, ended_ns: int = 0) -> None:
        """No more events come; what is open has lasted until now."""
        self.end_ns = max(self.last_ns, ended_ns)
        self._finish()

    def feed(self, event: Event) -> None:
        """One event, for those who follow a recording that is being written."""
        if not self.first_ns:
            self.first_ns = event.t_ns
        self.last_ns = self.end_ns = event.t_ns
        self.events += 1
        self._handlers[event.kind](event)

    def operation(self, number: int) -> str:
        """An operation's name."""
        return self._operations[number].name

    # events

    def _ignore(self, event: Event) -> None:
        return None

    def _call(self, event: Event) -> None:
        t_ns, a, obj, site, b, op, thread, _ = event
        operation = self._operations[op]
        clock = self.clocks.of(thread)
        holds = self.locks.held.get(thread)
        held = tuple(holds) if holds else ()
        call = Call(thread, operation.name, obj, site, t_ns, a, b, held, clock.now, clock.weak_known)
        calls = self.open.stack(thread)
        if thread == 1 and operation.remote and (calls or self.states.signal_handlers):
            self._in_main(calls, call)
        calls.append(call)
        if not (self.world.owned.get(site) or self.world.owns(site)):
            self.origins[thread, site] = self.futures.task_of.get(thread, 0)
        if not operation.paramiko:
            for listener in self._begins[op]:
                listener(call, NOWHERE)
            return
        name = operation.name
        if name == "Transport.run":
            self.world.thread(thread).transport = obj
            self._readers.add(thread)
            return
        root = self.roots.of(obj)
        kind, channel, stream, transport, _ = root
        for listener in self._begins[op]:
            listener(call, root)
        for use in operation.static or operation.uses(kind, stream):
            ident = resource_of(use.whose, call, root)
            if ident:
                self.conflicts.begin(use, ident, call, clock)
        if operation.remote:
            if self.forked and self._is_inherited(obj):
                self.forks.child_uses(call)
            if transport:
                if self.forks.times:
                    self.forks.parent_uses(transport, call)
                if held and self.world.thread(thread).transport != transport:
                    self.locks.remote(call, transport, clock)
            if operation.reads and channel:
                self.channels.reading(channel, stream_read(name, root))
        for listener in self._afterwards[op]:
            listener(call, root)

    def _gets_terminal(self, call: Call, root: Root) -> None:
        if root.channel:
            self.channels.of(root.channel).pty = True

    def _connects(self, call: Call, root: Root) -> None:
        self.world.thing(call.obj).label = f"to {self.world.text(call.words)}" if call.words else ""
        self.lives.reborn(call.obj)

    def _closes(self, call: Call, root: Root) -> None:
        owner = self.roots.owner(call.obj, root)
        clock = self.clocks.of(call.thread)
        for closed in (owner, *self.roots.through(root.transport)):
            under_way = [c for c in self.open.all() if self._uses_object(c) and self._owner_of(c) == closed]
            self.lives.closes(closed, call.obj, call, clock, self._alive, under_way, closed != owner)

    def _uses_object(self, call: Call) -> bool:
        return self._by_name[call.name].uses_object and call.name != "Transport.run"

    def _owner_of(self, call: Call) -> int:
        return self.roots.owner(call.obj, self.roots.of(call.obj))

    def _asks_status(self, call: Call, root: Root) -> None:
        asked_ns = call.began_ns
        if root.channel and self.channels.polled_in_vain(root.channel, call):
            self.channels.waited(Stall.STATUS, root.channel, OUT, call, asked_ns, True)

    def _status_is_there(self, call: Call, root: Root) -> None:
        if call.result == 1 and root.channel:
            self.channels.of(root.channel).was_asked = True

    def _in_main(self, calls: list[Call], call: Call) -> None:
        transport = self.roots.of(call.obj).transport
        if transport and calls:
            self._nested(calls[-1], call, transport)
        if transport and self.states.signal_handlers:
            waits = bool(calls) and not self._by_name[calls[-1].name].paramiko
            self.in_main.setdefault((transport, call.stack, waits), call)

    def _nested(self, outer: Call, call: Call, transport: int) -> None:
        """A call inside another one in the main thread: from a signal handler, unless the outer one calls back."""
        if outer.name in CALLS_BACK or not self.callbacks.remote.get(outer.name):
            return
        if transport == self.roots.of(outer.obj).transport:
            key = (outer.stack, call.stack)
            known = self.nested.get(key)
            self.nested[key] = (outer, call, 1) if known is None else (*known[:2], known[2] + 1)

    def _return(self, event: Event) -> None:
        call = self._closing(event)
        if call is not None:
            call.ended_ns, call.result = event[0], event[1]
            self._ended(call, event)

    def _raise(self, event: Event) -> None:
        call = self._closing(event)
        if call is not None:
            call.ended_ns, call.error = event[0], self.world.text(event[4]) or "exception"
            self._ended(call, event)

    def _closing(self, event: Event) -> Call | None:
        name, obj = self._operations[event[5]].name, event[2]
        calls = self.open.stack(event[6])
        if calls:
            call: Call | None = calls[-1]
            if call is not None and call.obj == obj and call.name == name:
                del calls[-1]
                return call
        call = self.open.end(event[6], name, obj)
        if call is None and obj:
            call = self.open.end_elsewhere(name, obj)
            self.greenlets += call is not None
        return call

    def _ended(self, call: Call, event: Event) -> None:
        operation = self._operations[event[5]]
        obj, thread, t_ns = call.obj, call.thread, event[0]
        root = self.roots.of(obj)
        for listener in self._ends[event[5]]:
            listener(call, root)
        if thread in self._readers:
            self.callbacks.ended(call, root, t_ns)
        if not operation.paramiko:
            return
        if operation.remote:
            self.futures.used[thread] = call
            if t_ns - call.began_ns >= HUNG_NS:
                self.long_calls.append((call, root))
            if thread in self.states.loops:
                self.states.blocked_loop(call, t_ns)
        if call.error:
            self.futures.raised(call)
            self.pools.raised(thread)
            if call.error.startswith("KeyboardInterrupt"):
                self.interrupted.append(call)
        if operation.name == "Transport.run":
            self.transport_ended[obj] = t_ns
            return
        clock = self.clocks.of(thread)
        kind, channel, stream, transport, _ = root
        if self.busy.times:
            self.busy.called(thread, call.began_ns, t_ns)
        if call.holds:
            self.locks.remote_ended(call, t_ns)
        for use in operation.static or operation.uses(kind, stream):
            ident = resource_of(use.whose, call, root)
            if ident:
                self.conflicts.end(use, ident, call, clock.now)
        if channel:
            if operation.waits:
                self.channels.remote_waited(operation.waits, call, root, t_ns, True)
            self.channels.of(channel).used_ns = t_ns
            # the peer's answer may depend on all that we had sent: who has read it is after those who sent
            if operation.sends:
                self.clocks.post(thread, channel, SENT)
            if operation.hears:
                self.clocks.take(thread, channel, ANSWERED)
        if operation.registers and transport:
            self.clocks.post(thread, transport, _REGISTERED)
        owner = transport or self.roots.owner(obj, root)
        if owner and operation.uses_object:
            if not self.lives.is_closed(owner, thread):
                self.lives.used(owner, call, clock.now)
            elif not excused(self, call, root):
                short = operation.reads_all and channel > 0 and self.channels.cut_off(channel)
                self.lives.end(owner, call, short)
        if operation.opens and call.error.startswith(_CHANNEL_ERROR) and transport:
            code = event[1]
            if call.name != "Transport.open_channel" or self._is_session(call):
                self.lives.refused(transport, call, code, lambda c: self.world.thing(c).remote >= 0)

    def abandoned(self, call: Call) -> None:
        """A call will never say that it ended: from now on it keeps nobody out."""
        root = self.roots.of(call.obj)
        at = self.clocks.of(call.thread).now
        for use in self._by_name[call.name].uses(root.kind, root.stream):
            ident = resource_of(use.whose, call, root)
            if ident:
                self.conflicts.end(use, ident, call, at)
        self.lives.abandoned(self.roots.owner(call.obj, root), call)

    def _shuts_down(self, call: Call, root: Root) -> None:
        self.shutdown_ns = call.began_ns

    def _joined_with_limit(self, call: Call, root: Root) -> None:
        if call.argument >= 0 and not self.world.thread(call.words).ended_ns:
            self.awaited.add(call.words)

    def _waited_for_pool(self, call: Call, t_ns: int) -> None:
        def idle(thread: int, task: int) -> Idle:
            if self._has_left(thread, task):
                return Idle.ENDED
            calls = self.open.of(thread)
            return Idle.AGAIN if calls and calls[-1].obj == call.obj else Idle.BUSY

        self.pools.waited(call, t_ns - call.began_ns, idle)

    def _has_left(self, thread: int, task: int) -> bool:
        """Whether a thread, or the task that it ran, has ended."""
        return self.futures.running(thread) != task or self.world.thread(thread).ended_ns > 0

    def _closed_by(self, obj: int) -> int:
        """The thread that closed a client or transport; 0 if none did."""
        return self.lives.closer_of(obj, self.roots.transport_of.get(obj, 0))

    def _new(self, event: Event) -> None:
        kind = self._operations[event.op].name.partition(".")[0] if event.op else "object"
        self.world.born(event.obj, kind, event.site, event.a, event.b, event.thread)
        if event.a and kind in ("ChannelFile", "SFTPClient"):
            self.channels.opened_by(event.a, self.open.of(event.thread))
        if event.obj >= FIRST_STREAM:
            self._streams.setdefault(event.a, []).append(event.obj)
        if kind == "Transport":
            if event.a:
                self.roots.carried(event.obj, self.roots.of(event.a).transport)
            for call in reversed(self.open.of(event.thread)):
                if call.name == "SSHClient.connect":
                    self.roots.connected(call.obj, event.obj)
                    self.connects_of[event.obj] = call
                    break

    def _wait(self, event: Event) -> None:
        thread = event.thread
        transport = self._registered(thread)
        self.locks.wait(thread, event.obj, event.site, event.t_ns, event.a, self.clocks.of(thread), transport)

    def _got(self, event: Event) -> None:
        thread = event.thread
        transport = self._registered(thread)
        clock = self.clocks.of(thread)
        self.locks.got(thread, event.obj, event.site, event.t_ns, event.a == TRIED, clock, transport)
        self.clocks.locked(thread, event.obj)

    def _registered(self, thread: int) -> int:
        """The transport whose thread this is; it knows what was known to those who gave it its handlers."""
        known = self.world.threads.get(thread)
        transport = known.transport if known is not None else 0
        if transport:
            self.clocks.take(thread, transport, _REGISTERED)
        return transport

    def _gave_up(self, event: Event) -> None:
        self.locks.gave_up(event.thread, event.t_ns)

    def _free(self, event: Event) -> None:
        self.clocks.unlocked(event[6], event[2])
        self.locks.free(event[6], event[2], event[0])

    def _post(self, event: Event) -> None:
        thread, obj, token = event[6], event[2], event[1]
        self.clocks.post(thread, obj, token)
        if 0 < token <= 2:
            self.futures.post(thread, obj, token, event[3], event[4])
        elif token > 2:
            self.pools.moved(thread, obj, True)
            if event[4]:
                self.pools.put(obj, token, event[4])

    def _take(self, event: Event) -> None:
        thread, obj, token = event[6], event[2], event[1]
        self.clocks.take(thread, obj, token)
        if 0 < token <= 2:
            self.futures.take(thread, obj, token, event[5] > 0)
        elif token > 2:
            self.pools.moved(thread, obj, False)
            calls = self.open.of(thread)
            self.pools.take(thread, self.futures.running(thread), obj, token, calls[-1] if calls else None)

    def _start(self, event: Event) -> None:
        child = self.world.thread(event.a)
        child.started_at, child.starter, child.kind = event.site, event.thread, self.world.text(event.b)
        child.daemon = event.op == 1
        self.clocks.start(event.thread, event.a)

    def _begin(self, event: Event) -> None:
        thread = self.world.thread(event.thread)
        thread.name, thread.begun_ns = self.world.text(event.b) or thread.name, event.t_ns
        thread.native = event.a
        self._alive.add(event.thread)
        self.clocks.begin(event.thread)

    def _end(self, event: Event) -> None:
        thread = self.world.thread(event.thread)
        if event.op:
            thread.death = self.world.text(event.b)
            return
        thread.ended_ns = event.t_ns
        self._alive.discard(event.thread)
        self.open.thread_ended(event.thread)
        self.clocks.end(event.thread)

    def _joined(self, event: Event) -> None:
        self.clocks.joined(event.thread, event.a)

    def _gap(self, event: Event) -> None:
        slug, _, detail = self.world.text(event.b).partition("\t")
        if slug == "info":
            self.paramiko = detail
        elif slug:
            self.gaps.append(Gap(reason=slug, detail=detail))
            self.unseen_locks = self.unseen_locks or slug == "made-before"

    def _finish(self) -> None:
        """What is open at the end has lasted until then."""
        for ident in list(self.states.polled):
            self._channel_ends(ident)
        remote = [c for c in self.open.all() if c.name != "Transport.run"]
        for call in remote:
            self.busy.called(call.thread, call.began_ns, self.end_ns)
            root = self.roots.of(call.obj)
            self.callbacks.ended(call, root, self.end_ns)
            if call.name == "Queue.get":
                self._waited_for_pool(call, self.end_ns)
            if call.thread in self.states.loops and self.is_remote(call.name):
                self.states.blocked_loop(call, self.end_ns)
            waits = self._by_name[call.name].waits
            if waits and root.channel:
                self.channels.remote_waited(waits, call, root, self.end_ns, False)
            if root.sftp:
                self.sftp.behind_prefetch(call, root, self.end_ns - call.began_ns)
        self.pools.finish(lambda thread, task: self.states.orderly_end or self._has_left(thread, task), self._closed_by)
        self.locks.finish(self.end_ns, [c for c in remote if self.is_remote(c.name)])
