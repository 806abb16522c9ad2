"""Channels: unread bytes and windows, ends of streams and of channels, and calls that nothing can end.

A receive window is given back only as data is read (channel.py ``Channel._check_add_window``, Paramiko 5.1.0). So a
peer that has filled it waits for a reader; whoever waits for that peer meanwhile waits for ever.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Epoch
from paramedic.analysis.machine import Root
from paramedic.analysis.operations import Waits
from paramedic.model.event import ERR, IN, OUT

FULL = 0.85
"""From this share of unread bytes on a window counts as full: a tenth of it may be read and not yet given back."""
_MOST_LATE = 1000
_OPENERS = ("SSHClient.", "Transport.open", "SFTPClient.")
_KEPT_GONE = 500
_MOST_CLOSERS = 50
_DATA = Waits.DATA
STUCK_NS = 1_000_000_000
"""A wait for somebody who waits for us counts from this long on."""
LARGE_BYTES = 64 << 10
"""From this much unread output on, more than a window is to be reckoned with, as it is not of `uptime`."""


class Stall(StrEnum):
    """What is waited for while the window is full."""

    STATUS = "status"
    OTHER_STREAM = "other-stream"
    WRITE = "write"


@dataclass(slots=True)
class Stuck:
    """A call that waited for a peer that waited for its window.

    Attributes:
        stall: see `Stall`.
        call: the call that waited.
        channel: id.
        unread_out: bytes of stdout that nobody had read.
        unread_err: bytes of stderr that nobody had read.
        window_bytes: the receive window.
        lasted_ns: how long, at least.
        ended: whether the call ended in the recording.
        count: how often from the same place.
        channels: ids of all channels that this happened to, at the same place.
    """

    stall: Stall
    call: Call
    channel: int
    unread_out: int
    unread_err: int
    window_bytes: int
    lasted_ns: int
    ended: bool
    count: int = 1
    channels: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Early:
    """Waits that went well, because the output that nobody had begun to read fitted the window.

    Attributes:
        call: the first wait from this place.
        channel: id.
        unread: bytes, the most of all these waits.
        window_bytes: the receive window.
        transport: id of the one of the first wait.
        count: how often from this place.
    """

    call: Call
    channel: int
    unread: int
    window_bytes: int
    transport: int
    count: int = 1


@dataclass(slots=True)
class LateEof:
    """EOF was sent on a channel whose CLOSE had been sent.

    Attributes:
        channel: id.
        closer: number of the thread that sent CLOSE.
        closed_ns: when.
        closer_stack: where, or 0.
        sender: number of the thread that sent EOF.
        sent_ns: when.
        sender_stack: where, or 0.
    """

    channel: int
    closer: int
    closed_ns: int
    closer_stack: int
    sender: int
    sent_ns: int
    sender_stack: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """A channel was closed by its finalizer before its command had ended.

    Attributes:
        channel: id.
        opener: the call that opened it, or None.
        pty: whether its command had a terminal.
        thread: number of the thread that ran the finalizer.
        t_ns: when.
    """

    channel: int
    opener: Call | None
    pty: bool
    thread: int
    t_ns: int


class Channel:
    """What is known of one channel.

    Attributes:
        ident: its id.
        window_bytes: our receive window.
        unread: bytes in our buffers, stdout and stderr.
        full_ns: since when the window is full; 0 if it is not.
        last_feed_ns: when data last came.
        eof_ns: when the peer's EOF came, or 0.
        close_ns: when the peer's CLOSE came, or 0.
        close_sent: when, from which thread, from which stack our CLOSE went out; None if it did not.
        given_up: the moments at which threads of the program closed it, whether or not it had ended before.
        status: the exit status that came, or None.
        pty: whether its command has a terminal, and so gets SIGHUP when the channel closes.
        opener: the call that opened it.
        from_peer: whether the peer has opened it.
        readers: how many calls read stdout and stderr.
        was_read: whether anybody has begun to read stdout, and stderr.
        was_asked: whether somebody has learned, without waiting, that the exit status is there.
        used_ns: when a call on it or on one of its streams last ended.
        stuck_ns: when a call was last seen to have waited for a peer that waited for us.
    """

    __slots__ = (
        "close_ns", "close_sent", "eof_ns", "from_peer", "full_ns", "given_up", "ident", "last_feed_ns", "opener",
        "pty", "readers", "status", "stuck_ns", "unread", "used_ns", "was_asked", "was_read", "window_bytes",
    )  # fmt: skip

    def __init__(self, ident: int) -> None:
        self.ident = ident
        self.window_bytes = self.full_ns = self.last_feed_ns = self.eof_ns = self.close_ns = 0
        self.used_ns = self.stuck_ns = 0
        self.unread, self.readers, self.was_read = [0, 0], [0, 0], [False, False]
        self.close_sent: tuple[int, int, int] | None = None
        self.given_up: tuple[Epoch, ...] = ()
        self.status: int | None = None
        self.pty = self.was_asked = self.from_peer = False
        self.opener: Call | None = None

    def has_read(self, stream: int, size: int, t_ns: int) -> None:
        """A call that read a stream ends: with that many bytes, or with none, which is the stream's end or a number
        that is not known."""
        if self.readers[stream]:
            self.readers[stream] -= 1
        left = self.unread[stream] - size
        self.unread[stream] = left if left > 0 and size else 0
        if self.full_ns:  # somebody reads: it is slow at most, and the waiting begins anew
            self.full_ns = t_ns if sum(self.unread) >= self.window_bytes * FULL else 0

    @property
    def closed(self) -> bool:
        """Whether either side has said CLOSE."""
        return self.close_ns > 0 or self.close_sent is not None


def stream_read(name: str, root: Root) -> int:
    """Which stream a reading call reads.

    Threads: pure.
    """
    return ERR if name == "Channel.recv_stderr" else root.stream if root.kind == "ChannelFile" else OUT


class Channels:
    """All channels that are alive."""

    def __init__(self) -> None:
        self.alive: dict[int, Channel] = {}
        # those that were freed lately, and those before them
        self._gone: dict[int, Channel] = {}
        self._older: dict[int, Channel] = {}
        self.late_eofs: list[LateEof] = []
        self._stuck: dict[tuple[object, ...], Stuck] = {}
        self._early: dict[tuple[Stall, int], Early] = {}

    def of(self, ident: int) -> Channel:
        """A channel by id, known or not."""
        channel = self.alive.get(ident)
        if channel is None:
            channel = self.alive[ident] = Channel(ident)
        return channel

    def opened_by(self, ident: int, calls: list[Call]) -> None:
        """A channel is linked, or a file or SFTP client is made of it, under these calls: one of them has opened it."""
        channel = self.of(ident)
        if channel.opener is None:
            for call in reversed(calls):
                if call.name.startswith(_OPENERS):
                    channel.opener = call
                    return

    def polled_in_vain(self, ident: int, call: Call) -> bool:
        """Whether the exit status is asked for, without waiting, while the window is full; the call then counts from
        there."""
        known = self.alive.get(ident)
        if known is None or not known.full_ns:
            return False
        call.began_ns = known.full_ns  # it has been polled at least since then
        return True

    def feed(self, ident: int, stream: int, unread: int, window: int, t_ns: int) -> None:
        """Data came."""
        if stream > 1:  # of a damaged recording: there are two
            return
        channel = self.alive.get(ident) or self.of(ident)
        both = channel.unread
        both[stream] = unread
        channel.last_feed_ns = t_ns
        if window:
            channel.window_bytes = window
        if channel.window_bytes and both[0] + both[1] >= channel.window_bytes * FULL:
            if not channel.full_ns:
                channel.full_ns = t_ns
        else:
            channel.full_ns = 0

    def reading(self, ident: int, stream: int) -> None:
        """A call that reads a stream begins; see `Channel.has_read`."""
        if stream != IN:
            channel = self.alive.get(ident) or self.of(ident)
            channel.readers[stream] += 1
            channel.was_read[stream] = True

    def ended(self, waits: Waits, call: Call, root: Root, t_ns: int) -> None:
        """A call on a channel ends; it may have waited for the peer."""
        channel = self.alive.get(root.channel) or self.of(root.channel)
        channel.used_ns = t_ns
        if waits:
            if channel.full_ns or waits is not _DATA:
                self.remote_waited(waits, call, root, t_ns, True)
            if waits is _DATA:
                stream = stream_read(call.name, root)
                if stream != IN:
                    channel.has_read(stream, call.result, t_ns)

    def remote_waited(self, waits: Waits, call: Call, root: Root, t_ns: int, ended: bool) -> None:
        """A call that may have waited for the peer ends, or is still open at ``t_ns``."""
        channel = root.channel
        if waits == Waits.STATUS:
            self.waited(Stall.STATUS, channel, OUT, call, t_ns, ended)
            if ended:
                self._went_well(Stall.STATUS, root, call, 1)
        elif waits == Waits.ROOM:
            self.waited(Stall.WRITE, channel, IN, call, t_ns, ended)
            if ended:
                self._went_well(Stall.WRITE, root, call, LARGE_BYTES)
        else:
            stream = stream_read(call.name, root)
            if stream != IN:
                self.waited(Stall.OTHER_STREAM, channel, stream, call, t_ns, ended)

    def _went_well(self, stall: Stall, root: Root, call: Call, least: int) -> None:
        channel = self.alive.get(root.channel)
        if channel is None or any(channel.was_read) or channel.full_ns:
            return
        unread = sum(channel.unread)
        if unread < least or stall is Stall.STATUS and channel.was_asked:
            return
        known = self._early.get((stall, call.stack))
        if known is None:
            self._early[stall, call.stack] = Early(call, root.channel, unread, channel.window_bytes, root.transport)
        else:
            known.count += 1
            known.unread = max(known.unread, unread)

    def waited(self, stall: Stall, ident: int, stream: int, call: Call, t_ns: int, ended: bool) -> None:
        """A call that waits for the peer ends, or is still open at ``t_ns``: note it if the peer waited for us."""
        channel = self.alive.get(ident)
        if channel is None or not channel.full_ns:
            return
        lasted = t_ns - max(channel.full_ns, call.began_ns)
        if lasted < STUCK_NS:
            return
        out, err = channel.unread
        if stall is Stall.OTHER_STREAM:
            other = channel.unread[ERR if stream == OUT else OUT]
            if other < channel.window_bytes * FULL or channel.readers[ERR if stream == OUT else OUT]:
                return
        elif any(channel.readers[s] and channel.unread[s] for s in (OUT, ERR)):
            return
        channel.stuck_ns = t_ns
        key = (stall, call.stack, call.name)
        known = self._stuck.get(key)
        if known is not None:
            known.count += 1
        else:
            known = self._stuck[key] = Stuck(stall, call, ident, out, err, channel.window_bytes, lasted, ended)
        if len(known.channels) < _KEPT_GONE:
            known.channels.add(ident)

    def eof_sent(self, ident: int, thread: int, stack: int, t_ns: int) -> bool:
        """Our EOF goes out; returns whether it is too late."""
        channel = self.of(ident)
        if channel.close_sent is None or len(self.late_eofs) >= _MOST_LATE:
            return False
        closed_ns, closer, closer_stack = channel.close_sent
        self.late_eofs.append(LateEof(ident, closer, closed_ns, closer_stack, thread, t_ns, stack))
        return True

    def close_sent(self, ident: int, thread: int, stack: int, t_ns: int) -> None:
        """Our CLOSE goes out."""
        self.of(ident).close_sent = (t_ns, thread, stack)

    def gives_up(self, ident: int, at: Epoch) -> None:
        """A thread of the program closes it: what others still read of it, it wants no more."""
        channel = self.of(ident)
        if at not in channel.given_up and len(channel.given_up) < _MOST_CLOSERS:
            channel.given_up += (at,)

    def forget(self, ident: int) -> None:
        """The channel is gone; its files may be finalized after it."""
        channel = self.alive.pop(ident, None)
        if channel is not None:
            self._gone[ident] = channel
            if len(self._gone) > _KEPT_GONE:
                self._older, self._gone = self._gone, {}

    def cut_off(self, ident: int) -> bool:
        """Whether the channel has ended and the peer has said neither EOF nor CLOSE."""
        channel = self.known(ident)
        return channel is not None and not channel.eof_ns and not channel.close_ns

    def over_ns(self, ident: int) -> int:
        """When our CLOSE of that channel went out; 0 if it did not."""
        channel = self.known(ident)
        return channel.close_sent[0] if channel is not None and channel.close_sent is not None else 0

    def known(self, ident: int) -> Channel | None:
        """A channel that is alive, or was until lately."""
        return self.alive.get(ident) or self._gone.get(ident) or self._older.get(ident)

    def stuck(self) -> list[Stuck]:
        """The calls that waited for somebody who waited for them."""
        return list(self._stuck.values())

    def early(self, stall: Stall) -> list[Early]:
        """The waits, before anybody had begun to read, that more output would have made hangs."""
        return [early for (of, _), early in self._early.items() if of is stall]


__all__ = [
    "ERR", "FULL", "IN", "LARGE_BYTES", "OUT", "STUCK_NS", "Channel", "Channels", "Early", "LateEof", "Stall", "Stuck",
]  # fmt: skip
