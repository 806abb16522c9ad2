"""What was there before a recording began: threads, clients and connections, and the program's locks.

Whoever starts a recording in the middle of a program has made some of these already. Threads get their numbers, objects
their ids and owners; locks get their stand-ins where the program keeps them (`paramedic.record.swapping`). What a
thread did before its first event is taken to be before all that others did until then: an order that is assumed may
hide something, but it accuses nobody.

Threads: the thread that starts a recording; `Before.adopted` and `Before.unseen` in any thread, they do not block.
"""

from __future__ import annotations

import _thread
import gc
import sys
from _thread import get_ident
from collections.abc import Callable
from typing import Any

from paramedic.model.event import ERR, IN, OUT, Kind, State
from paramedic.model.operations import NUMBER
from paramedic.record.c_function import CFunction
from paramedic.record.frames import PARAMIKO, owner_of
from paramedic.record.locks import StandIns
from paramedic.record.probe import MARK, Probes
from paramedic.record.swapping import Swap
from paramedic.record.threads import THREAD_MARK, set_plainly
from paramedic.trace.writer import TraceWriter

_CALL, _LINK, _STATE, _NEW = int(Kind.CALL), int(Kind.LINK), int(Kind.STATE), int(Kind.NEW)
_BEFORE, _CONNECTED = int(State.BEFORE), int(State.CONNECTED)
_RUN = NUMBER["Transport.run"]


class Before:
    """Of one recording that begins late."""

    def __init__(self, probes: Probes, writer: TraceWriter) -> None:
        self._probes, self._writer = probes, writer
        self._idents: set[int] = set()
        self._made: StandIns | None = None
        self._clients: list[Any] | None = None

    def number_threads(self) -> None:
        """Give all threads that there are their numbers, the main thread the first."""
        threading = sys.modules.get("threading")
        if threading is None:
            return
        main = threading.main_thread()
        threads = dict(threading._active)
        for ident, thread in sorted(threads.items(), key=lambda item: item[1] is not main):
            number = self._writer.reserve_thread()
            self._writer.numbers[ident] = number
            set_plainly(thread, THREAD_MARK, number)
            if ident != get_ident():
                self._idents.add(ident)

    def adopted(self, thread: Any) -> None:
        """A thread that was there before records for the first time: called in it, after its BEGIN."""
        if get_ident() not in self._idents:
            return
        self._idents.discard(get_ident())
        self._probes.row(_STATE, _BEFORE, 0, 0, 0, 0)
        paramiko = sys.modules.get("paramiko")
        if paramiko is not None and isinstance(thread, paramiko.Transport):
            self._probes.row(_CALL, _RUN, self._probes.id_of(thread), 0, -1, 0)

    def forget_marks(self) -> None:
        """Take away what an earlier recording has written on objects: their ids are not in this one's file."""
        if not self._probes.classes:  # there was none
            return
        for thing in _instances((*self._probes.classes, *_kind("threading", "Thread"))):
            marks = getattr(thing, "__dict__", {})
            marks.pop(MARK, None)
            marks.pop(THREAD_MARK, None)

    def stand_in_for_locks(self, made: StandIns) -> None:
        """Put stand-ins in the place of the locks that the program keeps."""
        try:
            self._made = made
            found = _instances((*made.kinds, *_clients(), *_locks()))
            self._clients = [t for t in found if isinstance(t, _clients())]
            for left in [
                t for t in found if made.is_one(t)
            ]:  # from an earlier recording, where it could not be taken out
                op = NUMBER["Lock.__init__" if type(left) is made.kinds[0] else "RLock.__init__"]
                self._probes.row(_NEW, op, left._id, 0, 0, 0)
                self._probes.row(_STATE, _BEFORE, left._id, 0, int(repr(left).startswith("<locked")), 0)
            swap = Swap([t for t in found if not made.is_one(t) and not isinstance(t, _clients())], self._stand_in)
            swap.run()
            if swap.left:
                some = "1 lock or queue" if len(swap.left) == 1 else f"{len(swap.left)} locks or queues"
                detail = f"{some} from before the recording, in tuples or local variables, cannot be watched; what "
                self._probes.gap("made-before", detail + "is only possible is not judged therefore")
        except Exception as e:
            self._probes.trouble("locks", e)

    def give_locks_back(self) -> None:
        """The locks themselves stand where they stood; a stand-in that is left somewhere is as good, and silent."""
        if self._made is not None:
            try:
                Swap(_instances((*self._made.kinds, *_kind("threading", "Condition"))), self._real).run()
            except Exception as e:
                self._probes.trouble("locks", e)

    def _stand_in(self, thing: Any) -> Any:
        assert self._made is not None
        if isinstance(thing, _kind("threading", "Condition")):
            if self._made.is_one(thing._lock):
                return thing
            return None if thing._waiters else _with_lock(thing, self._made.around(thing._lock))
        return None if type(thing).__name__ == "SimpleQueue" else self._made.around(thing)

    def _real(self, thing: Any) -> Any:
        assert self._made is not None
        if isinstance(thing, _kind("threading", "Condition")):
            ours = self._made.is_one(thing._lock) and not thing._waiters
            return _with_lock(thing, thing._lock._real) if ours else thing
        return thing._real

    def adopt_clients(self) -> None:
        """Give clients and connections their ids now, so that they are known also where nobody calls them."""
        clients = self._clients if self._clients is not None else _instances(_clients())
        self._clients = None
        for thing in clients:
            try:
                if "_transport" in thing.__dict__ or "sock" in thing.__dict__:  # its __init__ is done
                    self._probes.id_of(thing)
            except Exception as e:
                self._probes.trouble("before", e)

    def tell_calls_under_way(self) -> None:
        """Admit that calls into Paramiko which have begun already are not in the recording."""
        paramiko, threading = sys.modules.get("paramiko"), sys.modules.get("threading")
        if paramiko is None or threading is None:
            return
        inside = 0
        for ident, frame in sys._current_frames().items():
            if ident != get_ident() and not isinstance(threading._active.get(ident), paramiko.Transport):
                here: Any = frame
                while here is not None and owner_of(here.f_code) != PARAMIKO:
                    here = here.f_back
                inside += here is not None
        if inside:
            words = "1 call into Paramiko was" if inside == 1 else f"{inside} calls into Paramiko were"
            self._probes.gap("calls-under-way", f"{words} under way when the recording began")

    def unseen(self, thing: Any) -> int:
        """The id of an object that was made before, with whatever it belongs to."""
        probes = self._probes
        attributes = getattr(thing, "__dict__", {})
        kind = self._kind(thing)
        parent, number = self._owner(kind, thing, attributes)
        given = probes.adopt(thing, parent, number, None)
        if not kind or not given:
            return given
        probes.row(_STATE, _BEFORE, given, 0, 0, 0)
        if kind == "Channel":
            transport = attributes.get("transport")
            if transport is not None:
                probes.row(_LINK, 0, given, 0, probes.id_of(transport), attributes.get("chanid", 0))
            remote, window = attributes.get("remote_chanid"), attributes.get("out_window_size", 0)
            if remote is not None:
                probes.row(_STATE, State.REMOTE_CHANNEL, given, 0, remote, window & 0xFFFFFFFF)
            probes.row(_STATE, State.WINDOW, given, 0, attributes.get("in_window_size", 0), 0)
        elif kind == "SSHClient":
            transport = attributes.get("_transport")
            if transport is not None:
                address = self._writer.text(_address(transport))
                probes.row(_STATE, _CONNECTED, given, 0, probes.id_of(transport), address)
        return given

    def _kind(self, thing: Any) -> str:
        """The class of those objects of Paramiko's whose birth is watched, in our words."""
        paramiko = sys.modules.get("paramiko")
        if paramiko is None:
            return ""
        channel = paramiko.channel
        homes = (
            ("SSHClient", paramiko.SSHClient), ("Transport", paramiko.Transport), ("Channel", channel.Channel),
            ("ChannelFile", channel.ChannelFile), ("SFTPClient", paramiko.SFTPClient), ("SFTPFile", paramiko.SFTPFile),
            ("HostKeys", paramiko.HostKeys), ("ProxyCommand", paramiko.ProxyCommand),
        )  # fmt: skip
        return next((name for name, home in homes if isinstance(thing, home)), "")

    def _owner(self, kind: str, thing: Any, attributes: dict[str, Any]) -> tuple[int, int]:
        """The parent's id and the number that go into a NEW event."""
        id_of = self._probes.id_of
        if kind == "Channel":
            return 0, attributes.get("chanid", 0)
        if kind == "ChannelFile" and attributes.get("channel") is not None:
            return id_of(attributes["channel"]), _stream(thing)
        if kind in ("SFTPClient", "Transport"):
            sock = attributes.get("sock")
            return (id_of(sock), 0) if self._kind(sock) == "Channel" else (0, 0)
        if kind == "SFTPFile" and attributes.get("sftp") is not None:
            return id_of(attributes["sftp"]), 0
        return 0, 0


def leaving(probes: Probes, real: Callable[[int], None]) -> CFunction:
    """An ``os._exit`` that says so first: how long the last calls had waited is known only from when the process ended.

    Args:
        probes: where to record.
        real: what it was.
    """

    def says() -> None:
        if not probes.writer.asleep:
            probes.row(_STATE, State.LEAVES, 0, 0, 0, 0)

    return CFunction(real, says)


def _stream(thing: Any) -> int:
    """Which stream a channel's file is, as `paramedic.record.paramiko_calls` tells it at its birth."""
    name, flags = type(thing).__name__, thing.__dict__.get("_flags", 0)
    if name == "ChannelStdinFile" or flags & type(thing).FLAG_WRITE and not flags & type(thing).FLAG_READ:
        return IN
    return ERR if name == "ChannelStderrFile" else OUT


def _address(transport: Any) -> str:
    try:
        host, port = transport.sock.getpeername()[:2]
        return f"{host}" if port == 22 else f"{host}:{port}"
    except Exception:  # a channel or a proxy command, or closed
        return ""


def _with_lock(condition: Any, lock: Any) -> Any:
    """The same condition over another lock. Nobody waits on it: who does would give the lock back in its own form."""
    for name in ("acquire", "release", "_release_save", "_acquire_restore", "_is_owned"):
        if name in condition.__dict__:
            condition.__dict__[name] = getattr(lock, name)
    condition._lock = lock
    return condition


def _clients() -> tuple[type[Any], ...]:
    return (*_kind("paramiko", "SSHClient"), *_kind("paramiko", "Transport"))


def _locks() -> tuple[type[Any], ...]:
    conditions = _kind("threading", "Condition")
    return (_thread.LockType, _thread.RLock, *_kind("_queue", "SimpleQueue"), *conditions)


def _kind(module: str, name: str) -> tuple[type[Any], ...]:
    """A class, if its module is loaded."""
    kind = getattr(sys.modules.get(module), name, None)
    if kind is not None and not isinstance(kind, type):
        return ()
    real = kind.__dict__.get("_real", kind) if kind is not None else None
    return (real,) if real is not None else ()


def _instances(kinds: tuple[type, ...]) -> list[Any]:
    """All objects of these classes and of those that inherit from them."""
    # by identity: the stand-ins' classes are equal to those that they stand for
    chosen = {id(kind) for kind in kinds}
    wanted: dict[int, bool] = {}
    found = []
    for thing in gc.get_objects():
        kind = type(thing)
        known = wanted.get(id(kind))
        if known is None:
            # not issubclass(), which the stand-ins for locks answer as the locks would
            bases = type.__dict__["__mro__"].__get__(kind)
            known = wanted[id(kind)] = any(id(base) in chosen for base in bases)
        if known:
            found.append(thing)
    return found
