"""SFTP state that is not in the protocol: file positions, the working directory, requests that were sent ahead.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paramedic.analysis.actors import Actors
from paramedic.analysis.calls import Call, Informed, apart
from paramedic.analysis.clocks import Clocks
from paramedic.analysis.machine import Root

STILL_NS = 1_000_000_000
"""From here on a program that waits behind a prefetch stands still; before, a larger file would make it."""
SLOW_NS = 250_000_000
"""A call that waits so long behind a prefetch shows what a larger file would do."""
_MUCH_BYTES = 16 << 20
_VERY_MUCH_BYTES = 64 << 20
"""So much keeps the next call waiting for a while, unless it was asked for before the blocks were."""
_VERY_MUCH_AT_END_BYTES = 256 << 20
"""The same of a close(), with which all may have been over."""
FAR = 1
"""Argument of a seek() over much of the file, as the recorder gives it."""
_POSITION = ("seek", "read", "readline", "readlines", "readinto", "write", "writelines", "tell")
_CALLS = (
    "listdir listdir_attr listdir_iter open remove rename posix_rename mkdir rmdir stat lstat symlink chmod chown "
    "utime truncate readlink normalize chdir putfo put getfo get close"
)


@dataclass(frozen=True, slots=True)
class TornStep:
    """Between one thread's seek and its read or write another thread moved the position, or could have.

    Attributes:
        file: id of the SFTP file.
        seek: the first thread's seek.
        intruder: the other thread's call.
        use: what the first thread then did at the wrong position.
        happened: whether the other came between the two in this run; else it could have.
    """

    file: int
    seek: Call
    intruder: Call
    use: Call
    happened: bool


@dataclass(frozen=True, slots=True)
class MovedDirectory:
    """A relative path was used after another thread had changed the client's working directory.

    Attributes:
        client: id of the SFTP client.
        own: the chdir that the thread had made itself.
        other: the other thread's chdir after it.
        use: the call with the relative path.
        happened: whether the other came between the two in this run; else it could have.
    """

    client: int
    own: Call
    other: Call
    use: Call
    happened: bool


@dataclass(frozen=True, slots=True)
class BehindPrefetch:
    """A call had to wait behind the replies of an unlimited prefetch.

    Attributes:
        client: id of the SFTP client.
        prefetch: the call of prefetch().
        call: the one that waited.
        lasted_ns: how long, at least.
    """

    client: int
    prefetch: Call
    call: Call
    lasted_ns: int


@dataclass(slots=True)
class _Position:
    turn: int = 0
    sought: dict[int, tuple[int, Informed]] = field(default_factory=dict)
    last: Call | None = None
    pairs: dict[int, Informed] = field(default_factory=dict)
    """The seek of each thread's latest seek and use that each had a lock, which did not hold the two together."""


class SftpState:
    """Watches the calls on SFTP clients and files.

    Args:
        clocks: what each thread knows of the others.
        actors: for whom a thread works.
    """

    def __init__(self, clocks: Clocks, actors: Actors) -> None:
        self._clocks = clocks
        self._actors = actors
        self.torn: dict[tuple[int, int], TornStep] = {}
        self.moved: dict[tuple[int, int], MovedDirectory] = {}
        self.behind: dict[tuple[int, int], BehindPrefetch] = {}
        self._positions: dict[int, _Position] = {}
        self._chdirs: dict[int, tuple[Call, dict[int, Informed]]] = {}
        self._prefetched: dict[int, dict[int, Call]] = {}
        self._left_over: dict[int, Call] = {}
        self._far: set[int] = set()
        calls = {f"SFTPClient.{name}": self._client_call for name in _CALLS.split()}
        moves = {f"SFTPFile:File.{name}": self._position for name in _POSITION}
        self.begins = {"SFTPFile.seek": self._position, **moves, **calls}
        waits = dict.fromkeys((*calls, "SFTPFile.close", "SFTPFile.stat", "SFTPFile.seek"), self._waited)
        self.ends = {
            **waits,
            "SFTPClient.chdir": self._chdir,
            "SFTPFile.prefetch": self._prefetch,
            "SFTPFile.close": self._closed,
            **dict.fromkeys((f"SFTPFile:File.{name}" for name in ("read", "readline", "readinto")), self._read),
        }

    def _position(self, call: Call, root: Root) -> None:
        if root.kind != "SFTPFile":
            return
        position = self._positions.setdefault(call.obj, _Position())
        sought = position.sought.pop(call.actor, None)
        known = self._clocks.of(call.thread).weak_known
        if sought is not None and call.method not in ("seek", "tell"):
            turn, (seek, _) = sought
            last = position.last
            if position.turn != turn and last is not None and not self._actors.are_kin(last.actor, call.actor):
                self.torn[seek.stack, last.stack] = TornStep(call.obj, seek, last, call, True)
            elif seek.holds and call.holds and not call.in_one_hold_with(seek):
                self._could_be_torn(position, sought[1], (call, known))
        if call.method == "tell":
            return
        position.turn += 1
        position.last = call
        if call.method == "seek":
            (self._far.add if call.argument == FAR else self._far.discard)(call.obj)
            position.sought[call.actor] = (position.turn, (call, known))

    def _could_be_torn(self, position: _Position, seek: Informed, use: Informed) -> None:
        """A lock of its own for each call puts them in an order with those of others that means nothing."""
        thread = use[0].actor
        for other, theirs in position.pairs.items():
            if other != thread and apart(theirs, seek) and apart(theirs, use):
                torn = TornStep(use[0].obj, seek[0], theirs[0], use[0], False)
                self.torn.setdefault((seek[0].stack, theirs[0].stack), torn)
        position.pairs[thread] = seek

    def _client_call(self, call: Call, root: Root) -> None:
        known = self._chdirs.get(call.obj)
        if known is None or call.argument != 1 or call.name == "SFTPClient.chdir":
            return
        latest, own = known
        mine = own.get(call.actor)
        if mine is None:
            return
        changed = mine[0]
        key = (changed.stack, call.stack)
        if not self._actors.are_kin(latest.actor, call.actor):
            self.moved[key] = MovedDirectory(call.obj, changed, latest, call, True)
            return
        other = next((o for o in own.values() if apart(o, mine)), None)
        if other is not None and not call.in_one_hold_with(changed):
            self.moved.setdefault(key, MovedDirectory(call.obj, changed, other[0], call, False))

    def _chdir(self, call: Call, root: Root) -> None:
        if call.error:
            return
        own = self._chdirs[call.obj][1] if call.obj in self._chdirs else {}
        own[call.actor] = call, self._clocks.of(call.thread).weak_known
        self._chdirs[call.obj] = (call, own)

    def _prefetch(self, call: Call, root: Root) -> None:
        if not call.error and not call.words and root.sftp:  # words: the limit that was asked for
            self._prefetched.setdefault(root.sftp, {})[call.obj] = call

    def asked_ahead(self, calls: list[Call], file: int, asked_bytes: int) -> None:
        """A prefetch() of a file's, in one of these calls, asks for so much."""
        if calls and calls[-1].name == "SFTPFile.prefetch" and calls[-1].obj == file:
            calls[-1].argument = asked_bytes

    def _read(self, call: Call, root: Root) -> None:
        self._waited(call, root)
        ahead = self._prefetched.get(root.sftp)
        if ahead and call.obj in ahead:
            prefetch = ahead[call.obj]
            size = prefetch.argument
            prefetch.result += call.result
            if not call.result and not call.error or 0 < size <= prefetch.result:
                del ahead[call.obj]
                # all that it asked for was wanted: what waited behind it for a little shows no larger wait
                for key in [k for k, b in self.behind.items() if b.prefetch is prefetch and b.lasted_ns < STILL_NS]:
                    del self.behind[key]

    def forget(self, client: int) -> None:
        """The client is gone."""
        self._chdirs.pop(client, None)
        self._prefetched.pop(client, None)
        self._left_over.pop(client, None)

    def _closed(self, call: Call, root: Root) -> None:
        self._waited(call, root)
        ahead = self._prefetched.get(root.sftp)
        prefetch = ahead.pop(call.obj, None) if ahead else None
        if prefetch is not None and left_bytes(prefetch) >= _MUCH_BYTES:
            self._left_over[root.sftp] = prefetch
        self._positions.pop(call.obj, None)
        self._far.discard(call.obj)

    def _waited(self, call: Call, root: Root) -> None:
        if root.sftp in self._prefetched or root.sftp in self._left_over:
            self.behind_prefetch(call, root, call.ended_ns - call.began_ns)

    def behind_prefetch(self, call: Call, root: Root, lasted_ns: int) -> None:
        """Note a call that lasted long while replies to a prefetch were outstanding; also one that is still open."""
        for file, prefetch in self._prefetched.get(root.sftp, {}).items():
            left = left_bytes(prefetch)
            much = _VERY_MUCH_AT_END_BYTES if call.method == "close" else _VERY_MUCH_BYTES
            if left < _MUCH_BYTES or lasted_ns < SLOW_NS and left < much:
                continue
            if file != call.obj or call.name == "SFTPFile.close" or lasted_ns >= SLOW_NS and self._skips(call):
                self._note(prefetch, call, root, lasted_ns)
                return
        prefetch_of_closed = self._left_over.get(root.sftp)
        if prefetch_of_closed is not None:  # the file is closed, but its requests still go out and are answered
            if lasted_ns >= SLOW_NS:
                self._note(prefetch_of_closed, call, root, lasted_ns)
            else:
                del self._left_over[root.sftp]

    def _skips(self, call: Call) -> bool:
        """Whether a call on a prefetched file asks for something behind what was prefetched and is not wanted."""
        return call.method in ("stat", "seek") or call.obj in self._far and call.method == "read"

    def _note(self, prefetch: Call, call: Call, root: Root, lasted_ns: int) -> None:
        key = (prefetch.stack, call.stack)
        known = self.behind.get(key)
        if known is None or known.lasted_ns < lasted_ns:
            self.behind[key] = BehindPrefetch(root.sftp, prefetch, call, lasted_ns)


def left_bytes(prefetch: Call) -> int:
    """How much of what it asked for has not been read; of an empty file it asks for nothing.

    Threads: pure.
    """
    return prefetch.argument - prefetch.result
