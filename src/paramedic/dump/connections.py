"""The channels and transports of one dump: which thread waits on which, who reads it, how full its window is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from paramedic.dump.activity import Activity
from paramedic.dump.calls import Call, Layer, address_in
from paramedic.dump.threads import Threads
from paramedic.dump.waits import REMOTE, Wait
from paramedic.dump.window import Fill
from paramedic.model.snapshot import ObjectState

_SENT_AGAIN = 4
"""Retransmissions: with the shortest of the kernel's timers (0.2 s, doubled each time) three seconds of silence."""


class Connections(Threads):
    """The threads of a dump with the Paramiko objects that their stacks name.

    Threads: as `Threads`.
    """

    @cached_property
    def _states(self) -> dict[str, ObjectState]:
        return {s.address.lower(): s for s in self.snapshot.objects}

    def state(self, address: str | None) -> ObjectState | None:
        """What is known of the inside of an object."""
        return self._states.get(address) if address else None

    def channel_of(self, activity: Activity) -> str | None:
        """The address of the channel that the thread is in a call on."""
        return activity.address_of("Channel")

    def in_calls_on(self, cls: str, module: str, functions: Iterable[str] = ()) -> dict[str, tuple[Activity, ...]]:
        """Threads by the address of the object of that class whose methods are on their stacks.

        Args:
            cls: "SFTPClient", "Channel", …
            module: Paramiko's module of the class.
            functions: only these methods; all if empty.
        """
        found: dict[str, list[Activity]] = defaultdict(list)
        wanted_functions = frozenset(functions)
        for activity, call in self._methods.get(module, ()):
            if wanted_functions and call.function not in wanted_functions:
                continue
            address = call.address()
            if address and activity not in found[address][-1:] and _named(call.variable("self"), cls):
                found[address].append(activity)
        return {address: tuple(threads) for address, threads in found.items() if threads}

    @cached_property
    def _methods(self) -> dict[str, list[tuple[Activity, Call]]]:
        """Every call of a method of Paramiko's whose object the dump names, by module."""
        found: dict[str, list[tuple[Activity, Call]]] = defaultdict(list)
        for activity in self.activities:
            for call in activity.calls:
                if call.layer is Layer.PARAMIKO and call.frame.variables and call.variable("self"):
                    found[call.module].append((activity, call))
        return found

    def channels_near(self, activity: Activity) -> tuple[str, ...]:
        """Addresses of channels that the user's innermost frames name, or whose objects lead to them."""
        found: dict[str, None] = {}
        for call in activity.users[:2]:
            found |= dict.fromkeys(self._channels_in(call))
        return tuple(found)

    def _channels_in(self, call: Call) -> Iterator[str]:
        for _, printed in call.frame.variables:
            state = self.state(address_in(printed))
            if state is None:
                if (address := address_in(printed)) is not None and _named(printed, "Channel"):
                    yield address
                continue
            if state.get("window_bytes") is not None:
                yield state.address
            yield from (address for _, address in state.channels)

    @cached_property
    def _between_reads(self) -> dict[str | None, set[int]]:
        """The threads (by id of their activity) that stand in a loop which reads, by the channels that they name."""
        found: dict[str | None, set[int]] = defaultdict(set)
        for activity in self.others:
            if activity.wait in REMOTE:
                continue
            places = (self.sources.place(c.site) for c in activity.users)
            if any(p is not None and p.in_reading_loop() for p in places):
                for call in activity.users:
                    for channel in self._channels_in(call):
                        found[channel].add(id(activity))
        return found

    def unread(self, channel: str | None, *, stderr: bool | None = None) -> Fill | None:
        """How full a channel's window is, where somebody could look.

        Args:
            channel: its address.
            stderr: count only this stream; both if None.
        """
        state = self.state(channel)
        if state is None:
            return None
        out, err, left = (state.get(n) for n in ("unread_bytes", "unread_stderr_bytes", "window_left_bytes"))
        if not (isinstance(out, int) and isinstance(err, int) and isinstance(left, int)):
            return None
        unread = out + err if stderr is None else err if stderr else out
        return Fill(unread_bytes=unread, left_bytes=left)

    def has_reader(self, activity: Activity, *, other_stream: bool = False) -> bool:
        """Whether another thread waits for data of the same channel (or may, where addresses are unknown).

        One that stands in a loop which reads that channel counts as well: what it got it has to put somewhere.

        Args:
            activity: who waits on the channel.
            other_stream: only a reader of the stream that ``activity`` does not read counts.
        """
        waits = [w for w in self._readers if not (other_stream and w is activity.wait)]
        channel = self.channel_of(activity)
        return self.is_read(channel, waits, but=activity) or bool(
            self._between_reads.get(channel, set()) - {id(activity)}
        )

    def is_read(
        self, channel: str | None, waits: Iterable[Wait] = (Wait.OUTPUT, Wait.STDERR), but: Activity | None = None
    ) -> bool:
        """Whether a thread waits for data of a channel (or may, where addresses are unknown).

        Args:
            channel: its address; None: any channel.
            waits: for which streams.
            but: a thread that does not count.
        """
        for wait in waits:
            readers = self._readers[wait]
            known = [c for c in (channel, None) if c in readers] if channel is not None else list(readers)
            if any(readers[c] - {id(but)} for c in known):
                return True
        return False

    @cached_property
    def _readers(self) -> dict[Wait, dict[str | None, set[int]]]:
        """The threads (by id of their activity) that wait for data, by the channel's address, None where unknown."""
        found: dict[Wait, dict[str | None, set[int]]] = {Wait.OUTPUT: {}, Wait.STDERR: {}}
        for activity in self.activities:
            if activity.wait in found and activity.find("sftp") is None:
                found[activity.wait].setdefault(self.channel_of(activity), set()).add(id(activity))
        return found

    # -- transports ---------------------------------------------------------------------------------------------

    def servers_of(self, activity: Activity) -> tuple[Activity, ...]:
        """The transport threads that may bring what the thread waits for: one if it is known, else all."""
        if activity.wait not in REMOTE:
            return ()
        address = activity.address_of("Transport")
        channel = self.channel_of(activity)
        if address is None and channel is not None:
            state = self.state(channel)
            told = state.get("transport") if state is not None else None
            address = str(told) if told else None
            if address is None:
                address = self._channels_last_served.get(channel)
        return self.transports if address is None else (*self._served_by[address], *self._served_by[None])

    @cached_property
    def _served_by(self) -> dict[str | None, list[Activity]]:
        found: dict[str | None, list[Activity]] = defaultdict(list)
        for transport in self.transports:
            found[self.transport_address(transport)].append(transport)
        return found

    @cached_property
    def _channels_last_served(self) -> dict[str | None, str | None]:
        return {self._chan(t): self.transport_address(t) for t in reversed(self.transports)}

    def waiters_of(self, transport: Activity) -> tuple[Activity, ...]:
        """The threads, no transport threads, that wait for something which this transport thread may have to bring."""
        known, anybodys = self._waiters
        return (*known.get(id(transport), ()), *anybodys)

    @cached_property
    def _waiters(self) -> tuple[dict[int, list[Activity]], list[Activity]]:
        known: dict[int, list[Activity]] = defaultdict(list)
        anybodys: list[Activity] = []
        for activity in self.others:
            servers = self.servers_of(activity)
            if servers is self.transports:
                anybodys.append(activity)
            else:
                for server in servers:
                    known[id(server)].append(activity)
        return known, anybodys

    @cached_property
    def one_transport(self) -> bool:
        """Whether the process has a single connection, so that what its threads wait for must come over that one."""
        return self.shows_all and len(self.transports) == 1

    def transport_address(self, transport: Activity) -> str | None:
        """The address of the Transport whose thread it is."""
        return transport.calls[transport.transport].address() if transport.transport is not None else None

    def last_packet(self, transport: Activity) -> int | None:
        """The type of the last packet that a transport thread took, where the dump has its variables."""
        assert transport.transport is not None
        value = transport.calls[transport.transport].variable("ptype")
        return int(value) if value is not None and value.isdigit() and len(value) < 4 else None

    def last_packet_was_for(self, channel: str | None, *kinds: int) -> bool | None:
        """Whether the last packet of the channel's transport was of one of these kinds and for this channel.

        None: the dump does not say.
        """
        packet = self._last_packets.get(channel) if channel is not None else None
        return None if packet is None else packet in kinds

    @cached_property
    def _last_packets(self) -> dict[str | None, int | None]:
        """The type of the last packet for each channel that got the last packet of its transport."""
        return {self._chan(t): self.last_packet(t) for t in reversed(self.transports)}

    def _chan(self, transport: Activity) -> str | None:
        assert transport.transport is not None
        return transport.calls[transport.transport].address("chan")

    def is_blocked(self, transport: Activity) -> bool:
        """Whether a transport thread waits for something else than its peer."""
        return transport.wait not in (Wait.PACKET, Wait.BANNER, Wait.PROXY, Wait.NOTHING)

    def is_own(self, transport: Activity, waiter: Activity) -> bool | None:
        """Whether what a thread waits for comes over this transport; None where the dump does not say."""
        asking = waiter.asking
        mine = self.transport_address(transport)
        if asking is None or mine is None:
            return None
        if asking.module == "transport":
            theirs = asking.address()
            return None if theirs is None else theirs == mine
        channel = self.channel_of(waiter)
        state = self.state(channel)
        if state is not None and state.get("transport"):
            return state.get("transport") == mine
        opening = waiter.find("transport", "_parse_channel_open")
        if waiter is transport and opening is not None and channel is not None:
            return True if channel in (opening.address("chan"), opening.address("channel")) else None
        return None

    def transports_listen(self, activity: Activity) -> bool:
        """Whether the transport threads that could serve the thread are free to."""
        servers = self.servers_of(activity)
        return bool(servers) and not any(self.is_blocked(s) for s in servers)

    def transport_is_missing(self, activity: Activity) -> bool:
        """Whether the address of the Transport is known and no thread of the dump runs it."""
        address = activity.address_of("Transport")
        state = self.state(self.channel_of(activity))
        if address is None and state is not None and isinstance(told := state.get("transport"), str):
            address = told
        addresses = [self.transport_address(t) for t in self.transports]
        return address is not None and None not in addresses and address not in addresses

    def unanswered(self, activity: Activity) -> str:
        """Why the peer is known to be gone or stuck on whose connection the thread waits, in words; "" if it is not.

        Only what both dumps show: bytes that the peer's host does not acknowledge, although they were sent again and
        again, or does not take, because its program reads nothing.
        """
        now = self._peer(activity)
        before = self._connections_before._peer(activity) if self._connections_before is not None else None
        if now is None or before is None:
            return ""
        unacked, again, closed = now
        if unacked and again >= _SENT_AGAIN and before[1]:
            return (
                f"the peer's host has not acknowledged {unacked:,} bytes, which were sent {again} times again: it, or "
                "the way to it, is gone"
            )
        if closed and before == now:
            return f"the peer's program reads nothing from the connection: {unacked:,} bytes wait for it to"
        return ""

    def is_acknowledged(self, activity: Activity) -> bool | None:
        """Whether the peer's host has acknowledged all that was sent to it; None where nobody asked the kernel."""
        now = self._peer(activity)
        return None if now is None else not now[0]

    @cached_property
    def _connections_before(self) -> Connections | None:
        return Connections(self.before, sources=self.sources) if self.before is not None else None

    def _peer(self, activity: Activity) -> tuple[int, int, bool] | None:
        """What the kernel says of the connection: (unacknowledged bytes, retransmissions, the peer takes no more)."""
        for address in (self.channel_of(activity), activity.address_of("Transport")):
            state = self.state(address)
            unacked, again = (state.get(n) if state is not None else None for n in ("unacked_bytes", "retransmissions"))
            if state is not None and isinstance(unacked, int) and isinstance(again, int):
                return unacked, again, state.get("peer_window_closed") is True
        return None

    def same_channel(self, activity: Activity) -> bool | None:
        """Whether the thread's channel is the one of the earlier dump, by its number; None where the dumps do not say.

        Addresses do not tell: the next channel is often made where the last one was.
        """
        earlier = self._connections_before
        if earlier is None:
            return None
        was = next((a for a in earlier.activities if a.thread.ident == activity.thread.ident), None)
        numbers = [self._number(activity), earlier._number(was) if was is not None else None]
        return None if None in numbers else numbers[0] == numbers[1]

    def _number(self, activity: Activity) -> object:
        state = self.state(self.channel_of(activity))
        return state.get("number") if state is not None else None

    def connection_ended(self, activity: Activity) -> bool:
        """Whether it is known that the connection on which the thread waits is no more."""
        states = (self.state(self.channel_of(activity)), self.state(activity.address_of("Transport")))
        return any(s is not None and s.get("connection_lives") is False for s in states)


def _named(printed: str | None, cls: str) -> bool:
    return (
        bool(printed)
        and (printed or "").startswith("<")
        and not (cls == "Channel" and (printed or "").startswith(("<ChannelFile", "<ChannelStd", "<ChannelMap")))
    )
