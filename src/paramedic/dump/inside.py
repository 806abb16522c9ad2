"""The objects that a dump's frames name, with what the process's memory says of their insides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from paramedic.dump.calls import Layer, address_in, calls_of
from paramedic.dump.memory import Memory, Reference, Unreadable, Value
from paramedic.dump.sockets import Sockets, Tcp
from paramedic.model.snapshot import Frame, ObjectState, Snapshot

MAX_OBJECTS = 2000
_CELL = "<cell at "
_HOPS = 4
"""So many jump hosts in a row are followed to the socket."""
_LOCKS = ("_thread.lock", "_thread.RLock", "lock", "RLock", "Condition")

Plain = tuple[tuple[str, str | int | float | bool | None], ...]


def look_inside(snapshot: Snapshot, process: int) -> Snapshot:
    """The snapshot with the states of its channels, timers and the locks of the user's objects.

    Where the memory cannot be read the snapshot comes back as it is.

    Threads: any thread; reads ``/proc``, stops nothing.
    """
    try:
        memory = Memory(process)
    except Unreadable:
        return snapshot
    try:
        snapshot = _opened(snapshot, memory)
        return replace(snapshot, objects=(*snapshot.objects, *_Look(memory, Sockets(process)).states(snapshot)))
    finally:
        memory.close()


@dataclass(frozen=True, slots=True)
class _Look:
    """Into one process, at one moment."""

    memory: Memory
    sockets: Sockets

    def states(self, snapshot: Snapshot) -> Iterator[ObjectState]:
        """Of every object that the snapshot's frames name, and of the channels that these lead to."""
        seen: set[str] = set()
        for address in _named(snapshot):
            if address in seen or len(seen) >= MAX_OBJECTS:
                continue
            seen.add(address)
            state = self._state(address)
            if state is None:
                continue
            yield state
            for _, channel in state.channels:
                if channel not in seen and (inner := self._state(channel)) is not None:
                    seen.add(channel)
                    yield inner

    def _state(self, address: str) -> ObjectState | None:
        try:
            kind = self.memory.kind(int(address, 16))
            attributes = self.memory.attributes(int(address, 16))
        except Unreadable:
            return None
        try:
            values = self._values(kind, attributes)
        except Unreadable:
            values = ()
        channels = tuple(_channels(self.memory, attributes)) if kind != "Channel" else ()
        return ObjectState(kind=kind, address=address, values=values, channels=channels) if values or channels else None

    def _values(self, kind: str, attributes: dict[str, Value]) -> Plain:
        """By its attributes, so that classes derived from Channel are known too."""
        if kind.rpartition(".")[2] == "Timer":
            return _timer(self.memory, attributes)
        if {"in_buffer", "in_stderr_buffer", "in_window_sofar"} <= attributes.keys():
            return self._channel(attributes)
        if "_prefetching" in attributes and isinstance(position := attributes.get("_realpos"), int):
            return (("position_bytes", position),)  # of an SFTPFile (file.py, sftp_file.py: the same from 2.12 to 5.1)
        return (*self._transport(attributes), *_client(attributes), *_locks(attributes))

    def _channel(self, attributes: dict[str, Value]) -> Plain:
        """Channel's counters (channel.py, the same names from 2.12 to 5.1)."""
        out, err = (_buffered(self.memory, attributes.get(name)) for name in ("in_buffer", "in_stderr_buffer"))
        window, read = attributes.get("in_window_size"), attributes.get("in_window_sofar")
        if not (isinstance(out, int) and isinstance(err, int) and isinstance(window, int) and isinstance(read, int)):
            return ()
        values: list[tuple[str, str | int | float | bool | None]] = [
            ("unread_bytes", out),
            ("unread_stderr_bytes", err),
            ("window_bytes", window),
            # What the peer may still send: it gets back what was read, but only in pieces (_check_add_window).
            ("window_left_bytes", max(window - read - out - err, 0)),
        ]
        for name, known in (("timeout_s", "timeout"), ("eof_received", "eof_received"), ("closed", "closed")):
            value = attributes.get(known)
            if known in attributes and not isinstance(value, Reference):
                values.append((name, value))
        for name, known in (("number", "chanid"), ("send_window_bytes", "out_window_size")):
            value = attributes.get(known)
            if isinstance(value, int):
                values.append((name, value))
        transport = attributes.get("transport")
        if isinstance(transport, Reference):
            values.append(("transport", hex(transport.address)))
            values += self._transport(self.memory.attributes(transport.address))
        return tuple(values)

    def _transport(self, attributes: dict[str, Value]) -> Plain:
        """Whether a Transport's connection lives (``active``, until its thread ends: transport.py, 2.12 to 5.1)."""
        active = attributes.get("active")
        if not ({"packetizer", "auth_handler"} <= attributes.keys() and isinstance(active, bool)):
            return ()
        tcp = self._tcp(attributes, _HOPS)
        if tcp is None:
            return (("connection_lives", active),)
        return (
            ("connection_lives", active),
            ("unacked_bytes", tcp.unacked_bytes),
            ("retransmissions", tcp.retransmissions),
            ("peer_window_closed", tcp.window_closed),
        )

    def _tcp(self, attributes: dict[str, Value], hops: int) -> Tcp | None:
        """The connection under a Transport: its socket's, or that of the jump host whose channel it goes through."""
        sock = attributes.get("sock")
        if not isinstance(sock, Reference):
            return None
        try:
            if sock.kind.rpartition(".")[2] == "socket":
                return self.sockets.tcp(self.memory.descriptor(sock.address))
            outer = self.memory.attributes(sock.address).get("transport") if hops else None
            return self._tcp(self.memory.attributes(outer.address), hops - 1) if isinstance(outer, Reference) else None
        except Unreadable:
            return None


def _opened(snapshot: Snapshot, memory: Memory) -> Snapshot:
    """The snapshot with the objects themselves where the tool shows the cells that they are in."""
    if not any(v.startswith(_CELL) for t in snapshot.threads for f in t.frames for _, v in f.variables):
        return snapshot

    def opened(printed: str) -> str:
        match = re.match(rf"{_CELL}(0x[0-9a-f]+)", printed)
        try:
            inner = memory.in_cell(int(match[1], 16)) if match else None
        except Unreadable:
            return printed
        return f"<{inner.kind} at {inner.address:#x}>" if inner is not None else printed

    def frame(one: Frame) -> Frame:
        return replace(one, variables=tuple((n, opened(v)) for n, v in one.variables))

    threads = (replace(t, frames=tuple(frame(f) for f in t.frames)) for t in snapshot.threads)
    return replace(snapshot, threads=tuple(threads))


def _channels(memory: Memory, attributes: dict[str, Value]) -> Iterator[tuple[str, str]]:
    """A file of a channel has it as ``channel``; an object of the user's has channels and such files."""
    for name, value in attributes.items():
        if not isinstance(value, Reference):
            continue
        if value.kind == "Channel":
            yield name, hex(value.address)
        elif value.kind.startswith("Channel") and value.kind.endswith("File"):
            try:
                inner = memory.attributes(value.address).get("channel")
            except Unreadable:
                continue
            if isinstance(inner, Reference):
                yield name, hex(inner.address)


def _named(snapshot: Snapshot) -> Iterator[str]:
    for thread in snapshot.threads:
        for call in calls_of(thread.frames):
            for name, printed in call.frame.variables:
                address = address_in(printed)
                wanted = name == "self" or call.layer is Layer.USER or printed.startswith("<Channel")
                if address is not None and wanted:
                    yield address


def _buffered(memory: Memory, pipe: Value) -> int | None:
    if not isinstance(pipe, Reference):
        return None
    buffer = memory.attributes(pipe.address).get("_buffer")
    return memory.length(buffer.address) if isinstance(buffer, Reference) and "array" in buffer.kind else None


def _timer(memory: Memory, attributes: dict[str, Value]) -> Plain:
    function = attributes.get("function")
    return (("function", memory.called(function.address)),) if isinstance(function, Reference) else ()


def _client(attributes: dict[str, Value]) -> Plain:
    """Which Transport an SSHClient has now (``_transport``; client.py, the same from 2.12 to 5.1)."""
    transport = attributes.get("_transport")
    if not ({"_host_keys", "_policy"} <= attributes.keys() and isinstance(transport, Reference)):
        return ()
    return (("transport", hex(transport.address)),)


def _locks(attributes: dict[str, Value]) -> Plain:
    found = []
    for name, value in attributes.items():
        if isinstance(value, Reference) and value.kind in _LOCKS:
            found.append((name, hex(value.address)))
    return tuple(found)
