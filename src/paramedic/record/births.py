"""The life of Paramiko's objects: where they come to be, what they belong to, and where they are finalized.

Threads: the probes run in any thread of the program's and do not block; making them is the recorder's start.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from sys import _getframe, getrefcount
from typing import Any

from paramedic.model.event import ERR, FIRST_STREAM, IN, OUT, OWN_STEPS, Kind, State
from paramedic.record.ends import Ends
from paramedic.record.patches import Guard, Span, Target
from paramedic.record.probe import MARK, STREAMS, TOLD, Probes
from paramedic.record.status_event import CHANNEL
from paramedic.trace import native
from paramedic.trace.chunks import Span as Begun
from paramedic.trace.chunks import end_call
from paramedic.trace.layout import KIND_SHIFT

_FINAL, _LINK, _OPENED, _STATE = (int(k) for k in (Kind.FINAL, Kind.LINK, Kind.OPENED, Kind.STATE))
Ended = Callable[[Begun, Any], None]
"""Called with where a call is stored, and its result."""
QUIET = "_paramedic_quiet_"
"""Attribute of the `in_buffer` of a channel that somebody reads: until when, in CLOCK_MONOTONIC, data need not be
recorded again. Not of the channel, which has 28 attributes of its own: from the 30th on CPython gives each object a
dictionary, which makes all of Paramiko's work with it slower."""


class Births:
    """Where objects come to be, and what they belong to.

    Channels, their files and SFTP files are many, and most of them Paramiko uses itself. They get their ids when the
    program gets them, or when something of theirs is recorded first.

    Threads: the thread that starts a recording; the probes in any thread, without blocking.
    """

    def __init__(self, homes: dict[str, Any], probes: Probes) -> None:
        self._homes, self._probes = homes, probes
        self._claims: dict[int, int] = {}
        self._asked: set[int] = set()
        self._stderr = next(
            (c for c in homes["ChannelFile"].__subclasses__() if c.__name__ == "ChannelStderrFile"), None
        )
        if probes.unseen == probes.adopt_alone:
            probes.unseen = self.unseen
        probes.defaults.append((sys.modules["paramiko.buffered_pipe"].BufferedPipe, QUIET))
        plain = sys.modules["threading"].Event
        self._plain_event = plain if plain.__module__ == "threading" else None  # gevent's has no room for anything

    def targets(self) -> Iterator[Target]:
        """The probes that are not those of calls."""
        adopt, trouble = self._probes.adopt, self._probes.trouble

        def born(
            parent: Callable[[Any], int] | None, ends: Callable[[Any, int], None] | None = None
        ) -> Callable[..., None]:
            def enter(thing: Any, *values: Any) -> None:
                try:
                    if not thing._paramedic_id_:
                        given = adopt(thing, parent(*values) if parent is not None else 0, 0, _getframe(2))
                        if ends is not None:
                            ends(thing, given)
                except Exception as e:
                    trouble("birth", e)

            return enter

        def failed(error: Exception) -> None:
            trouble("birth", error)

        def guard(ends: Callable[[Any, int], None] | None = None, words: str = "_born[_first]") -> Guard | None:
            if native.rows is None:
                return None
            values = {"_born": native.rows.Born(None, adopt, ends, failed), "_isinstance": isinstance}
            return Guard(words, values | {"_channel": self._homes["Channel"]})

        ends = Ends(self._probes).of
        yield Target(self._homes["SSHClient"], "__init__", born(None, ends), guard=guard(ends))
        for name in ("HostKeys", "ProxyCommand"):
            yield Target(self._homes[name], "__init__", born(None), guard=guard())
        own = self._own_step("Transport")
        connection = born(self._channel, own)
        over_socket = guard(own, "_isinstance(sock, _channel) or _born[_first]")
        yield Target(self._homes["Transport"], "__init__", connection, parameters=("sock",), guard=over_socket)
        session = born(self._sftp_channel, self._own_step("SFTPClient"))
        yield Target(self._homes["SFTPClient"], "__init__", session, parameters=("sock",))
        yield self._confirmed()
        # the finalizer of a stdin matters also where nothing else is done with it
        by_user = self._probes.by_user()
        yield Target(self._homes["Channel"], "makefile_stdin", lambda *_: 0, self._made, guard=by_user)

    def leaves(self) -> dict[str, Callable[[Ended], Ended]]:
        """What is to be done at the end of some calls, before the probe that they have."""
        return {
            "SSHClient.exec_command": self._streams_made,
            "SFTPClient.open": self._opened_file,
            "SSHClient.invoke_shell": self._asked_for,
            "Transport.open_session": self._asked_for,
            "Transport.open_channel": self._asked_for,
        }

    def told(self, full: str, span: Span) -> Span:
        """As a call's span, where `leaves` has something for it."""
        if span.ends is None:
            return span._replace(measure=None)
        if full == "SSHClient.exec_command":
            types = self._homes["ChannelStdinFile"], self._homes["ChannelFile"]
            return span._replace(ends=(*types, STREAMS, FIRST_STREAM >> 2))
        return span._replace(ends=(None, None, TOLD))

    def unseen(self, thing: Any) -> int:
        """Gives an id to an object of Paramiko's that has none yet: two threads that meet here give the same."""
        claimed = self._claims.setdefault(id(thing), self._probes.new_id())
        try:
            known: int = getattr(thing, MARK, 0)
            return known or self._name(thing, claimed)
        finally:
            self._claims.pop(id(thing), None)

    def _name(self, thing: Any, given: int) -> int:
        probes, homes = self._probes, self._homes
        if isinstance(thing, homes["Channel"]):
            return self._open(thing, given, getattr(thing, "remote_chanid", 0))
        parent = number = 0
        if isinstance(thing, homes["ChannelFile"]):
            parent, number = probes.id_of(thing.channel), self._stream(thing)
        elif isinstance(thing, homes["SFTPFile"]):
            parent = probes.id_of(thing.sftp)
        elif isinstance(thing, (homes["Transport"], homes["SFTPClient"])):
            parent = self._channel(thing.sock)
        return probes.adopt(thing, parent, number, None, given)

    def _stream(self, thing: Any) -> int:
        flags = getattr(thing, "_flags", 0)
        if isinstance(thing, self._homes["ChannelStdinFile"] or ()):
            return IN
        if flags & thing.FLAG_WRITE and not flags & thing.FLAG_READ:
            return IN
        return ERR if isinstance(thing, self._stderr or ()) else OUT

    def _channel(self, sock: Any) -> int:
        return self._probes.id_of(sock) if isinstance(sock, self._homes["Channel"]) else 0

    def _sftp_channel(self, sock: Any) -> int:
        given = self._channel(sock)
        if given:
            setattr(sock.in_buffer, QUIET, 1)
        return given

    def _own_step(self, kind: str) -> Callable[[Any, int], None]:
        """Tells whose step it is, of which calls of a class consist, where it is not Paramiko's."""
        home, name, probes = self._homes[kind], OWN_STEPS[kind], self._probes
        paramikos = home.__init__.__code__.co_filename

        def made(thing: Any, given: int) -> None:
            code = getattr(getattr(type(thing), name, None), "__code__", None)
            if code is None:
                probes.row(_STATE, State.OWN_STEP, given, 0, 0, probes.writer.text("\t0\t"))
            elif code.co_filename != paramikos:
                words = f"{code.co_filename}\t{code.co_firstlineno}\t{code.co_qualname}"
                probes.row(_STATE, State.OWN_STEP, given, 0, 0, probes.writer.text(words))

        return made

    def _open(self, channel: Any, given: int, chanid: int, by_peer: int = 0) -> int:
        probes = self._probes
        channel._paramedic_id_ = given
        transport = channel.transport
        over = 0 if transport is None else transport._paramedic_id_ or probes.id_of(transport)
        a = over | (chanid & 0x7FFFFFFF) << 32
        probes.row(_OPENED, by_peer, given, channel.in_window_size, a, channel.chanid)
        event = channel.status_event
        if type(event) is self._plain_event:
            event._paramedic_channel_ = given
        if over not in self._asked:  # with its first channel the program has had its chance to set the option
            self._asked.add(over)
            options = _options(getattr(transport, "sock", None))
            if options is not None:
                probes.row(_STATE, State.NO_DELAY, over, 0, options, 0)
        return given

    def _confirmed(self) -> Target:
        """The peer has opened the channel; nobody else knows it yet but the thread that waits for this."""
        new_id, trouble, asked = self._probes.new_id, self._probes.trouble, self._asked

        def confirmed(channel: Any, chanid: int) -> None:
            try:
                if not channel._paramedic_id_:
                    # the peer asks, where it is not one that answers to ours
                    asks = channel.chanid not in channel.transport.channel_events
                    self._open(channel, new_id(), chanid, int(asks))
            except Exception as e:
                trouble("channel", e)

        # as `_open`, where the transport has had a channel before
        row = self._probes.begins(
            f"not _first.{MARK} and _asked(_first.transport.{MARK})",
            _OPENED,
            "(_first.chanid not in _first.transport.channel_events)",
            "(_given := _new_id())",
            f"_first.transport.{MARK} | (chanid & 0x7FFFFFFF) << 32",
            "_first.chanid",
            "_first.in_window_size",
            _asked=asked.__contains__,
            _new_id=new_id,
        )
        marks = f"_first.{MARK} = _given"
        if self._plain_event is not None:
            marks += f"; _first.status_event.{CHANNEL} = _given"
        stored = row._replace(then=marks, otherwise=f"not _first.{MARK}")
        if native.rows is not None:
            current, opened, marks_event = self._probes.writer.current, _OPENED << KIND_SHIFT, bool(self._plain_event)
            in_c = native.rows.Confirmed(current, confirmed, asked, new_id, opened, int(marks_event))
            stored = stored._replace(native=in_c, item="chanid")
        return Target(self._homes["Channel"], "_set_remote_channel", confirmed, parameters=("chanid",), stored=stored)

    def _asked_for(self, leave: Ended) -> Ended:
        """Whose a channel is that the program gets: it was recorded by the connection's thread."""
        probes = self._probes

        def opened(begun: Begun, channel: Any) -> None:
            try:
                probes.row(_LINK, 0, probes.id_of(channel), 0, probes.id_of(channel.transport), channel.chanid)
            except Exception as e:
                probes.trouble("channel", e)
            leave(begun, channel)

        return opened

    def _streams_made(self, leave: Ended) -> Ended:
        trouble, most = self._probes.trouble, FIRST_STREAM >> 2
        stdin_type, plain = self._homes["ChannelStdinFile"], self._homes["ChannelFile"]

        def made(begun: Begun, result: Any) -> None:
            try:
                stdin, stdout, stderr = result
                given = stdout.channel._paramedic_id_
                if (
                    0 < given < most
                    and type(stdin) is stdin_type
                    and type(stdout) is plain
                    and not stdout._paramedic_id_
                ):
                    first = FIRST_STREAM + 4 * given
                    stdout._paramedic_id_, stderr._paramedic_id_, stdin._paramedic_id_ = first, first + 1, first + 2
                    end_call(begun, first)
                    return
            except Exception as e:
                trouble("exec_command", e)
            leave(begun, result)

        return made

    def _opened_file(self, leave: Ended) -> Ended:
        adopt, id_of, trouble = self._probes.adopt, self._probes.id_of, self._probes.trouble

        def opened(begun: Begun, file: Any) -> None:
            try:
                if not file._paramedic_id_:
                    adopt(file, id_of(file.sftp), 0, _getframe(2))
            except Exception as e:
                trouble("open", e)
            leave(begun, file)

        return opened

    def _made(self, _: Any, file: Any) -> Any:
        try:
            self._probes.id_of(file)
        except Exception as e:
            self._probes.trouble("makefile", e)
        return file


def _options(sock: Any) -> int | None:
    """1 where TCP_NODELAY is set, 2 where the system notices a dead peer; None for a socket that has neither."""
    option = getattr(sock, "getsockopt", None)
    if option is None:
        return None
    try:
        return bool(option(6, 1)) | 2 * _is_watched(option)
    except Exception:  # one of a Unix socket pair, as tests have it, or an object like a socket
        return None


def _is_watched(option: Callable[[int, int], int]) -> bool:
    """Whether the system itself notices a dead peer, by the socket's options."""
    import socket  # the program has it: Paramiko has

    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)
    kept = option(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    return bool(kept or user_timeout is not None and option(socket.IPPROTO_TCP, user_timeout))


def finalizers(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """Where objects are finalized.

    Threads: the thread that starts a recording; the probes in any thread, without blocking.
    """
    row, trouble, stdin = probes.row, probes.trouble, homes["ChannelStdinFile"]
    unheld = _Unheld()
    dropped_type: Any = type("Dropped", (homes["File"],), {"close": lambda self: None})

    def enter(thing: Any, references: int | None = None) -> int | None:
        try:
            given: int = thing._paramedic_id_
            if type(thing) is dropped_type:
                unheld.references = references or 0
                return None
            b = int(bool(getattr(thing, "_closed", False)))
            if stdin is None or type(thing) is not stdin:
                row(_FINAL, 0, given, 0, 0, b)
                return None
            if not b:
                # whoever drops the last reference leaves none but ours; what the collector finds is still in its cycle
                if not unheld.references:
                    dropped = object.__new__(dropped_type)
                    dropped._paramedic_id_ = 1
                    del dropped
                b = 2 * bool(references and unheld.references and references > unheld.references)
            if b != 2 and _sends_nothing(thing.channel):
                return None
            row(_FINAL, 0, given, 0, 0, b)
            return given  # the end matters only where a finalizer sends something, and so may never end
        except Exception as e:
            trouble("finalizer", e)
            return None

    def enter_channel(channel: Any) -> int | None:
        try:
            given: int = channel._paramedic_id_
            if channel.closed and _sends_nothing(channel):
                row(_FINAL, 0, given, 0, 1, 0)
                return None
            row(_FINAL, 0, given, 0, 0, 0)
            return given
        except Exception as e:
            trouble("finalizer", e)
            return None

    def leave(token: int, result: Any) -> Any:
        try:
            row(_FINAL, 0, token, 0, 1, 0)
        except Exception as e:
            trouble("finalizer", e)
        return result

    # stdout and stderr of a command end with its channel; what is left of their ids are those of stdin
    matters = Guard(
        "_first._paramedic_id_ and (_first._paramedic_id_ < _streams or _first._paramedic_id_ & 2)"
        # as `enter`: who refers to it, whether something could be sent
        " and ((_caller := _references(_first)) > _unheld.references or type(_first) is not _stdin"
        " or not _first.channel.eof_sent or _first.channel.lock.locked())",
        {"_streams": FIRST_STREAM, "_references": getrefcount, "_unheld": unheld, "_stdin": stdin},
    )
    if native.rows is not None:
        first = native.rows.FileEnds(None, None, unheld, stdin, FIRST_STREAM)
        matters = Guard("(_caller := _matters[_first])", {"_matters": first}, sure=True)
    ends = f"_first.{MARK} and ({{row}} if _first.closed and _first.eof_sent and not _first.lock.locked() else True)"
    has_ended = probes.stores(ends, _FINAL, f"_first.{MARK}", 1)
    if native.rows is not None:
        last = native.rows.ChannelEnds(probes.writer.current, None, _FINAL << KIND_SHIFT)
        has_ended = Guard("_ends[_first]", {"_ends": last}, sure=True)
    yield Target(homes["Channel"], "__del__", enter_channel, leave, guard=has_ended)
    yield Target(homes["File"], "__del__", enter, leave, guard=matters)
    yield Target(homes["SFTPFile"], "__del__", enter, leave, guard=probes.is_known)


class _Unheld:
    """How many references a finalizer's own code sees to something that nobody refers to; 0 until that is known."""

    __slots__ = ("references",)

    def __init__(self) -> None:
        self.references = 0


def _sends_nothing(channel: Any) -> bool:
    """Whether there is nothing that a finalizer could send on it, or wait for."""
    locked = getattr(channel.lock, "locked", None)  # paramedic.safe's channels have an RLock: nobody waits for himself
    return bool(channel.eof_sent) and not (locked is not None and locked())
