"""What happens to objects and on the wire, outside of calls: births, ends, links, states, data and messages.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from paramedic.analysis.async_pools import Moment
from paramedic.analysis.calls import Call
from paramedic.analysis.channels import IN, Dropped
from paramedic.analysis.facts import Facts
from paramedic.analysis.forks import Sent
from paramedic.analysis.machine import Root
from paramedic.analysis.operations import ENDS_INPUT, Operation
from paramedic.analysis.world import Thing
from paramedic.model.event import BY_PEER, FIRST_STREAM, OWN_STEPS, Row, State

_EOF, _CLOSE = 96, 97
_WINDOW, _REMOTE_CHANNEL = int(State.WINDOW), int(State.REMOTE_CHANNEL)
SENT, ANSWERED = 2, 1
"""Tokens of a channel: what we sent, and what the peer's end tells us of it."""
_KEPT_ENDED_CONNECTIONS = 500
_CHANNEL_RESOURCES = ("channel.out", "channel.err", "channel.in", "channel.request", "channel.end")


class WireFacts(Facts):
    """The facts that need no calls.

    Args:
        texts: of the recording, by id.
        operations: by number.
        process: its id.

    Threads: one thread.
    """

    def __init__(self, texts: Mapping[int, str], operations: list[Operation], process: int = 0) -> None:
        super().__init__(texts, {o.name: o.remote for o in operations}, process)
        self._operations = operations
        self._by_name = {o.name: o for o in operations}
        self._streams: dict[int, list[int]] = {}
        self._asking: dict[int, list[Call]] = {}
        self._ended_connections: deque[int] = deque()
        self._ended_readers: dict[int, int] = {}
        self._closed_sftps: dict[int, int] = {}

    def _final(self, event: Row) -> None:
        t_ns, ended, obj, _, _, _, thread, _ = event
        thing = self.world.things.get(obj)
        if thing is None:
            return
        kind = thing.kind
        if not ended and (kind == "Channel" or kind == "ChannelFile" and thing.number == IN):
            self.finalizing[thread] = obj
            if kind == "ChannelFile":
                root = self.roots.of(obj)
                if not self._is_over(root.transport, t_ns):
                    self.states.finalized(event, self.world, self.channels.known(root.channel), root.transport)
            return  # its end comes, too
        self.finalizing.pop(thread, None)
        if kind == "SSHClient":
            self.lives.dropped(obj, t_ns)
        if kind == "Channel":
            self._channel_gone(obj, thing)
        elif kind == "SFTPFile":
            self.conflicts.forget(obj, ("file",))
        elif kind != "ChannelFile":
            return
        self.world.gone(obj)
        self.roots.forget(obj)

    def _channel_gone(self, channel: int, thing: Thing) -> None:
        self.conflicts.forget(channel, _CHANNEL_RESOURCES)
        # Both ends use numbers again, the peer before this object is collected: they may be another channel's now.
        for numbers, number in ((self.roots.by_number, thing.number), (self.roots.by_remote, thing.remote)):
            if numbers.get((thing.parent, number)) == channel:
                del numbers[thing.parent, number]
        self._channel_ends(channel)
        self.channels.forget(channel)
        self.clocks.forget(channel)
        self.dialogues.forget(channel)
        self.states.forget(channel)
        for stream in self._streams.pop(channel, ()):  # those of a command are not told one by one
            self.world.gone(stream)
            self.roots.forget(stream)
            if stream >= FIRST_STREAM:
                continue
            self.conflicts.forget(stream, ("sftp",))  # it is the channel's SFTP client
            self.sftp.forget(stream)
            if self._closed_sftps.pop(stream, 0):
                self.lives.forget(stream, 0)

    def _has_closed(self, call: Call, root: Root) -> None:
        """Whoever has closed a connection has waited for its thread (transport.py ``Transport.stop_thread``)."""
        reader = self._ended_readers.get(root.transport, 0)
        if reader and reader != call.thread:
            self.clocks.joined(call.thread, reader)

    def _connection_ends(self, transport: int, t_ns: int, thread: int) -> None:
        """A transport's thread is done; of those that were long before nobody will say more."""
        self.transport_ended[transport] = t_ns
        self._ended_readers[transport] = thread
        if self.channels.late_eofs and any(
            not c.closed and self.roots.of(c.ident).transport == transport for c in self.channels.alive.values()
        ):
            self.failed_ns[transport] = t_ns
        self._ended_connections.append(transport)
        if len(self._ended_connections) <= _KEPT_ENDED_CONNECTIONS:
            return
        oldest = self._ended_connections.popleft()
        self._ended_readers.pop(oldest, None)
        if self.world.is_pinned(oldest):
            return
        client = self.roots.forget_connection(oldest)
        self.lives.forget(oldest, client)
        self.states.forget_connection(oldest)
        self.conflicts.forget(client, ("client.life",))
        self.conflicts.forget(oldest, ("transport.auth", "transport.reply"))
        self.heard.pop(oldest, None)
        self.failed_ns.pop(oldest, None)
        self.connects_of.pop(oldest, None)

    def _is_over(self, transport: int, t_ns: int) -> bool:
        """Whether nothing goes over that connection any more."""
        owners = (transport, self.client_of(transport))
        return not transport or transport in self.transport_ended or any(self.lives.was_closed(o, t_ns) for o in owners)

    def _channel_ends(self, ident: int) -> None:
        self.practice.gone(ident)
        if ident in self.states.polled:
            self.world.pin(ident)
            self.states.reading_ends(self.channels.of(ident))
        elif ident in self.states.looked_at and self.states.looking_ends(self.channels.of(ident)):
            self.world.pin(ident)

    def _link(self, event: Row) -> None:
        t_ns, transport, channel, _, number, by, thread, _ = event
        thing, calls = self.world.thing(channel), self.open.of(thread)
        thing.parent, thing.number = transport, number
        self.roots.forget(channel)
        if by == BY_PEER:
            self.states.comes_in(transport)
            self.channels.of(channel).from_peer = True
        elif not self._opens_other(calls) and not (self._asking and self._is_asked_for_other(thread, transport)):
            self.lives.session_opened(transport, channel, t_ns)
        self.roots.by_number[transport, number] = channel
        self.channels.opened_by(channel, calls)

    def _opens_other(self, calls: list[Call]) -> bool:
        """Whether one of the calls opens a channel that is no session."""
        for call in calls:
            if call.name == "Transport.open_channel" and not self._is_session(call):
                return True
        return False

    def _asks_for_other(self, call: Call, root: Root) -> None:
        """A channel is asked for; from now until it is there it may be the one that the connection's thread records."""
        if not self._is_session(call) and root.transport:
            asking = [c for c in self._asking.get(root.transport, ()) if not c.ended_ns]
            self._asking[root.transport] = [*asking, call]

    def _is_asked_for_other(self, thread: int, transport: int) -> bool:
        """Whether a channel that the connection's own thread records may be no session: one is asked for that is none.

        The thread that gets a session from ``open_session()`` records it once more.
        """
        if self.world.thread(thread).transport != transport:
            return False
        return any(not call.ended_ns for call in self._asking.get(transport, ()))

    def _is_session(self, call: Call) -> bool:
        return self.world.text(call.words) in ("", "session")

    def _state(self, event: Row) -> None:
        t_ns, value, obj, _, text, state, thread, _ = event
        if state == _WINDOW:
            self.channels.of(obj).window_bytes = value
        elif state == _REMOTE_CHANNEL:
            thing = self.world.thing(obj)
            thing.remote = value
            self.roots.by_remote[thing.parent, value] = obj
        elif state == State.EXIT_STATUS:
            self.channels.of(obj).status = value
            self.lives.session_ends(self.world.thing(obj).parent, obj)
            self.clocks.answered(obj, SENT, ANSWERED)
        elif state == State.FAILED:
            self.futures.failed(thread, obj, self.world.text(text), t_ns)
        elif state == State.UNRETRIEVED:
            self.futures.unretrieved(obj)
        elif state == State.WORKER:
            self.futures.works_for(text, obj, value)
        elif state == State.ASKED_AHEAD:
            self.sftp.asked_ahead(self.open.of(thread), obj, value)
        elif state == State.ASYNC_QUEUE:
            self.async_pools.changed(obj, value, text, Moment(thread, event[3], t_ns))
        elif state == State.GATHERED:
            self.futures.is_gathered(obj, event[3])
        elif state == State.OF_COROUTINE:
            self.futures.is_coroutines(obj, value)
        elif state == State.FOR_TASK:
            self.actors.gives(obj, value)
        elif state == State.LOOP_RESTS:
            self.loop_rests.rests(thread, value, text, t_ns)
        elif state == State.TASK_WAITS:
            self.loop_rests.waits(thread, obj, value, text, event[3])
        elif state == State.BEFORE:
            if not obj:
                self.clocks.learns_everything(thread)
            else:
                self.world.thing(obj).before = True
                if value:
                    self.clocks.held_before(obj)
        elif state == State.OWN_STEP:
            path, line, function = self.world.text(text).split("\t")
            self.own_steps[obj] = OWN_STEPS[self.world.thing(obj).kind], path, int(line), function
        elif state == State.CONNECTED:
            words = self.world.text(text)
            self.world.thing(obj).label = f"to {words}" if words else ""
            self.roots.connected(obj, value)
        else:
            self.states.changed(state, obj, value, text)

    def _feed(self, event: Row) -> None:
        t_ns, unread, channel, _, window, stream, _, _ = event
        self.channels.feed(channel, stream, unread, window, t_ns)
        self.heard[(self.roots.known.get(channel) or self.roots.of(channel)).transport] = t_ns

    def _wire(self, event: Row) -> None:
        t_ns, number, transport, _, received, message, thread, _ = event
        if received:
            self.heard[transport] = t_ns
            channel = self.roots.by_number.get((transport, number))
            if channel is None:
                return
            known = self.channels.of(channel)
            if message == _EOF:
                known.eof_ns = t_ns
                self.lives.session_ends(transport, channel)
            else:
                known.close_ns = t_ns
                self.lives.session_closed(transport, channel)
            self.clocks.answered(channel, SENT, ANSWERED)
            return
        if self.forked and self._is_inherited(transport):
            opened = self.open.of(thread)
            call = opened[-1] if opened else None
            self.forks.child_sends(transport, Sent(message, thread, t_ns, call))
        channel = self.roots.by_remote.get((transport, number))
        if channel is None:
            return
        calls = self.open.of(thread)
        if calls and calls[0].name == "Transport.run":
            calls = calls[1:]
        stack = calls[-1].stack if calls else 0
        if message == _CLOSE:
            self.channels.close_sent(channel, thread, stack, t_ns)
            if not self.world.thread(thread).transport and self.finalizing.get(thread) != channel:
                self.channels.gives_up(channel, self.clocks.of(thread).now)
            known = self.channels.of(channel)
            if (
                self.finalizing.get(thread) == channel
                and known.status is None
                and not known.eof_ns
                and not known.close_ns
            ):
                self.world.pin(channel)
                self.dropped.append(Dropped(channel, known.opener, known.pty, thread, t_ns))
            self.lives.session_closed(transport, channel)
            return
        if self.channels.eof_sent(channel, thread, stack, t_ns):
            self.world.pin(channel)
        for call in calls:
            if call.name in ENDS_INPUT:
                root = self.roots.of(call.obj)
                if root.channel == channel:  # else a finalizer runs in it, and it is that one's channel
                    self.conflicts.end(self._by_name[call.name].uses[0], call, root, self.clocks.of(thread).now)
        self.clocks.post(thread, channel, SENT)

    def _is_inherited(self, obj: int) -> bool:
        thing = self.world.things.get(obj)
        return thing is None or thing.before
