"""What happens to objects and on the wire, outside of calls: births, ends, links, states, data and messages.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Mapping

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import IN, Dropped
from paramedic.analysis.facts import Facts
from paramedic.analysis.forks import Sent
from paramedic.analysis.operations import ENDS_INPUT, Operation
from paramedic.model.event import BY_PEER, Event, State

_EOF, _CLOSE = 96, 97
SENT, ANSWERED = 2, 1
"""Tokens of a channel: what we sent, and what the peer's end tells us of it."""
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
            if thing.kind == "SFTPFile":
                self.conflicts.forget(event.obj, ("file",))
            elif thing.kind == "Channel":
                self.conflicts.forget(event.obj, _CHANNEL_RESOURCES)
                self.roots.by_number.pop((thing.parent, thing.number), None)
                self.roots.by_remote.pop((thing.parent, thing.remote), None)
                self._channel_ends(event.obj)
                self.channels.forget(event.obj)
                self.clocks.forget(event.obj)
                self.dialogues.forget(event.obj)
                self.states.forget(event.obj)
                for stream in self._streams.pop(event.obj, ()):  # those of a command are not told one by one
                    self.world.gone(stream)
                    self.roots.forget(stream)
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
        thing, calls = self.world.thing(event.obj), self.open.of(event.thread)
        thing.parent, thing.number = event.a, event.b
        self.roots.forget(event.obj)
        if event.op == BY_PEER:
            self.states.comes_in(event.a)
        elif not any(call.name == "Transport.open_channel" and not self._is_session(call) for call in calls):
            self.lives.session_opened(event.a, event.obj)
        self.roots.by_number[(event.a, event.b)] = event.obj
        self.channels.opened_by(event.obj, calls)

    def _is_session(self, call: Call) -> bool:
        return self.world.text(call.words) in ("", "session")

    def _state(self, event: Event) -> None:
        if event.op == State.REMOTE_CHANNEL:
            thing = self.world.thing(event.obj)
            thing.remote = event.a
            self.roots.by_remote[(thing.parent, event.a)] = event.obj
        elif event.op == State.WINDOW:
            self.channels.of(event.obj).window_bytes = event.a
        elif event.op == State.EXIT_STATUS:
            self.channels.of(event.obj).status = event.a
            self.clocks.answered(event.obj, SENT, ANSWERED)
        elif event.op == State.FAILED:
            self.futures.failed(event.thread, event.obj, self.world.text(event.b), event.t_ns)
        elif event.op == State.WORKER:
            self.futures.works_for(event.b, event.obj, event.a)
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
            self.clocks.answered(channel, SENT, ANSWERED)
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
            if call.name in ENDS_INPUT:
                for use in self._by_name[call.name].uses("", 0):
                    self.conflicts.end(use, channel, call, clock.now)
        self.clocks.post(event.thread, channel, SENT)

    def _is_inherited(self, obj: int) -> bool:
        thing = self.world.things.get(obj)
        return thing is None or thing.before
