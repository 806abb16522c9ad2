"""The objects that a dump's frames name, with what the process's memory says of their insides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from paramedic.dump.calls import Layer, address_in, calls_of
from paramedic.dump.memory import Memory, Reference, Unreadable, Value
from paramedic.model.snapshot import ObjectState, Snapshot

MAX_OBJECTS = 2000
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
        return replace(snapshot, objects=(*snapshot.objects, *_states(snapshot, memory)))
    finally:
        memory.close()


def _states(snapshot: Snapshot, memory: Memory) -> Iterator[ObjectState]:
    seen: set[str] = set()
    for address in _named(snapshot):
        if address in seen or len(seen) >= MAX_OBJECTS:
            continue
        seen.add(address)
        state = _state(memory, address)
        if state is None:
            continue
        yield state
        for _, channel in state.channels:
            if channel not in seen and (inner := _state(memory, channel)) is not None:
                seen.add(channel)
                yield inner


def _state(memory: Memory, address: str) -> ObjectState | None:
    try:
        kind = memory.kind(int(address, 16))
        attributes = memory.attributes(int(address, 16))
    except Unreadable:
        return None
    try:
        values = _reader(kind)(memory, attributes)
    except Unreadable:
        values = ()
    channels = tuple(_channels(memory, attributes)) if kind != "Channel" else ()
    return ObjectState(kind=kind, address=address, values=values, channels=channels) if values or channels else None


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


def _reader(kind: str) -> Callable[[Memory, dict[str, Value]], Plain]:
    if kind.rpartition(".")[2] == "Timer":
        return _timer
    return _channel_or_locks


def _channel_or_locks(memory: Memory, attributes: dict[str, Value]) -> Plain:
    """By its attributes, so that classes derived from Channel are known too."""
    if {"in_buffer", "in_stderr_buffer", "in_window_sofar"} <= attributes.keys():
        return _channel(memory, attributes)
    return (*_transport(attributes), *_locks(memory, attributes))


def _channel(memory: Memory, attributes: dict[str, Value]) -> Plain:
    """Channel's counters (channel.py, the same names from 2.12 to 5.1)."""
    out, err = (_buffered(memory, attributes.get(name)) for name in ("in_buffer", "in_stderr_buffer"))
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
        values += _transport(memory.attributes(transport.address))
    return tuple(values)


def _transport(attributes: dict[str, Value]) -> Plain:
    """Whether a Transport's connection lives (``active``, until its thread ends: transport.py, 2.12 to 5.1)."""
    active = attributes.get("active")
    known = {"packetizer", "auth_handler", "active"} <= attributes.keys() and isinstance(active, bool)
    return (("connection_lives", active),) if known and isinstance(active, bool) else ()


def _buffered(memory: Memory, pipe: Value) -> int | None:
    if not isinstance(pipe, Reference):
        return None
    buffer = memory.attributes(pipe.address).get("_buffer")
    return memory.length(buffer.address) if isinstance(buffer, Reference) and "array" in buffer.kind else None


def _timer(memory: Memory, attributes: dict[str, Value]) -> Plain:
    function = attributes.get("function")
    return (("function", memory.called(function.address)),) if isinstance(function, Reference) else ()


def _locks(memory: Memory, attributes: dict[str, Value]) -> Plain:
    found = []
    for name, value in attributes.items():
        if isinstance(value, Reference) and value.kind in _LOCKS:
            found.append((name, hex(value.address)))
    return tuple(found)
