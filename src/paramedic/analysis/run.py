"""Drive the machines over one recording, event by event, and keep the facts that they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import IN, OUT, Dropped, Stall, stream_read
from paramedic.analysis.contract import uses
from paramedic.analysis.facts import Facts
from paramedic.analysis.forks import Sent
from paramedic.analysis.hangs import HUNG_NS, excused
from paramedic.analysis.locks import TRIED
from paramedic.analysis.machine import NOWHERE, Listener
from paramedic.analysis.operations import CALLS_BACK, operations
from paramedic.analysis.roots import resource_of
from paramedic.model.event import Event, Kind, State
from paramedic.model.report import Gap

_EOF, _CLOSE = 96, 97
_SENT, _ANSWERED = 2, 1
"""Tokens of a channel: what we sent, and what the peer's end tells us of it."""
_REGISTERED = 1
"""Token of a transport: a handler was given to its thread."""
_CHANNEL_ERROR = "ChannelException"


class RunFacts(Facts):
    """The facts of one recording, while its events drive the machines.

    Args:
        texts: of the recording, by id.
        names: of the operations, by number.
        process: its id.

    Threads: one thread.
    """

    def __init__(self, texts: Mapping[int, str], names: list[str], process: int = 0) -> None:
        self._operations = operations(names)
        super().__init__(texts, {o.name: o.remote for o in self._operations}, process)
        machines = (self.futures, self.sftp, self.states, self.practice)
        self._begins: list[list[Listener]] = [
            [m.begins[o.name] for m in machines if o.name in m.begins] for o in self._operations
        ]
        self._ends: list[list[Listener]] = [
            [m.ends[o.name] for m in machines if o.name in m.ends] for o in self._operations
        ]
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
        held = self.locks.ids_held(thread)
        call = Call(thread, operation.name, obj, site, t_ns, a, b, held, clock.epoch(), clock.weak_known)
        outer = self.open.of(thread)
        if outer and operation.remote and thread == 1:
            self._nested(outer[-1], call)
        self.open.begin(call)
        if not self.world.owns(site):
            self.origins[thread, site] = self.futures.task_of.get(thread, 0)
        if not operation.paramiko:
            for listener in self._begins[op]:
                listener(call, NOWHERE)
            return
        name = operation.name
        if name == "Transport.run":
            self.world.thread(thread).transport = obj
            return
        root = self.roots.of(obj)
        kind, channel, stream, transport, sftp = root
        for listener in self._begins[op]:
            listener(call, root)
        for resource, group in uses(name, kind, stream):
            ident = resource_of(resource, call, root)
            if ident:
                self.conflicts.begin(resource, ident, group, call, clock)
        if self.forked and operation.remote and self._is_inherited(obj):
            self.forks.child_uses(call)
        if operation.remote:
            if self.forks.times and transport:
                self.forks.parent_uses(transport, call)
            if transport and self.world.thread(thread).transport != transport:
                self.locks.remote(call, transport, clock)
            if operation.reads and channel:
                self.channels.reading(channel, stream_read(name, root))
        if name in ("Channel.get_pty", "Channel.invoke_shell") and channel:
            self.channels.of(channel).pty = True
        if name == "SSHClient.connect":
            self.world.thing(obj).label = f"to {self.world.text(b)}" if b else ""
            self.lives.reborn(obj)
        elif name in ("SSHClient.close", "Transport.close"):
            self.lives.closes(obj, call, clock, self._alive)
            for inner in self.roots.through(transport):
                client = self.roots.client_of.get(inner, 0)
                for owner in (inner, client) if client else (inner,):
                    self.lives.closes(owner, call, clock, self._alive, obj)
        elif name == "Channel.exit_status_ready" and channel:
            if self.channels.polled_in_vain(channel, call):
                self.channels.waited(Stall.STATUS, channel, OUT, call, t_ns, True)
        else:
            for owner in self.roots.owners(obj, root):
                self.lives.begin(owner, call)

    def _is_inherited(self, obj: int) -> bool:
        thing = self.world.things.get(obj)
        return thing is None or thing.before

    def _nested(self, outer: Call, call: Call) -> None:
        """A call inside another one in the main thread: from a signal handler, unless the outer one calls back."""
        if outer.name in CALLS_BACK or not self.callbacks.remote.get(outer.name):
            return
        transport = self.roots.of(call.obj).transport
        if transport and transport == self.roots.of(outer.obj).transport:
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
        call = self.open.end(event[6], name, obj)
        if call is None and obj:
            call = self.open.end_elsewhere(name, obj)
            self.greenlets += call is not None
        return call

    def _ended(self, call: Call, event: Event) -> None:
        operation = self._operations[event[5]]
        name, obj, t_ns = call.name, call.obj, event[0]
        root = self.roots.of(obj)
        for listener in self._ends[event[5]]:
            listener(call, root)
        self.callbacks.ended(call, root, t_ns)
        if operation.remote and self.states.loops and call.thread in self.states.loops:
            self.states.blocked_loop(call, t_ns)
        if name == "Thread.join" and call.argument >= 0 and not self.world.thread(call.words).ended_ns:
            self.awaited.add(call.words)
        if name == "Queue.get":
            self._waited_for_pool(call, t_ns)
        if not operation.paramiko:
            return
        if operation.remote and t_ns - call.began_ns >= HUNG_NS:
            self.long_calls.append((call, root))
        if call.error:
            self.futures.raised(call)
            if call.error.startswith("KeyboardInterrupt"):
                self.interrupted.append(call)
        if name == "Transport.run":
            self.transport_ended[obj] = t_ns
            return
        clock = self.clocks.of(call.thread)
        kind, channel, stream, transport, sftp = root
        if self.busy.times:
            self.busy.called(call.thread, call.began_ns, t_ns)
        if operation.remote:
            self.locks.remote_ended(call, t_ns)
            self.channels.remote_waited(call, root, t_ns, True)
        for resource, _ in uses(name, kind, stream):
            ident = resource_of(resource, call, root)
            if ident:
                self.conflicts.end(resource, ident, call, clock)
        if channel:
            self.channels.of(channel).used_ns = t_ns
            # the peer's answer may depend on all that we had sent: who has read it is after those who sent
            if operation.writes or name in ("ChannelStdinFile.close", "Channel.shutdown", "Channel.shutdown_write"):
                self.clocks.post(call.thread, channel, _SENT)
            if operation.reads or name == "Channel.recv_exit_status":
                self.clocks.take(call.thread, channel, _ANSWERED)
        if (
            name in ("Transport.request_port_forward", "Channel.request_x11", "Channel.request_forward_agent")
            and transport
        ):
            self.clocks.post(call.thread, transport, _REGISTERED)
        if name not in ("SSHClient.close", "Transport.close", "SSHClient.connect"):
            short = name in ("File.read", "File.readlines") and channel > 0 and self.channels.cut_off(channel)
            for owner in self.roots.owners(obj, root):
                self.lives.end(owner, call, clock, excused(self, call, root), short)
        if operation.opens and call.error.startswith(_CHANNEL_ERROR) and transport:
            code = event[1]
            if self.world.text(call.words) in ("", "session") or name != "Transport.open_channel":
                self.lives.refused(transport, call, code, lambda c: self.world.thing(c).remote >= 0)

    def abandoned(self, call: Call) -> None:
        """A call will never say that it ended: from now on it keeps nobody out."""
        root = self.roots.of(call.obj)
        clock = self.clocks.of(call.thread)
        for resource, _ in uses(call.name, root.kind, root.stream):
            ident = resource_of(resource, call, root)
            if ident:
                self.conflicts.end(resource, ident, call, clock)
        for owner in self.roots.owners(call.obj, root):
            self.lives.abandoned(owner, call)

    def _waited_for_pool(self, call: Call, t_ns: int) -> None:
        def idle(thread: int, task: int) -> bool:
            if self.futures.running(thread) != task:
                return True
            calls = self.open.of(thread)
            waits = bool(calls) and calls[-1].obj == call.obj
            return waits or self.world.thread(thread).ended_ns > 0

        self.pools.waited(call, t_ns - call.began_ns, idle)

    def _new(self, event: Event) -> None:
        kind = self._operations[event.op].name.partition(".")[0] if event.op else "object"
        self.world.born(event.obj, kind, event.site, event.a, event.b, event.thread)
        if kind == "Transport":
            if event.a:
                self.roots.carried(event.obj, self.roots.of(event.a).transport)
            for call in reversed(self.open.of(event.thread)):
                if call.name == "SSHClient.connect":
                    self.roots.connected(call.obj, event.obj)
                    self.connects_of[event.obj] = call
                    break

    def _final(self, event: Event) -> None:
        thing = self.world.things.get(event.obj)
        if thing is None:
            return
        if not event.a and (thing.kind == "Channel" or thing.kind == "ChannelFile" and thing.number == IN):
            self.finalizing[event.thread] = event.obj
            if thing.kind == "ChannelFile" and not self._is_over(self.roots.of(event.obj).transport, event[0]):
                self.states.finalized(event, self.world, self.channels.known(self.roots.of(event.obj).channel))
            return  # its end comes, too
        self.finalizing.pop(event.thread, None)
        if thing.kind in ("ChannelFile", "SFTPFile", "Channel"):
            self.conflicts.forget(event.obj)
            if thing.kind == "Channel":
                self._channel_ends(event.obj)
                self.channels.forget(event.obj)
                self.clocks.forget(event.obj)
            self.world.gone(event.obj)
            self.roots.forget(event.obj)

    def _is_over(self, transport: int, t_ns: int) -> bool:
        """Whether nothing goes over that connection any more."""
        owners = (transport, self.client_of(transport))
        return not transport or transport in self.transport_ended or any(self.lives.was_closed(o, t_ns) for o in owners)

    def _channel_ends(self, ident: int) -> None:
        self.practice.gone(ident)
        if ident in self.states.polled:
            self.world.pin(ident)
            self.states.reading_ends(self.channels.of(ident))

    def _link(self, event: Event) -> None:
        thing = self.world.thing(event.obj)
        thing.parent, thing.number = event.a, event.b
        self.roots.forget(event.obj)
        self.lives.session_opened(event.a, event.obj)
        self.roots.by_number[(event.a, event.b)] = event.obj
        for call in reversed(self.open.of(event.thread)):
            if self._operations and call.name.startswith(("SSHClient.", "Transport.", "SFTPClient.")):
                self.channels.of(event.obj).opener = call
                break

    def _state(self, event: Event) -> None:
        if event.op == State.REMOTE_CHANNEL:
            thing = self.world.thing(event.obj)
            thing.remote = event.a
            self.roots.by_remote[(thing.parent, event.a)] = event.obj
        elif event.op == State.WINDOW:
            self.channels.of(event.obj).window_bytes = event.a
        elif event.op == State.EXIT_STATUS:
            self.channels.of(event.obj).status = event.a
            self.clocks.answered(event.obj, _SENT, _ANSWERED)
        elif event.op == State.FAILED:
            self.futures.failed(event.thread, event.obj, self.world.text(event.b), event.t_ns)
        elif event.op == State.BEFORE:
            if not event.obj:
                self.clocks.learns_everything(event.thread)
            else:
                self.world.thing(event.obj).before = True
                if event.a:
                    self.clocks.held_before(event.obj)
        elif event.op == State.CONNECTED:
            words = self.world.text(event.b)
            self.world.thing(event.obj).label = f"to {words}" if words else ""
            self.roots.connected(event.obj, event.a)
        else:
            self.states.changed(event)

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
            self.futures.post(thread, obj, token, event[3])
        elif event[4]:
            self.pools.put(obj, token)

    def _take(self, event: Event) -> None:
        thread, obj, token = event[6], event[2], event[1]
        self.clocks.take(thread, obj, token)
        if 0 < token <= 2:
            self.futures.take(thread, obj, token, event[5] > 0)
        elif token > 2:
            calls = self.open.of(thread)
            self.pools.take(thread, self.futures.running(thread), obj, token, calls[-1] if calls else None)

    def _start(self, event: Event) -> None:
        child = self.world.thread(event.a)
        child.started_at, child.starter, child.kind = event.site, event.thread, self.world.text(event.b)
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

    def _feed(self, event: Event) -> None:
        self.channels.feed(event[2], event[5], event[1], event[4], event[0])
        self.heard[self.roots.of(event[2]).transport] = event[0]

    def _wire(self, event: Event) -> None:
        if event.b:
            self.heard[event.obj] = event.t_ns
            channel = self.roots.by_number.get((event.obj, event.a))
            if channel is None:
                return
            known = self.channels.of(channel)
            if event.op == _EOF:
                known.eof_ns = event.t_ns
            else:
                known.close_ns = event.t_ns
                self.lives.session_closed(event.obj, channel)
            self.clocks.answered(channel, _SENT, _ANSWERED)
            return
        if self.forked and self._is_inherited(event.obj):
            opened = self.open.of(event.thread)
            call = opened[-1] if opened else None
            self.forks.child_sends(event.obj, Sent(event.op, event.thread, event.t_ns, call))
        channel = self.roots.by_remote.get((event.obj, event.a))
        if channel is None:
            return
        calls = [c for c in self.open.of(event.thread) if c.name != "Transport.run"]
        stack = calls[-1].stack if calls else 0
        if event.op == _CLOSE:
            self.channels.close_sent(channel, event.thread, stack, event.t_ns)
            known = self.channels.of(channel)
            if (
                self.finalizing.get(event.thread) == channel
                and known.status is None
                and not known.eof_ns
                and not known.close_ns
            ):
                self.world.pin(channel)
                self.dropped.append(Dropped(channel, known.opener, known.pty, event.thread, event.t_ns))
            self.lives.session_closed(event.obj, channel)
            return
        if self.channels.eof_sent(channel, event.thread, stack, event.t_ns):
            self.world.pin(channel)
        clock = self.clocks.of(event.thread)
        for call in calls:
            if call.name in ("Channel.shutdown", "Channel.shutdown_write", "ChannelStdinFile.close"):
                self.conflicts.settle("channel.end", channel, call, clock.epoch())
        self.clocks.post(event.thread, channel, _SENT)

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
            self.channels.remote_waited(call, root, self.end_ns, False)
            if root.sftp:
                self.sftp.behind_prefetch(call, root, self.end_ns - call.began_ns)
        self.locks.finish(self.end_ns, [c for c in remote if self.is_remote(c.name)])
