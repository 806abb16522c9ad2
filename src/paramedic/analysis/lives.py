"""Closing, use after it, and how many sessions a connection carried.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import Channel
from paramedic.analysis.clocks import Epoch, ThreadClock
from paramedic.analysis.machine import Root
from paramedic.analysis.operations import BRINGS

Use = tuple[Call, Epoch, Root, Channel | None]
"""A use that is over: the call, the moment of its end, and what it was made on, which may be gone at the close."""


@dataclass(slots=True)
class ClosedUse:
    """A connection was closed by one thread while another still used it, or would have.

    Attributes:
        owner: id of the client or transport that was closed.
        close: the call that closed it.
        use: the other thread's call.
        how: ``broken`` (it was under way and failed), ``after`` (it began afterwards and failed), ``status`` (it
            returned exit status -1), ``short`` (it read to the end, and the end was the close), ``told`` (it failed
            afterwards, and its thread had been told of what came after the close), ``lines`` (it waited for a line
            more), ``unordered`` (it was over, but nothing made the closer wait for it).
        count: how often.
        uses: calls that this close met; those that other closes at the same place met are only counted.
        inner: the client or transport that was used, where it goes through the one that was closed; else 0.
        others: connections that those who used it have used since the close.
        opener: what had opened the channel of which lines were read.
    """

    owner: int
    close: Call
    use: Call
    how: str
    count: int = 1
    uses: list[Call] = field(default_factory=list)
    inner: int = 0
    others: tuple[int, ...] = ()
    opener: Call | None = None


@dataclass(slots=True)
class Refusal:
    """The server refused to open a session.

    Attributes:
        transport: id.
        call: the call that was refused.
        code: RFC 4254 section 5.1 reason code.
        open: how many sessions the server had open on the connection then, at most.
        count: how many calls were refused on the connection.
        calls: the refused calls, a few of them.
        peak: the most sessions that were open at once.
        openers: how many threads had opened those that were open then.
        nameless: calls that failed beside the refused ones, and whose reason others got.
    """

    transport: int
    call: Call
    code: int
    open: int
    count: int = 1
    calls: list[Call] = field(default_factory=list)
    peak: int = 0
    openers: int = 0
    nameless: list[Call] = field(default_factory=list)


@dataclass(slots=True)
class _Life:
    """One connection, or a client that has none yet.

    Attributes:
        close: the call that closed it.
        closed: the client or transport that the call was made on.
        through: whether that is not this connection but one that it goes through.
        cut: calls of other threads that were under way then, by their identity.
        last: what each thread used last before that, and needed for what it brought; see `used`.
        used_ns: when a use before that ended last.
    """

    close: Call | None = None
    closed: int = 0
    through: bool = False
    cut: dict[int, Call] = field(default_factory=dict)
    last: dict[int, Use] = field(default_factory=dict)
    used_ns: int = 0


_LINES = ("File.readline", "File.__next__")
NO_FAILURES = ("TimeoutError", "timeout", "socket.timeout", "StopIteration")
"""Errors that say nothing of the connection."""
_GIVES_UP = frozenset(("Channel.close", "SFTPClient.close", "SSHClient.close", "Transport.close"))
"""Who gives up what the other thread has just closed has lost nothing, though it may raise: a file's close() sends what
was written."""
_TELLING = ("broken", "after", "status", "short", "told")
"""What a close did to those who used the connection, the most telling first."""
_KEPT_THREADS = 100
KEPT_BARE = 5_000
_MOST_REFUSED = 50
"""Closes of clients that had no connection (a host that is tried again and again): no connection's end forgets them."""


class Lives:
    """Clients and transports, and what becomes of those who use them when they are closed."""

    def __init__(self) -> None:
        self._lives: dict[int, _Life] = {}
        self._closes: dict[int, Call] = {}
        self._bare: dict[int, None] = {}
        self._dropped: dict[int, int] = {}
        self._latest_session: dict[int, int] = {}
        self._nameless: dict[int, list[Call]] = {}
        self._found: dict[tuple[int, str], ClosedUse] = {}
        self._unordered: dict[tuple[int, int], ClosedUse] = {}
        self._lines: dict[tuple[int, int], ClosedUse] = {}
        self.sessions: dict[int, set[int]] = {}
        self._ending: dict[int, set[int]] = {}
        self.opened: dict[int, int] = {}
        self.peaks: dict[int, int] = {}
        self.refusals: dict[int, Refusal] = {}

    def reborn(self, client: int) -> None:
        """A client connects again: what was closed is history."""
        for known in (self._lives, self._closes, self._bare):
            known.pop(client, None)

    def forget(self, transport: int, client: int) -> None:
        """A connection has ended long ago, and with it, where there is one, its client's latest."""
        for ident in (transport, client):
            self.reborn(ident)
            self._dropped.pop(ident, None)
        self.sessions.pop(transport, None)
        self._ending.pop(transport, None)
        self.peaks.pop(transport, None)
        self._latest_session.pop(transport, None)
        self._nameless.pop(transport, None)

    def close_of(self, *objects: int) -> Call | None:
        """The call that closed one of these, or None."""
        for ident in objects:
            close = self._closes.get(ident)
            if close is not None:
                return close
            life = self._lives.get(ident)
            if life is not None and life.close is not None:
                return life.close
        return None

    def used(
        self, owner: int, call: Call, at: Epoch, root: Root, channel: Channel | None, counts: bool
    ) -> bool:  # fmt: skip
        """A use of it ends; False if that says something: another thread has closed it, or what it goes through.

        Args:
            owner: the connection, or the client that has none.
            call: the use.
            at: the moment of its end.
            root: what it was made on.
            channel: the one that it went over.
            counts: whether its thread needed what it brought, or wrote; see `paramedic.analysis.operations.BRINGS`.
        """
        life = self._lives.get(owner)
        if life is None:
            life = self._lives[owner] = _Life()
        elif life.close is not None and (life.close.thread != call.thread or life.through):
            return False
        elif len(life.last) > _KEPT_THREADS:
            del life.last[next(iter(life.last))]
        life.used_ns = call.ended_ns
        before = life.last.get(call.thread)
        if counts or before is None or before[3] is not None and before[3].from_peer:
            life.last[call.thread] = call, at, root, channel
        return True

    def used_within(self, sftp: int, owner: int) -> None:
        """Of an SFTP client on a connection: what threads used last of the connection was that client, or was not."""
        whole = self._lives.get(owner)
        if whole is not None and sftp not in self._lives:
            self._lives[sftp] = _Life(last={t: use for t, use in whole.last.items() if use[2].sftp == sftp})

    def end(
        self, owner: int, call: Call, clock: ThreadClock, short: bool, over_ns: int, stream: Channel | None = None
    ) -> None:  # fmt: skip
        """A use that was not to be `used` ends, well or not.

        Args:
            owner: the connection, or the client that has none.
            call: the use.
            clock: of its thread.
            short: whether it read a stream to its end, and the peer had not ended it.
            over_ns: when the program closed its channel; 0 if it did not, or the use has none.
            stream: its channel, if it read on, and the peer had not ended the stream.
        """
        life = self._lives[owner]
        if life.close is None:
            return
        was_cut = life.cut.pop(id(call), None) is not None
        failed = bool(call.error) and not call.error.startswith(NO_FAILURES)
        if call.name in _GIVES_UP or 0 < over_ns <= life.close.began_ns:
            return  # of its channel nothing was left that this close could have ended
        if failed and was_cut:
            how = "broken"
        elif failed and call.began_ns >= life.close.began_ns:
            how = "told" if clock.weak_known.has(life.close.epoch) else "after"
        elif call.name == "Channel.recv_exit_status" and call.result == -1:
            how = "status"
        elif short and not failed:
            how = "short"
        elif stream is not None and not failed and (was_cut or self._was_on_its_way(life, call, stream)):
            if stream.opener is not None and call.name in _LINES:
                lines = ClosedUse(life.closed, life.close, call, "lines", uses=[call], opener=stream.opener)
                self._lines.setdefault((life.close.stack, stream.opener.stack), lines)
            return
        else:
            return
        self._note(life.closed, life.close, call, how, owner if life.through else 0)

    def _was_on_its_way(self, life: _Life, read: Call, stream: Channel) -> bool:
        """Whether a reader was between two reads, or the command and the first, when it was closed.

        It then finds the end at its next one, as those do who wait there: that nothing made the closer wait for what
        it had done before is taken back.
        """
        last = life.last.get(read.thread)
        if life.close is None or last is None or not (last[0] is stream.opener or last[3] is stream):
            return False
        known = self._unordered.get(key := (life.close.stack, last[0].stack))
        if known is not None:
            known.count -= 1
            if not known.count:
                del self._unordered[key]
        return True

    def abandoned(self, owner: int, call: Call) -> None:
        """The use ended, and nobody knows how."""
        life = self._lives.get(owner)
        if life is not None:
            life.cut.pop(id(call), None)

    def closes(
        self,
        owner: int,
        obj: int,
        call: Call,
        clock: ThreadClock,
        under_way: list[Call],
        through: bool,
        gave_up: Callable[[Use], bool] = lambda use: False,
    ) -> None:
        """It is closed.

        Args:
            owner: the connection, or the client that has none.
            obj: the client or transport that ``close()`` was called on.
            call: the call of close().
            clock: of the closing thread.
            under_way: calls on it that have not ended.
            through: whether not this connection is closed but one that it goes through.
            gave_up: whether the program had closed the channel of that use before, and the closer knows it.
        """
        if not through:
            self._closes.setdefault(obj, call)
        life = self._lives.get(owner)
        if life is None:
            life = self._lives[owner] = _Life()
        if life.close is not None:
            return
        life.close, life.closed, life.through = call, obj, through
        if owner == obj:
            self._bare[obj] = None
            if len(self._bare) > KEPT_BARE:
                self.reborn(next(iter(self._bare)))
        life.cut.update((id(use), use) for use in under_way if use.thread != call.thread)
        busy = {use.thread for use in under_way}
        for thread, last in life.last.items():
            use, epoch, _, _ = last
            if use.method not in BRINGS or thread == call.thread or thread in busy:
                continue
            if not clock.knows(epoch) and not call.shares_a_lock_with(use) and not gave_up(last):
                key = (call.stack, use.stack)
                known = self._unordered.get(key)
                if known is None:
                    inner = owner if through else 0
                    self._unordered[key] = ClosedUse(obj, call, use, "unordered", uses=[use], inner=inner)
                else:
                    known.count += 1

    def last_used_ns(self, owner: int) -> int:
        """When a use of it last ended; 0 if none did."""
        life = self._lives.get(owner)
        return life.used_ns if life is not None else 0

    def latest_uses(self, owner: int) -> list[Call]:
        """What each thread used last of it, but for closes and questions how things are."""
        life = self._lives.get(owner)
        return [use[0] for use in life.last.values()] if life is not None else []

    def closed_ns(self, obj: int) -> int:
        """When the program itself called its close(); 0 if it did not."""
        close = self._closes.get(obj)
        return close.began_ns if close is not None else 0

    def dropped(self, client: int, t_ns: int) -> None:
        """The object is gone; that matters only where nobody has closed it."""
        if not self.was_closed(client, t_ns):
            self._dropped[client] = t_ns

    def was_dropped(self, client: int, transport: int, before_ns: int) -> bool:
        """Whether a client had gone by then, with its close() never called, and nobody has anything else of it.

        Who has its transport opens sessions on it afterwards; who has an SFTP client has one that is open.
        """
        dropped_ns = self._dropped.get(client, before_ns)
        held = self.sessions.get(transport) or self._latest_session.get(transport, 0) > dropped_ns
        return dropped_ns < before_ns and not held

    def was_closed(self, obj: int, before_ns: int) -> bool:
        """Whether the program itself had called its close() by then."""
        close = self._closes.get(obj)
        return close is not None and close.began_ns < before_ns

    def closed_uses(self) -> list[ClosedUse]:
        """What was cut off, and what could have been."""
        certain: dict[tuple[int, bool], ClosedUse] = {}
        for found in sorted(self._found.values(), key=lambda c: _TELLING.index(c.how)):
            place = (found.close.stack, found.inner > 0)
            best = certain.get(place)
            if best is None:
                best = certain[place] = replace(found, uses=list(found.uses))
                continue
            best.count += found.count
            best.uses += found.uses if found.close is best.close else ()
        told = {stack for stack, _ in certain}
        others = (*self._lines.values(), *self._unordered.values())
        uses = [*certain.values(), *(u for u in others if u.close.stack not in told)]
        for use in uses:
            use.others = self._used_since(use)
        return uses

    def _used_since(self, closed: ClosedUse) -> tuple[int, ...]:
        users, gone = {use.thread for use in closed.uses}, {closed.owner, closed.inner} - {0}
        return tuple(
            owner
            for owner, life in self._lives.items()
            if owner not in gone and life.closed not in gone
            if any(t in users and call.began_ns > closed.close.began_ns for t, (call, *_) in life.last.items())
        )

    def session_opened(self, transport: int, channel: int, t_ns: int) -> None:
        """A channel belongs to this connection from now on."""
        self._latest_session[transport] = t_ns
        sessions = self.sessions.get(transport)
        if sessions is None:
            sessions = self.sessions[transport] = set()
        if channel in sessions:
            return
        self.opened[transport] = self.opened.get(transport, 0) + 1
        sessions.add(channel)
        # A session whose end the server has told is over, though its CLOSE may still be in our socket.
        at_work = len(sessions) - len(self._ending.get(transport, ()))
        if at_work > self.peaks.get(transport, 0):
            self.peaks[transport] = at_work

    def session_ends(self, transport: int, channel: int) -> None:
        """The server has told its status or its last output."""
        if channel in self.sessions.get(transport, ()):
            self._ending.setdefault(transport, set()).add(channel)

    def session_closed(self, transport: int, channel: int) -> None:
        """It does no more."""
        for some in (self.sessions.get(transport), self._ending.get(transport)):
            if some is not None:
                some.discard(channel)

    def refused(
        self, transport: int, call: Call, code: int, opened_by: Callable[[int], int], named: bool
    ) -> None:  # fmt: skip
        """The server did not open a session.

        Args:
            transport: id.
            call: the call that asked for it.
            code: the server's reason.
            opened_by: the thread that asked for a channel, if the server has opened it; else 0.
            named: whether the call got the reason, and no other one (transport.py ``Transport.get_exception``, 5.1.0).
        """
        if not named:
            nameless = self._nameless.setdefault(transport, [])
            if len(nameless) < _MOST_REFUSED:
                nameless.append(call)
            return
        openers = [thread for thread in map(opened_by, self.sessions.get(transport, ())) if thread]
        now = len(openers)
        peak = max(self.peaks.get(transport, 0), len(self.sessions.get(transport, ())))
        known = self.refusals.get(transport)
        if known is None:
            self.refusals[transport] = Refusal(
                transport, call, code, now, calls=[call], peak=peak, openers=len(set(openers)),
                nameless=self._nameless.setdefault(transport, []),
            )  # fmt: skip
            return
        known.count += 1
        if now > known.open:
            known.open, known.openers = now, len(set(openers))
        known.peak = max(known.peak, peak)
        if len(known.calls) < _MOST_REFUSED:
            known.calls.append(call)

    def _note(self, owner: int, close: Call, use: Call, how: str, inner: int = 0) -> None:
        key = (close.stack, how)
        known = self._found.get(key)
        if known is None:
            self._found[key] = ClosedUse(owner, close, use, how, uses=[use], inner=inner)
            return
        known.count += 1
        if known.close is close and len(known.uses) < 20:
            known.uses.append(use)
