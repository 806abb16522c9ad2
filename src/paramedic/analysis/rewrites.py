"""Which known_hosts files a process rewrote, and when: between processes only time tells whether they met.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

from paramedic.analysis.calls import Call
from paramedic.analysis.machine import Listener, Root
from paramedic.analysis.world import World
from paramedic.model.finding import Step

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A file was read, and written as it was then with something added.

    Attributes:
        process: by which process.
        file: which file it is, in words that mean nothing but to this machine.
        began_ns: when it was read.
        ended_ns: when it was written.
        call: the call that wrote it.
        connect: the call of connect() in which Paramiko's own policy did that, by itself; else None.
    """

    process: int
    file: str
    began_ns: int
    ended_ns: int
    call: Call
    connect: Call | None

    def meets(self, other: Rewrite) -> bool:
        """Whether one was written while the other was between reading and writing."""
        return self.file == other.file and self.began_ns < other.ended_ns and other.began_ns < self.ended_ns

    def might_meet(self, other: Rewrite) -> bool:
        """Whether both were made while two processes connected at the same time, so that nothing kept them apart."""
        mine, theirs = self.connect, other.connect
        if mine is None or theirs is None or self.file != other.file:
            return False
        return mine.began_ns < other.ended_ns and theirs.began_ns < self.ended_ns


class Rewrites:
    """Those of one process, and of the run's other processes.

    Args:
        world: names.
        process: its id.

    Attributes:
        own: this process's.
        others: those of processes that are told before this one, each with its step.
    """

    def __init__(self, world: World, process: int) -> None:
        self._world = world
        self._process = process
        self.own: list[Rewrite] = []
        self.others: list[tuple[Rewrite, Step]] = []
        self._read_ns: dict[tuple[int, int], int] = {}
        self._connecting: dict[int, Call] = {}
        self.begins: dict[str, Listener] = {"HostKeys.load": self._loads, "SSHClient.connect": self._connects}
        self.ends: dict[str, Listener] = {
            "SSHClient.connect": self._connected,
            "SSHClient.save_host_keys": self._saves,
            "HostKeys.save": self._saves,
        }

    def _loads(self, call: Call, root: Root) -> None:
        """Keys are read from a file, into that object."""
        if call.words:
            self._read_ns[call.obj, call.words] = call.began_ns
            if len(self._read_ns) > _MOST:
                del self._read_ns[next(iter(self._read_ns))]

    def _connects(self, call: Call, root: Root) -> None:
        """A server's key may be new."""
        self._connecting[call.thread] = call

    def _connected(self, call: Call, root: Root) -> None:
        """Keys that are written from now on are written by the program."""
        self._connecting.pop(call.thread, None)

    def _saves(self, call: Call, root: Root) -> None:
        """Keys are written to a file."""
        if call.words and not call.error and len(self.own) < _MOST:
            # SSHClient.save_host_keys (client.py) reads the file itself before it writes
            began_ns = self._read_ns.pop((call.obj, call.words), call.began_ns)
            connect = self._connecting.get(call.thread)
            if connect is not None and connect.stack != call.stack:
                connect = None  # a policy of the program's may well take a lock of its own
            file = self._world.text(call.words)
            self.own.append(Rewrite(self._process, file, began_ns, call.ended_ns, call, connect))
