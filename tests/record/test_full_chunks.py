"""A chunk that is full is followed by another, whatever kind of row finds it so."""

from __future__ import annotations

from collections import Counter

import pytest
from twice import Run

from paramedic.model.event import Kind

CALLS = 5_000
"""More than the rows of two chunks."""
PROGRAMS = {
    "Channel.settimeout": "channel.settimeout(None)",
    "Channel.setblocking": "channel.setblocking(True)",
    "Channel.recv_ready": "channel.recv_ready()",
    "Channel.exit_status_ready": "channel.exit_status_ready()",
    "Transport.set_keepalive": "link.set_keepalive(0)",
    "HostKeys.lookup": "keys.lookup('host')",
}
SETUP = """
import socket
import paramiko
channel, keys = paramiko.Channel(1), paramiko.HostKeys()
ours, theirs = socket.socketpair()
link = paramiko.Transport(ours)
"""


@pytest.mark.parametrize("level", ["watch", "check"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_calls_of_one_kind_alone_are_all_recorded(name: str, level: str, recorded: Run) -> None:
    program = f"{SETUP}\nfor _ in range({CALLS}): {PROGRAMS[name]}\n"
    done = recorded("-c", program, level=level)
    assert done.status == 0, done.err
    (trace,) = done.traces()
    operation = trace.header["operations"].index(name)
    kinds = Counter(e.kind for e in trace.events() if e.op == operation and e.kind in (Kind.CALL, Kind.RETURN))
    assert kinds == {Kind.CALL: CALLS, Kind.RETURN: CALLS}
    assert done.gaps() == []
