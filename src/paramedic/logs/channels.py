"""Channels, their ends, and the requests on transports: the half of a story that is about who waits for whom."""

from __future__ import annotations

import re

from paramedic.logs.actors import Channel, Seen, Transport, line_of, maybe_line, seconds_between
from paramedic.logs.connections import KEPT, Connections
from paramedic.logs.facts import DeadUse, Dropped, EofRace, Overlap, Refusal
from paramedic.logs.packets import PacketDump
from paramedic.logs.phrases import SFTP_CALLS
from paramedic.logs.sftp_sessions import SftpSessions

MAX_LIVE = 4096
"""Most channels of one transport that are taken for alive: Paramiko does not log every close."""
MAX_SAME = 256
"""Most channels of one number, on as many transports, that are looked through for the one that a thread means."""
RACE_S = 2.0
"""How soon after an EOF race OpenSSH has dropped the connection."""
CROSSING_S = 0.05
"""How close our EOF and the peer's are when they may have crossed."""
SAMPLES = 6
"""Most round trips of one transport that are measured."""

_CALL = re.compile(rb"\[chan \d+\] (\w+)\(")
_WAITING_REQUESTS = (b"tcpip-forward", b"cancel-tcpip-forward", b"streamlocal-forward", b"cancel-streamlocal-forward")
"""Global requests whose sender waits for the reply; the others have no reply, or one that nobody reads."""


class Channels(Connections):
    """The channels of one process's transports."""

    def __init__(self, prior_transports: frozenset[bytes] = frozenset()) -> None:
        super().__init__(prior_transports)
        self.refusals: list[Refusal] = []
        self.refusals_seen = 0
        self.overlaps: list[Overlap] = []
        self.dead_uses: list[DeadUse] = []
        self.dropped: list[Dropped] = []
        self.eof_races: list[EofRace] = []
        self.evicted = 0
        self.twin_opens: list[tuple[Seen, Seen]] = []
        self._by_number: dict[bytes, list[Channel]] = {}
        self._globals: list[tuple[bytes, Seen]] = []
        self._trouble: dict[bytes, Transport] = {}
        self.sftp = SftpSessions(self)
        self.packets = PacketDump(self)

    def _opening(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        channel = Channel(number, thread, seen)
        same = self._by_number.get(number)
        if same is None:
            self._by_number[number] = [channel]
        elif same[-1].confirmed is None and same[-1].opening is not None and len(self.twin_opens) < KEPT:
            # A transport gives each channel a number of its own: two that wait under one number on the only transport
            # there is were opened by two processes, each with its own copy of the counter.
            if self._only_live() is not None and not self.blind:
                self.twin_opens.append((same[-1].opening, seen))
            same.append(channel)
        else:
            same.append(channel)
            if len(same) > MAX_SAME:
                del same[0]  # threads that work on it are not told from others any more
        own = self.transports.get(thread)
        if own is not None and thread:
            announced = own.last is not None and b": Incoming " in own.last[1]
            own = self.transport_of(thread, seen)
            channel.owner = own
            # A channel that the peer opens is logged in the same words, by the same thread, and confirmed at once.
            own.own_open = channel
            own.own_call = not announced and not own.server
        else:
            before = self._opened.get(thread)
            if before is not None and not before.ended and before.owner is not None:
                before.moved = channel
            self._opened[thread] = channel
            self.threads[thread] = seen

    def _confirmed(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        same = self._by_number.get(number)
        if same is not None and len(same) == 1 and same[0].confirmed is None and transport.own_open is None:
            channel: Channel | None = same[0]
        else:
            channel = self._pending(transport, number)
        if channel is None:
            # Nobody opened it. Either the log begins later, or a line of another process was taken for one of this.
            self.mixed = self.mixed or transport.started is not None
            channel = Channel(number, b"", None)
            self._by_number.setdefault(number, []).append(channel)
        if channel.owner is not None and channel.owner is not transport:
            channel.owner.own_open = None
        channel.owner = transport
        channel.confirmed = channel.last = seen
        opener = channel.opener
        if transport.own_open is channel:
            transport.own_open = None
            transport.own_call = False
        elif opener and not transport.server and not channel.guessed:
            home = self.homes.get(opener)
            if home is not transport:
                if home is not None and home.end is None:
                    self.wanderers.add(opener)
                self.homes[opener] = transport
            if transport.opener is None:
                transport.opener = opener
        channels = transport.channels
        if number in channels:
            self._unlist(channels.pop(number))
        channels[number] = channel
        transport.channels_seen += 1
        if len(channels) > transport.most_live:
            transport.most_live = len(channels)
            if transport.most_live > MAX_LIVE:
                self._unlist(channels.pop(next(iter(channels))))
                transport.most_live = MAX_LIVE
                self.evicted += 1
        if transport.channels_seen > SAMPLES:
            return
        if channel.opening is not None and not channel.guessed:
            taken = seconds_between(channel.opening, seen)
            if taken is not None and taken >= 0:
                transport.confirm_ms.append(taken * 1000)

    def _pending(self, transport: Transport, number: bytes) -> Channel | None:
        """The channel that a transport confirms or refuses.

        Channels of several transports may wait under one number. Then it is that of a thread that is known to work on
        this transport, and no other; otherwise all of them are guesses from now on.
        """
        own = transport.own_open
        if own is not None and own.number == number:
            return own
        same = self._by_number.get(number, ())
        # A channel that a transport's own thread asked for is taken for that transport's, until another confirms it.
        if len(same) == 1:
            return same[0] if same[0].confirmed is None else None
        waiting = [c for c in same if c.confirmed is None and c.owner is not transport]
        if len(waiting) < 2:
            return waiting[0] if waiting else None
        here = [c for c in waiting if self.told.get(c.opener) is transport]
        if len(here) == 1:
            return here[0]
        for channel in waiting:
            channel.guessed = True
        return waiting[0]

    def _refused(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        number, _, words = message[14:].partition(b" open FAILED: ")
        channel = self._pending(transport, number)
        if channel is not None:
            self._unlist(channel)
        text, _, reason = words.decode("utf-8", "replace").rpartition(": ")
        self.refusals_seen += 1
        if len(self.refusals) < KEPT:
            facts = channel.facts() if channel is not None else None
            self.refusals.append(
                Refusal(
                    transport=transport.name,
                    channel=int(number) if number.isdigit() and len(number) < 12 else -1,
                    opener=facts.opener if facts else "",
                    opening=facts.opening if facts else None,
                    line=line_of(seen),
                    text=text[:200],
                    reason=reason[:60],
                    live=transport.live(),
                    sessions=sum(1 for c in transport.channels.values() if c.requested is not None),
                )
            )

    def _request_ok(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        channel = transport.channels.get(number)
        if channel is None:
            return
        if channel.requested is None:
            transport.sessions += 1
            if transport.channels_seen <= SAMPLES and channel.confirmed is not None:
                taken = seconds_between(channel.confirmed, seen)
                if taken is not None and taken >= 0:
                    transport.request_ms.append(taken * 1000)
        channel.requested = channel.last = seen

    def _eof_sent(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        if thread in self.transports:
            transport = self.transport_of(thread, seen)
            channel = transport.channels.get(number)
        else:
            self.threads[thread] = seen
            channel = self.channel_of(thread, number)
        if channel is None:
            return
        channel.eof_sent = channel.last = seen
        owner = channel.owner
        if owner is not None and thread != owner.tid:
            owner.last_eof_sent = channel
        if channel.eof_received is not None:
            if owner is not None and thread == owner.tid:
                owner.own_eofs += 1
            self._finish(channel)

    def _eof_received(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        channel = transport.channels.get(number)
        if channel is None:
            if transport.started is None and len(transport.ended_unseen) < MAX_LIVE:
                transport.ended_unseen.add(number)
            return
        channel.eof_received = channel.last = seen
        if channel.eof_sent is not None or channel.guessed or self.is_ambiguous(number):
            self._finish(channel)  # whose "EOF sent" is whose, would be a guess
        else:
            transport.after_eof = channel

    def _finish(self, channel: Channel) -> None:
        if channel.owner is not None:
            channel.owner.channels.pop(channel.number, None)
        channel.moved = None
        if self.packets.busy:
            self.packets.finish(channel)
        if channel.sftp:
            self.sftp.forget(channel)
        self._unlist(channel)

    def _unlist(self, channel: Channel) -> None:
        channel.ended = True
        same = self._by_number.get(channel.number)
        if same is not None and channel in same:
            if len(same) == 1:
                del self._by_number[channel.number]
            else:
                same.remove(channel)

    def channel_of(self, thread: bytes, number: bytes) -> Channel | None:
        """The live channel that a thread means by a number; None where several are meant or none is known.

        Threads: for the one thread that reads.
        """
        if self.told:
            told = self.told.get(thread)
            if told is not None:
                return told.channels.get(number)
        same = self._by_number.get(number)
        if same is None:
            return None
        if len(same) == 1 and (not self.blind or same[0].opener == thread):
            return same[0]
        mine = None
        for channel in same:
            if channel.opener == thread and not channel.guessed:
                if mine is not None:
                    return None
                mine = channel
        return mine

    def _window(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        own = thread in self.transports
        if own:
            self.transport_of(thread, seen)
        channel = self.channel_of(thread, number) if not own else self.transports[thread].channels.get(number)
        if channel is not None:
            channel.last = seen
            if not own:
                self.packets.window(channel, message, seen)

    def _dead_channel(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        number = message.rpartition(b" ")[2]
        channel = transport.channels.get(number)
        if channel is None:
            return
        if channel.eof_received is None and channel.requested is not None and len(self.dropped) < KEPT:
            ended = channel.eof_sent
            moved = channel.moved if not channel.guessed else None
            mine = channel.eof_sent if channel.eof_sent and channel.eof_sent[2] == channel.opener else channel.requested
            between = seconds_between(mine, moved.opening if moved is not None else None)
            after = seconds_between(moved.requested if moved is not None else None, seen)
            self.dropped.append(
                Dropped(
                    channel=channel.facts(),
                    line=line_of(seen),
                    ended_by="" if ended is None else _role(ended[2], channel, transport),
                    beside=len(transport.channels) - 1,
                    moved_on=None if moved is None else moved.facts(),
                    moved_on_ms=None if between is None else between * 1000,
                    after_answer_ms=None if after is None else after * 1000,
                )
            )
        self._finish(channel)

    # Ends

    def _eof(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        self._end(thread, "eof", "", None, seen)

    def _socket_error(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        self._end(thread, "socket", message[18:].decode("utf-8", "replace"), None, seen)

    def _disconnect(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        code, _, text = message[17:].partition(b"): ")
        self._end(thread, "disconnect", text.decode("utf-8", "replace"), int(code) if code.isdigit() else None, seen)

    def _exception(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        how = "unknown-exception" if message.startswith(b"Unknown") else "exception"
        transport = self._end(thread, how, message.partition(b": ")[2].decode("utf-8", "replace"), None, seen)
        self._trouble[thread] = transport

    def _unknown_channel(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        self._end(thread, "unknown-channel", message.decode("utf-8", "replace"), None, seen)

    def _end(self, thread: bytes, how: str, text: str, code: int | None, seen: Seen) -> Transport:
        before = self.transports.get(thread)
        # who uses a channel logs on a thread of its own
        lasts = [] if before is None else [before.last, *(c.last for c in before.channels.values())]
        idle = seconds_between(max(filter(None, lasts), key=lambda last: last[0], default=None), seen)
        transport = self.transport_of(thread, seen)
        if transport.end is not None:
            return transport
        transport.waiting_at_end = self._waiting(transport)
        transport.end = (how, text[:300], code, seen)
        transport.idle_before_end = max(idle or 0.0, 0.0)
        transport.live_at_end = transport.live()
        if how == "eof":
            self._look_for_eof_race(transport, seen)
        self._logging_in.pop(thread, None)
        for channel in transport.channels.values():
            if channel.sftp:
                self.sftp.forget(channel)
            self._unlist(channel)
        return transport

    def _waiting(
        self, transport: Transport, unowned: dict[Transport | None, list[Channel]] | None = None
    ) -> list[Channel]:
        """The channels of a transport that wait for an answer; ``unowned``: those of no transport yet, if known."""
        mine = [c for c in transport.channels.values() if c.requested is None and c.eof_received is None]
        alone = self._only_live() is transport
        unowned = self._unowned() if unowned is None else unowned
        mine += [c for channels in unowned.values() for c in channels] if alone else unowned.get(transport, ())
        return [c for c in mine if c.opening is not None][:50]

    def _unowned(self) -> dict[Transport | None, list[Channel]]:
        """Channels that no transport answered yet, by the one that their opener was seen on."""
        found: dict[Transport | None, list[Channel]] = {}
        for channels in self._by_number.values():
            for channel in channels:
                if channel.owner is None:
                    home = self.homes.get(channel.opener) or self._free_for(channel)
                    found.setdefault(home, []).append(channel)
        return found

    def _free_for(self, channel: Channel) -> Transport | None:
        """The one transport that has no channel of this number: numbers that are in use are not given again."""
        free = None
        for transport in self.transports.values():
            if transport.end is None and channel.number not in transport.channels:
                if free is not None:
                    return None
                free = transport
        return None if self.blind or self.begun_before else free

    # Requests on the transport

    def _global_sent(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        kind = message[24:].strip(b'" ')
        if thread in self.transports:
            transport = self.transports[thread]
            again = transport.last is transport.last_keepalive
            self.transport_of(thread, seen)
            if kind == b"keepalive@lag.net":
                transport.keepalives += 1
                transport.keepalives_since = transport.keepalives_since + 1 if again else 1
                transport.last_keepalive = seen
                return
        else:
            self.threads[thread] = seen
        if kind.startswith(_WAITING_REQUESTS):
            self._globals.append((thread, seen))
            del self._globals[:-64]

    def _global_reply(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        transport = self.transport_of(thread, seen)
        mine = [g for g in self._globals if self.homes.get(g[0], transport) is transport]
        if not mine:
            return
        first = mine[0]
        self._globals.remove(first)
        other = next((g for g in mine[1:] if g[0] != first[0]), None)
        if other is None or not first[0]:
            return
        sure = self._only_live() is transport
        known = self.homes.get(first[0]) is transport and self.homes.get(other[0]) is transport
        if sure or known:
            if len(self.overlaps) < KEPT:
                self.overlaps.append(
                    Overlap(
                        transport=transport.name,
                        first=line_of(first[1]),
                        second=line_of(other[1]),
                        reply=line_of(seen),
                        sure=sure,
                    )
                )

    def _packet_dropped(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        if thread in self.transports:
            return
        call = self.threads.get(thread)
        self.threads[thread] = seen
        if call is None:
            return
        what = _doing(call[1])
        channel = self._opened.get(thread) if what == "opening" else None
        if not what or (channel is not None and channel.eof_sent is not None):
            return  # it only tidies up after itself
        home = (channel.owner if channel is not None else None) or self.homes.get(thread) or self._only_live()
        if channel is not None and channel.confirmed is None and channel.owner is None:
            self._unlist(channel)
        if len(self.dead_uses) < KEPT:
            self.dead_uses.append(
                DeadUse(
                    transport=home.name if home is not None else "",
                    thread=seen[3].name_of(thread),
                    what=what,
                    call=line_of(call),
                    line=line_of(seen),
                    by_us=home is None or home.end is None,
                )
            )

    def _look_for_eof_race(self, transport: Transport, seen: Seen | None) -> None:
        # Channel.shutdown_write makes its EOF under the channel's lock and sends it after that (channel.py, _send_eof);
        # if CLOSE goes out in between, OpenSSH ends the whole connection ("ieof packet referred to nonexistent
        # channel"), without a DISCONNECT.
        channel = transport.last_eof_sent
        waiting = transport.waiting_at_end
        if channel is None or channel.eof_sent is None or not waiting or channel.requested is None:
            return
        foreign = bool(channel.opener) and not channel.guessed and channel.eof_sent[2] != channel.opener
        halves = [c for c in transport.channels.values() if c.eof_sent is not None and c.eof_sent[2] != c.opener]
        if seen is None:
            # The log just stops: a tunnel has no requests, so it is always "waiting"; sessions are asked for something.
            if not foreign or channel.eof_received is not None or transport.sessions < transport.channels_seen - 1:
                return
        else:
            after = seconds_between(channel.eof_sent, seen)
            apart = seconds_between(channel.eof_sent, channel.eof_received)
            if after is not None and not 0 <= after <= RACE_S:
                return
            if not foreign and (apart is None or abs(apart) > CROSSING_S):
                return
        if len(self.eof_races) < KEPT:
            self.eof_races.append(
                EofRace(
                    channel=channel.facts(),
                    ours=line_of(channel.eof_sent),
                    theirs=maybe_line(channel.eof_received),
                    after=waiting[-1].facts(),
                    ended=maybe_line(seen),
                    foreign=foreign,
                    before=len(halves) - (channel in halves),
                )
            )

    def is_ambiguous(self, number: bytes) -> bool:
        """Several live channels have this number.

        Threads: for the one thread that reads.
        """
        same = self._by_number.get(number, ())
        return len(same) > 1 or (self.blind and bool(same))


def _role(thread: bytes, channel: Channel, transport: Transport) -> str:
    """Who a thread is to a channel: ``transport``, ``opener`` or ``other``."""
    if thread == transport.tid:
        return "transport"
    return "opener" if thread == channel.opener else "other"


def _doing(line: bytes) -> str:
    """What a worker had begun with this line: ``opening``, ``global``, ``sftp`` or ""."""
    if b"] Max packet in: " in line:
        return "opening"
    if b"Sending global request " in line:
        return "global"
    call = _CALL.search(line)
    return "sftp" if call is not None and call[1] in SFTP_CALLS and call[1] != b"close" else ""
