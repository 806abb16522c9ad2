"""What calls tell as they begin and end: their part of a recording's facts, and who of the machines hears of them.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Mapping

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import OUT, Stall, stream_read
from paramedic.analysis.hangs import HUNG_NS, excused
from paramedic.analysis.lives import NO_FAILURES
from paramedic.analysis.loop_waits import LONG_NS
from paramedic.analysis.machine import NOWHERE, Listener, Machine, Root, listeners
from paramedic.analysis.operations import CALLS_BACK, operations
from paramedic.analysis.pools import GETS, Idle
from paramedic.analysis.wire import ANSWERED, SENT, WireFacts
from paramedic.model.event import Row

REGISTERED, SIGNED = 1, 2
"""Tokens of a transport: its thread was given a handler or a login to do; it has had an agent sign."""
_LOGINS = (
    "SSHClient.connect Transport.connect Transport.auth_none Transport.auth_password Transport.auth_publickey "
    "Transport.auth_interactive Transport.auth_interactive_dumb"
).split()
_CHANNEL_ERROR = "ChannelException"
_REFUSED = (_CHANNEL_ERROR, "SSHException: Unable to open channel")
_MOST_ORIGINS = 1000


class CallFacts(WireFacts):
    """The facts that calls tell.

    Args:
        texts: of the recording, by id.
        names: of the operations, by number.
        process: its id.

    Threads: one thread.
    """

    def __init__(self, texts: Mapping[int, str], names: list[str], process: int = 0) -> None:
        super().__init__(texts, operations(names), process)
        self.begins: Mapping[str, Listener] = {
            "Thread.shutdown": self._shuts_down,
            "AgentKey.sign_ssh_data": self._signs,
            **dict.fromkeys(_LOGINS, self._logs_in),
        }
        self.ends: Mapping[str, Listener] = {
            "Thread.join": self._joined_with_limit,
            **dict.fromkeys(("SSHClient.close", "Transport.close"), self._has_closed),
            **dict.fromkeys(("Future.wait", "Future.result"), self._asked_with_limit),
            **dict.fromkeys(GETS, lambda call, root: self._waited_for_pool(call, call.ended_ns)),
            "Channel.exit_status_ready": self._status_is_there,
            "Channel.recv_ready": self._looked,
            "AgentKey.sign_ssh_data": self._has_signed,
            **dict.fromkeys(_LOGINS, self._has_logged_in),
        }
        afterwards: Mapping[str, Listener] = {
            "Channel.get_pty": self._gets_terminal, "Channel.invoke_shell": self._gets_terminal,
            "SSHClient.connect": self._connects, "SSHClient.close": self._closes, "Transport.close": self._closes,
            "SFTPClient.close": self._closes_sftp, "Channel.close": self._gives_up,
            "Channel.exit_status_ready": self._asks_status, "Transport.open_channel": self._asks_for_other,
        }  # fmt: skip
        self._afterwards = [[afterwards[o.name]] if o.name in afterwards else [] for o in self._operations]
        machines: tuple[Machine, ...] = (
            self.futures, self.sftp, self.states, self.loop_waits, self.practice, self.dialogues, self.redials,
            self.rewrites, self,
        )  # fmt: skip
        self._begins = [listeners([m.begins for m in machines], o.name) for o in self._operations]
        self._ends = [listeners([m.ends for m in machines], o.name) for o in self._operations]
        self._runs = names.index("Transport.run") if "Transport.run" in names else -1
        self._readers: set[int] = set()

    def _call(self, event: Row) -> None:
        t_ns, a, obj, site, b, op, thread, _ = event
        operation = self._operations[op]
        clock = self.clocks.threads.get(thread) or self.clocks.of(thread)
        holds = self.locks.held.get(thread)
        held = tuple(holds) if holds else ()
        call = Call(thread, operation.name, obj, site, t_ns, a, b, held, clock.now)
        if self.actors.working:
            call.actor = self.actors.working.get(thread, thread)
        calls = self.open.stacks.get(thread)
        if calls is None:
            calls = self.open.stacks[thread] = []
        if thread == 1 and operation.locks and (calls or self.states.signal_handlers):
            self._in_main(calls, call)
        calls.append(call)
        if not (self.world.owned.get(site) or self.world.owns(site)):
            self._note_origin(thread, site, t_ns)
        if not operation.paramiko:
            for listener in self._begins[op][0]:
                listener(call, NOWHERE)
            return
        if op == self._runs:
            self.world.thread(thread).transport = obj
            self._readers.add(thread)
            return
        if self.polls.last:
            self.polls.last.pop(thread, None)
        if self.polls.aside:
            self._no_accident(thread)
        root = self.roots.known.get(obj) or self.roots.of(obj)
        shape = root.shape
        for listener in self._begins[op][shape]:
            listener(call, root)
        uses = operation.uses[shape]
        if uses:
            self.conflicts.begin(uses, call, root, clock)
        if operation.remote:
            if self.forked and self._is_inherited(obj):
                self.forks.child_uses(call)
            transport = root.transport
            if transport:
                if self.forks.times:
                    self.forks.parent_uses(transport, call)
                if held and self.world.thread(thread).transport != transport:
                    self.locks.remote(call, transport, clock)
            if operation.reads and root.channel:
                self.channels.reading(root.channel, stream_read(call.name, root))
        for listener in self._afterwards[op]:
            listener(call, root)

    def _no_accident(self, thread: int) -> None:
        """Under locks that were thought to order nothing, something is done that others may wait for."""
        for lock in self.polls.deeds(thread):
            if not self.polls.is_loggings(lock):
                self.clocks.locked(thread, lock)

    def _note_origin(self, thread: int, site: int, t_ns: int) -> None:
        """A call in which no line of the user's own has a part: it is told by where its task was submitted."""
        task = self.futures.task_of.get(thread, 0)
        known = self.origins.get((thread, site))
        if known is None:
            if task:
                self.origins[thread, site] = [(t_ns, task)]
        elif known[-1][1] != task:
            known.append((t_ns, task))
            if len(known) > _MOST_ORIGINS:
                del known[1 : _MOST_ORIGINS // 2]

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
            self.lives.closes(
                closed, call.obj, call, clock, under_way, closed != owner,
                lambda use: (
                    use[3] is not None and any(map(clock.knows, use[3].given_up))
                    or self.world.thread(use[0].thread).ended_ns > 0  # a limit cuts nothing off that is done
                    and self.is_deadline(call.thread, use[0].thread)
                ),
            )  # fmt: skip

    def _gives_up(self, call: Call, root: Root) -> None:
        if root.channel and not self.world.thread(call.thread).transport:
            self.channels.gives_up(root.channel, self.clocks.of(call.thread).now)

    def _closes_sftp(self, call: Call, root: Root) -> None:
        others = [c for c in self.open.all() if c.thread != call.thread and self.roots.of(c.obj).sftp == call.obj]
        if any(conflict.resource == call.obj for conflict in self.conflicts.found()):
            return  # used by several threads at once, it loses replies: whoever waits for one is let go
        clock = self.clocks.of(call.thread)
        if self.world.thread(call.thread).kind != "Timer":  # else a deadline
            self.lives.used_within(call.obj, self.roots.owner(call.obj, root))
            self.lives.closes(call.obj, call.obj, call, clock, others, False)
            self._closed_sftps.setdefault(call.obj, call.thread)

    def _uses_object(self, call: Call) -> bool:
        return self._by_name[call.name].uses_object and call.name != "Transport.run"

    def _owner_of(self, call: Call) -> int:
        return self.roots.owner(call.obj, self.roots.of(call.obj))

    def _asks_status(self, call: Call, root: Root) -> None:
        asked_ns = call.began_ns
        if root.channel and self.channels.polled_in_vain(root.channel, call):
            self.channels.waited(Stall.STATUS, root.channel, OUT, call, asked_ns, True)

    def _looked(self, call: Call, root: Root) -> None:
        if call.holds:
            self.locks.looked(call, call.result == 0)

    def _status_is_there(self, call: Call, root: Root) -> None:
        self._looked(call, root)
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

    def _return(self, event: Row) -> None:
        t_ns, result, obj, _, _, op, thread, _ = event
        calls = self.open.stacks.get(thread)
        if calls and calls[-1].obj == obj and calls[-1].name == self._operations[op].name:
            call: Call | None = calls.pop()
        else:
            call = self._closing(event)
        if call is not None:
            call.ended_ns, call.result = t_ns, result
            self._ended(call, event)

    def _raise(self, event: Row) -> None:
        call = self._closing(event)
        if call is not None:
            call.ended_ns, call.error = event[0], self.world.text(event[4]) or "exception"
            self._ended(call, event)

    def _closing(self, event: Row) -> Call | None:
        _, _, obj, _, _, op, thread, _ = event
        name = self._operations[op].name
        call = self.open.end(thread, name, obj)
        if call is None and obj:
            call = self.open.end_elsewhere(name, obj)
            self.greenlets += call is not None
        return call

    def _ended(self, call: Call, event: Row) -> None:
        t_ns, code, op = event[0], event[1], event[5]
        operation = self._operations[op]
        obj, thread = call.obj, call.thread
        if not operation.paramiko:
            for listener in self._ends[op][0]:
                listener(call, NOWHERE)
            if thread in self._readers:
                self.callbacks.ended(call, NOWHERE, t_ns)
            return
        root = self.roots.known.get(obj) or self.roots.of(obj)
        shape = root.shape
        now = (self.clocks.threads.get(thread) or self.clocks.of(thread)).now  # before listeners hand anything over
        for listener in self._ends[op][shape]:
            listener(call, root)
        if thread in self._readers:
            self.callbacks.ended(call, root, t_ns)
        if operation.remote:
            self.futures.used[thread] = call
            lasted_ns = t_ns - call.began_ns
            if lasted_ns >= LONG_NS:
                self.loop_waits.remote_ended(call)
                if lasted_ns >= HUNG_NS:
                    self.long_calls.append((call, root))
            if thread in self.states.loops:
                self.states.blocked_loop(call, t_ns)
        if call.error:
            self.futures.raised(call)
            self.pools.raised(thread)
            if call.error.startswith("KeyboardInterrupt"):
                self.interrupted.append(call)
        if op == self._runs:
            self._connection_ends(obj, t_ns, thread)
            self._readers.discard(thread)
            return
        channel, transport = root.channel, root.transport
        if call.error and transport and not call.error.startswith(NO_FAILURES):
            self.failed_ns[transport] = t_ns
        if self.busy.times:
            self.busy.called(thread, call.began_ns, t_ns)
        if call.holds:
            self.locks.remote_ended(call, t_ns)
        uses = operation.uses[shape]
        if uses:
            self.conflicts.end(uses, call, root, now)
        if channel:
            self.channels.ended(operation.waits, call, root, t_ns)
            # the peer's answer may depend on all that we had sent: who has read it is after those who sent
            if operation.sends:
                self.clocks.post(thread, channel, SENT)
            if operation.hears:
                self.clocks.take(thread, channel, ANSWERED)
        if operation.registers and transport:
            self.clocks.post(thread, transport, REGISTERED)
        if self._closed_sftps and self._closed_sftps.get(root.sftp, thread) != thread:
            if not excused(self, call, root):
                self.lives.end(root.sftp, call, self.clocks.of(thread), False, self.channels.over_ns(channel))
        owner = transport or self.roots.owner(obj, root)
        if (
            owner
            and operation.uses_object
            and not self.lives.used(
                owner, call, now, root, self.channels.known(channel) if channel else None, operation.brings
            )
            and not excused(self, call, root)
        ):
            cut = channel > 0 and self.channels.cut_off(channel)
            reads_on = cut and operation.reads and not operation.reads_all
            short, over_ns = operation.reads_all and cut, self.channels.over_ns(channel)
            stream = self.channels.of(channel) if reads_on else None
            self.lives.end(owner, call, self.clocks.of(thread), short, over_ns, stream)
        if call.error and operation.opens and transport and call.error.startswith(_REFUSED):
            if call.name != "Transport.open_channel" or self._is_session(call):
                self.lives.refused(transport, call, code, self._opened_by, call.error.startswith(_CHANNEL_ERROR))

    def abandoned(self, call: Call) -> None:
        """A call will never say that it ended: from now on it keeps nobody out."""
        root = self.roots.of(call.obj)
        self.conflicts.end(self._by_name[call.name].uses[root.shape], call, root, self.clocks.of(call.thread).now)
        self.lives.abandoned(self.roots.owner(call.obj, root), call)

    def _opened_by(self, channel: int) -> int:
        """The thread that asked for a channel which the server has opened, or a number below 0; 0 if it has not."""
        opener = self.channels.of(channel).opener
        return (opener.thread if opener is not None else -channel) if self.world.thing(channel).remote >= 0 else 0

    def _registered(self, thread: int) -> int:
        """The transport whose thread this is; it knows what was known to those who gave it handlers or log in."""
        known = self.world.threads.get(thread)
        transport = known.transport if known is not None else 0
        if transport:
            self.clocks.take(thread, transport, REGISTERED)
        return transport

    def _logs_in(self, call: Call, root: Root) -> None:
        if root.transport:
            self.clocks.post(call.thread, root.transport, REGISTERED)

    def _signs(self, call: Call, root: Root) -> None:
        self._registered(call.thread)

    def _has_signed(self, call: Call, root: Root) -> None:
        transport = self.world.thread(call.thread).transport
        if transport:
            self.clocks.post(call.thread, transport, SIGNED)

    def _has_logged_in(self, call: Call, root: Root) -> None:
        """The server's answer came after the signature (auth_handler.py ``AuthHandler.wait_for_response``)."""
        transport = root.transport
        if not transport:
            return
        self.clocks.take(call.thread, transport, SIGNED)
        made = self.connects_of.get(transport)
        if made is None or made.name != "SSHClient.connect":
            self.connects_of[transport] = call

    def _shuts_down(self, call: Call, root: Root) -> None:
        self.shutdown_ns = call.began_ns

    def _joined_with_limit(self, call: Call, root: Root) -> None:
        if call.argument >= 0 and not self.world.thread(call.words).ended_ns:
            self.awaited.add(call.words)

    def _asked_with_limit(self, call: Call, root: Root) -> None:
        if call.argument >= 0:
            runner = self.futures.runner(call.obj)
            if runner:
                self.awaited.add(runner)

    def _waited_for_pool(self, call: Call, t_ns: int) -> None:
        def idle(thread: int, task: int) -> Idle:
            if self.has_left(thread, task):
                return Idle.ENDED
            calls = self.open.of(thread)
            return Idle.AGAIN if calls and calls[-1].obj == call.obj else Idle.BUSY

        self.pools.waited(call, t_ns - call.began_ns, idle)

    def _closed_by(self, obj: int) -> int:
        """The thread that closed a client or transport; 0 if none did."""
        close = self.lives.close_of(obj, self.roots.transport_of.get(obj, 0))
        return close.thread if close is not None else 0
