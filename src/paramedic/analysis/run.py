"""Drive the machines over one recording, event by event, and keep the facts that they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from paramedic.analysis.calls import Call, OpenCalls
from paramedic.analysis.channels import ERR, IN, OUT, Channels, Stall
from paramedic.analysis.clocks import Clocks
from paramedic.analysis.conflicts import Conflicts
from paramedic.analysis.contract import uses
from paramedic.analysis.lives import Lives
from paramedic.analysis.locks import TRIED, Edge, Locks
from paramedic.analysis.operations import operations
from paramedic.analysis.orders import cycles
from paramedic.analysis.waits import Deadlock, deadlocks
from paramedic.analysis.world import World
from paramedic.model.event import Event, Kind, State
from paramedic.model.report import Gap

_EOF, _CLOSE = 96, 97
_SENT, _ANSWERED = 2, 1
"""Tokens of a channel: what we sent, and what the peer's end tells us of it."""
_REGISTERED = 1
"""Token of a transport: a handler was given to its thread."""
_CHANNEL_ERROR = "ChannelException"


class RunFacts:
    """Everything that one process's recording says, ready for the hazards' lenses.

    Attributes:
        world: names.
        open: the calls that were open at the end.
        conflicts: pairs that the contract does not allow.
        locks: holds, waits, orders.
        channels: windows and ends.
        lives: closing and use after it.
        gaps: what was not recorded.
        transport_ended: when each transport's thread ended, by the transport's id.
        first_ns: time of the first event.
        last_ns: time of the last event.
        end_ns: when the process had ended, or the time of the last event.
        events: how many there were.
        process: its id.

    Threads: made and read by one thread.
    """

    def __init__(self, texts: Mapping[int, str], names: list[str], process: int = 0) -> None:
        self.world = World(texts)
        self.clocks = Clocks()
        self.open = OpenCalls()
        self.conflicts = Conflicts(self.world.pin)
        self.locks = Locks()
        self.channels = Channels()
        self.lives = Lives()
        self.gaps: list[Gap] = []
        self.paramiko = ""
        self.transport_ended: dict[int, int] = {}
        self.first_ns = self.last_ns = self.end_ns = 0
        self.events = 0
        self.process = process
        self._operations = operations(names)
        self._client_of: dict[int, int] = {}
        self._transport_of: dict[int, int] = {}
        self._roots: dict[int, tuple[str, int, int, int, int]] = {}
        self._by_remote: dict[tuple[int, int], int] = {}
        self._by_number: dict[tuple[int, int], int] = {}
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
        handlers = self._handlers
        event: Event | None = None
        count = 0
        for event in events:
            if not count:
                self.first_ns = event[0]
            count += 1
            handlers[event[7]](event)
        if event is not None:
            self.last_ns = event[0]
        self.events += count
        self.end_ns = max(self.last_ns, ended_ns)
        self._finish()

    def feed(self, event: Event) -> None:
        """One event, for those who follow a recording that is being written."""
        if not self.first_ns:
            self.first_ns = event.t_ns
        self.last_ns = self.end_ns = event.t_ns
        self.events += 1
        self._handlers[event.kind](event)

    # questions of the lenses

    def lock_cycles(self) -> list[tuple[Edge, ...]]:
        """Sets of edges that can close a deadlock."""
        return list(cycles(self.locks.edges))

    def deadlocks(self) -> list[Deadlock]:
        """Threads that wait for each other at the end."""
        return deadlocks(self)

    def client_of(self, transport: int) -> int:
        """The client whose connection a transport is, or 0."""
        return self._client_of.get(transport, 0)

    def transport_of(self, ident: int) -> int:
        """The transport that an object's calls go over, or 0."""
        return self._root(ident)[3]

    def channel_of(self, ident: int) -> int:
        """The channel that an object is or belongs to, or 0."""
        return self._root(ident)[1]

    def at_s(self, t_ns: int) -> float:
        """Seconds since the recording began."""
        return (t_ns - self.first_ns) / 1e9

    # events

    def _ignore(self, event: Event) -> None:
        return None

    def _call(self, event: Event) -> None:
        t_ns, a, obj, site, b, op, thread, _ = event
        operation = self._operations[op]
        clock = self.clocks.of(thread)
        call = Call(thread, operation.name, obj, site, t_ns, a, b, self.locks.ids_held(thread), clock.epoch())
        self.open.begin(call)
        if not operation.paramiko:
            return
        name = operation.name
        if name == "Transport.run":
            self.world.thread(thread).transport = obj
            return
        kind, channel, stream, transport, sftp = self._root(obj)
        for resource, group in uses(name, kind, stream):
            ident = self._resource(resource, obj, channel, transport, sftp, call)
            if ident:
                self.conflicts.begin(resource, ident, group, call, clock)
        if operation.remote:
            if transport and self.world.thread(thread).transport != transport:
                self.locks.remote(call, transport, clock)
            if operation.reads and channel:
                self.channels.reading(
                    channel, ERR if name == "Channel.recv_stderr" else stream if kind == "ChannelFile" else OUT, True
                )
        if name == "SSHClient.connect":
            self._connects(obj, b)
        elif name in ("SSHClient.close", "Transport.close"):
            self._closes(obj, kind, call)
        elif name == "Channel.exit_status_ready" and channel:
            self.channels.waited(Stall.STATUS, channel, OUT, call, t_ns, True) if self._polled(channel, call) else None
        else:
            for owner in self._owners(obj, kind, transport):
                self.lives.begin(owner, call)

    def _return(self, event: Event) -> None:
        call = self.open.end(event[6], self._operations[event[5]].name, event[2])
        if call is not None:
            call.ended_ns, call.result = event[0], event[1]
            self._ended(call, event)

    def _raise(self, event: Event) -> None:
        call = self.open.end(event[6], self._operations[event[5]].name, event[2])
        if call is not None:
            call.ended_ns, call.error = event[0], self.world.text(event[4]) or "exception"
            self._ended(call, event)

    def _ended(self, call: Call, event: Event) -> None:
        operation = self._operations[event[5]]
        if not operation.paramiko:
            return
        name, obj, t_ns = call.name, call.obj, event[0]
        if name == "Transport.run":
            self.transport_ended[obj] = t_ns
            return
        clock = self.clocks.of(call.thread)
        kind, channel, stream, transport, sftp = self._root(obj)
        if operation.remote:
            self._remote_ended(call, operation.reads, operation.writes, kind, channel, stream, t_ns)
        for resource, _ in uses(name, kind, stream):
            ident = self._resource(resource, obj, channel, transport, sftp, call)
            if ident:
                self.conflicts.end(resource, ident, call, clock)
        if channel:
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
            for owner in self._owners(obj, kind, transport):
                self.lives.end(owner, call, clock)
        if operation.opens and call.error.startswith(_CHANNEL_ERROR) and transport:
            code = event[1]
            if self.world.text(call.words) in ("", "session") or name != "Transport.open_channel":
                self.lives.refused(transport, call, code)

    def _remote_ended(
        self, call: Call, reads: bool, writes: bool, kind: str, channel: int, stream: int, t_ns: int
    ) -> None:
        self.locks.remote_ended(call, t_ns)
        if not channel:
            return
        if reads:
            which = ERR if call.name == "Channel.recv_stderr" else stream if kind == "ChannelFile" else OUT
            if which != IN:
                self.channels.waited(Stall.OTHER_STREAM, channel, which, call, t_ns, True)
                self.channels.reading(channel, which, False)
        elif writes:
            self.channels.waited(Stall.WRITE, channel, IN, call, t_ns, True)
        elif call.name == "Channel.recv_exit_status":
            self.channels.waited(Stall.STATUS, channel, OUT, call, t_ns, True)

    def _new(self, event: Event) -> None:
        kind = self._operations[event.op].name.partition(".")[0] if event.op else "object"
        self.world.born(event.obj, kind, event.site, event.a, event.b, event.thread)
        if kind == "Transport":
            for call in reversed(self.open.of(event.thread)):
                if call.name == "SSHClient.connect":
                    self._client_of[event.obj] = call.obj
                    self._transport_of[call.obj] = event.obj
                    self.world.thing(event.obj).label = self.world.thing(call.obj).label
                    break

    def _final(self, event: Event) -> None:
        thing = self.world.things.get(event.obj)
        if thing is None:
            return
        if not event.a and (thing.kind == "Channel" or thing.kind == "ChannelFile" and thing.number == IN):
            return  # its end comes, too
        if thing.kind in ("ChannelFile", "SFTPFile", "Channel"):
            self.conflicts.forget(event.obj)
            if thing.kind == "Channel":
                self.channels.forget(event.obj)
                self.clocks.forget(event.obj)
            self.world.gone(event.obj)
            self._roots.pop(event.obj, None)

    def _link(self, event: Event) -> None:
        thing = self.world.thing(event.obj)
        thing.parent, thing.number = event.a, event.b
        self._roots.pop(event.obj, None)
        self.lives.session_opened(event.a, event.obj)
        self._by_number[(event.a, event.b)] = event.obj
        for call in reversed(self.open.of(event.thread)):
            if self._operations and call.name.startswith(("SSHClient.", "Transport.", "SFTPClient.")):
                self.channels.of(event.obj).opener = call
                break

    def _state(self, event: Event) -> None:
        if event.op == State.REMOTE_CHANNEL:
            thing = self.world.thing(event.obj)
            thing.remote = event.a
            self._by_remote[(thing.parent, event.a)] = event.obj
        elif event.op == State.WINDOW:
            self.channels.of(event.obj).window_bytes = event.a
        elif event.op == State.EXIT_STATUS:
            self.channels.of(event.obj).status = event.a
            self._answered(event.thread, event.obj)

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
        self.clocks.post(event[6], event[2], event[1])

    def _take(self, event: Event) -> None:
        self.clocks.take(event[6], event[2], event[1])

    def _start(self, event: Event) -> None:
        child = self.world.thread(event.a)
        child.started_at, child.starter = event.site, event.thread
        self.clocks.start(event.thread, event.a)

    def _begin(self, event: Event) -> None:
        thread = self.world.thread(event.thread)
        thread.name, thread.begun_ns = self.world.text(event.b) or thread.name, event.t_ns
        self._alive.add(event.thread)
        self.clocks.begin(event.thread)

    def _end(self, event: Event) -> None:
        thread = self.world.thread(event.thread)
        if event.op:
            thread.death = self.world.text(event.b)
            return
        thread.ended_ns = event.t_ns
        self._alive.discard(event.thread)
        self.clocks.end(event.thread)

    def _joined(self, event: Event) -> None:
        self.clocks.joined(event.thread, event.a)

    def _feed(self, event: Event) -> None:
        self.channels.feed(event[2], event[5], event[1], event[4], event[0])

    def _wire(self, event: Event) -> None:
        if event.b:
            channel = self._by_number.get((event.obj, event.a))
            if channel is None:
                return
            known = self.channels.of(channel)
            if event.op == _EOF:
                known.eof_ns = event.t_ns
            else:
                known.close_ns = event.t_ns
                self.lives.session_closed(event.obj, channel)
            self._answered(event.thread, channel)
            return
        channel = self._by_remote.get((event.obj, event.a))
        if channel is None:
            return
        calls = [c for c in self.open.of(event.thread) if c.name != "Transport.run"]
        stack = calls[-1].stack if calls else 0
        if event.op == _CLOSE:
            self.channels.close_sent(channel, event.thread, stack, event.t_ns)
            self.lives.session_closed(event.obj, channel)
            return
        if self.channels.eof_sent(channel, event.thread, stack, event.t_ns):
            self.world.pin(channel)
        clock = self.clocks.of(event.thread)
        for call in calls:
            if call.name in ("Channel.shutdown", "Channel.shutdown_write", "ChannelStdinFile.close"):
                self.conflicts.settle("channel.end", channel, call, clock.epoch())
        self.clocks.post(event.thread, channel, _SENT)

    def _answered(self, thread: int, channel: int) -> None:
        self.clocks.take(thread, channel, _SENT)
        self.clocks.post(thread, channel, _ANSWERED)

    def _gap(self, event: Event) -> None:
        slug, _, detail = self.world.text(event.b).partition("\t")
        if slug == "info":
            self.paramiko = detail
        elif slug:
            self.gaps.append(Gap(reason=slug, detail=detail))

    def _finish(self) -> None:
        for call in self.open.all():
            if not call.name.startswith(("Channel.", "File.")):
                continue
            kind, channel, stream, _, _ = self._root(call.obj)
            if not channel:
                continue
            if call.name == "Channel.recv_exit_status":
                self.channels.waited(Stall.STATUS, channel, OUT, call, self.end_ns, False)
            elif call.name in ("Channel.send", "Channel.sendall", "File.write", "File.writelines", "File.flush"):
                self.channels.waited(Stall.WRITE, channel, IN, call, self.end_ns, False)
            elif call.name in ("Channel.recv", "Channel.recv_stderr") or call.name.startswith("File."):
                which = ERR if call.name == "Channel.recv_stderr" else stream if kind == "ChannelFile" else OUT
                if which != IN:
                    self.channels.waited(Stall.OTHER_STREAM, channel, which, call, self.end_ns, False)
        remote = {o.name for o in self._operations if o.remote}
        self.locks.finish(self.end_ns, [c for c in self.open.all() if c.name in remote])

    # who belongs to whom

    def _root(self, obj: int) -> tuple[str, int, int, int, int]:
        """Kind, channel, stream, transport and SFTP client of an object; 0 where there is none."""
        known = self._roots.get(obj)
        if known is not None:
            return known
        thing = self.world.things.get(obj)
        if thing is None:
            return ("object", 0, 0, 0, 0)
        channel = stream = transport = sftp = 0
        step: Any = thing
        seen = 0
        while step is not None and seen < 8:
            if step.kind == "ChannelFile":
                stream = step.number
            elif step.kind == "Channel" and not channel:
                channel = step.ident
            elif step.kind == "SFTPClient":
                sftp = step.ident
            elif step.kind == "Transport":
                transport = step.ident
                break
            elif step.kind == "SSHClient":
                transport = self._transport_of.get(step.ident, 0)
                break
            step = self.world.things.get(step.parent)
            seen += 1
        root = (thing.kind, channel, stream, transport, sftp)
        if transport and thing.kind != "SSHClient":
            self._roots[obj] = root
        return root

    def _resource(self, resource: str, obj: int, channel: int, transport: int, sftp: int, call: Call) -> int:
        if resource.startswith("channel."):
            return channel
        if resource == "sftp":
            return sftp
        if resource == "transport.reply":
            return 0 if call.name == "Transport.global_request" and not call.argument else transport
        if resource == "host-keys":
            return call.argument if call.argument > 0 else 0
        return obj

    def _owners(self, obj: int, kind: str, transport: int) -> tuple[int, ...]:
        if kind == "SSHClient":
            current = self._transport_of.get(obj, 0)
            return (obj, current) if current else (obj,)
        if not transport:
            return ()
        client = self._client_of.get(transport, 0)
        return (transport, client) if client and self._transport_of.get(client) == transport else (transport,)

    def _connects(self, client: int, host: int) -> None:
        self.world.thing(client).label = f"to {self.world.text(host)}" if host else ""
        self.lives.reborn(client)

    def _closes(self, obj: int, kind: str, call: Call) -> None:
        clock = self.clocks.of(call.thread)
        self.lives.closes(obj, call, clock, self._alive)

    def _polled(self, channel: int, call: Call) -> bool:
        """Whether the exit status has been asked for while the window was full for long enough."""
        known = self.channels.alive.get(channel)
        if known is None or not known.full_ns:
            return False
        call.began_ns = known.full_ns  # it has been polled at least since then
        return True
