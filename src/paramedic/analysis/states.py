"""What became of objects that is neither a call nor data: policies, socket options, orderly ends, volumes and counts.

Threads: one thread, the one that drives the machines; nothing here blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from paramedic.analysis.calls import Call, Informed
from paramedic.analysis.channels import Channel
from paramedic.analysis.clocks import Clocks
from paramedic.analysis.machine import Listener, Root
from paramedic.analysis.world import World
from paramedic.model.event import Row, State


@dataclass(slots=True)
class Reading:
    """How much was read from one kind of place.

    Attributes:
        call: one of the calls.
        read_bytes: how much in all.
        spent_ns: how long in all.
        calls: how many calls.
    """

    call: Call
    read_bytes: int = 0
    spent_ns: int = 0
    calls: int = 0


@dataclass(slots=True)
class Polled:
    """A channel whose exit status was asked for without waiting.

    Attributes:
        ready: the call that first said yes; None while none has.
        reads: how many reads of its streams there were.
        last_read: the latest of them.
        looked_ns: when the latest look at what is there began.
        to_end: whether a stream was read to its end.
        file_read_ns: when the latest read of a file ended; one read() of a file's goes on to the end.
        knows_end: whether the function that asks looks at the end of the stream, too.
    """

    ready: Call | None = None
    reads: int = 0
    last_read: Call | None = None
    looked_ns: int = 0
    to_end: bool = False
    file_read_ns: int = 0
    knows_end: bool = False


@dataclass(frozen=True, slots=True)
class Collected:
    """A stdin that nobody had closed was finalized by the garbage collector, or on a transport's thread.

    Attributes:
        stdin: its id.
        thread: number of the thread on which the finalizer ran.
        t_ns: when it began.
        on_transport: whether that is a transport's thread.
        opener: the call that opened the channel, or None.
        kept: whether it was in use until after the channel's close.
    """

    stdin: int
    thread: int
    t_ns: int
    on_transport: bool
    opener: Call | None
    kept: bool


@dataclass(frozen=True, slots=True)
class Pipe:
    """What was seen of a pipe that nobody reads.

    Attributes:
        unread: bytes in it.
        size: bytes that it holds.
    """

    unread: int
    size: int

    @property
    def clogged(self) -> bool:
        """Whether it may be full: it consists of pages, and what does not fit into the rest of one begins another, so
        that long lines fill it with half of its size."""
        return self.unread * 2 >= self.size


PIPE_BYTES = 65536
"""Of a pipe on Linux (pipe(7))."""
SELECT_FOR_EVER = 3
"""``argument`` of a fileno() that ``select.select([channel], [], [])`` asked for: three arguments, so no timeout."""
CLOSED, COLLECTED = 1, 2
"""Bits of a finalizer's ``b``: the object was closed before; the collector found it, in a cycle of references."""
KNOWS_END = 1
"""``argument`` of an exit_status_ready() whose caller looks at ``eof_received`` or ``closed``, too."""
_BARE_LOGINS = (
    "Transport.auth_none Transport.auth_password Transport.auth_publickey Transport.auth_interactive "
    "Transport.auth_interactive_dumb"
).split()
_MOST_COLLECTED = 1000
_MOST_CALLS = 10_000


@dataclass(frozen=True, slots=True)
class Unheeded:
    """A channel that the peer ended, which was looked at again and again and whose stream was not read to its end.

    Attributes:
        channel: its id.
        left: bytes of output that nobody has read.
        look: the latest look at what is there, or read.
    """

    channel: int
    left: int
    look: Call


class States:
    """Keeps what single events say.

    Args:
        clocks: what each thread knows of the others.

    Attributes:
        orderly_end: whether the interpreter came to its end, and was not killed.
        broken_off: whether an exception that nobody caught had ended the main thread then.
        serves: whether the program is a server of SSH's: its transports' threads call functions of the program's.
    """

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self.orderly_end = self.broken_off = False
        self.proxy_unread: dict[int, Pipe] = {}
        self.proxies_left: set[int] = set()
        self.gevent: set[int] = set()
        self.signal_handlers: set[int] = set()
        self.no_delay: dict[int, bool] = {}
        self.watched: set[int] = set()
        self.loops: dict[int, Call] = {}
        self.looped: set[int] = set()
        self.on_loop: dict[tuple[int, str], tuple[Call, int, int]] = {}
        self.readers: dict[int, dict[tuple[int, int], Informed]] = {}
        self.policies: dict[int, Call] = {}
        self.unverified: dict[int, Call] = {}
        self.bare_logins: dict[int, Call] = {}
        self._dialled: set[int] = set()
        self.keepalive: dict[int, Call] = {}
        self.safe: set[int] = set()
        self.forwards: dict[int, list[Call]] = {}
        self.serves = False
        self.replaced: list[tuple[Call, Call]] = []
        self.misled: set[int] = set()
        self.silenced: dict[int, tuple[Call, Call]] = {}
        self.connects: deque[Call] = deque(maxlen=_MOST_CALLS)
        self.filenos: dict[int, Call] = {}
        self.last_fileno: dict[int, Call] = {}
        self.wake_ups_lost: set[int] = set()
        self.loads: deque[Call] = deque(maxlen=_MOST_CALLS)
        self.readings: dict[tuple[int, str], Reading] = {}
        self.polled: dict[int, Polled] = {}
        self.collected: list[Collected] = []
        self.cut_short: list[tuple[int, int, Call | None, Call]] = []
        self.reads_where_polled: set[int] = set()
        self.looked_at: dict[int, Call | None] = {}  # by channel, the latest look or read; None: it was read to its end
        self.unheeded: list[Unheeded] = []
        self.kex_waits: deque[Call] = deque(maxlen=_MOST_CALLS)
        self.proxies_closed: deque[Call] = deque(maxlen=_MOST_CALLS)
        self.begins: Mapping[str, Listener] = {
            "SSHClient.set_missing_host_key_policy": self._policy,
            "Transport.connect": self._bare_connect,
            "Transport.start_server": self._serves,
            "Transport.start_client": lambda call, root: self._dialled.add(call.obj),
            **dict.fromkeys(_BARE_LOGINS, self._bare_login),
            "Transport.set_keepalive": self._keepalive,
            "Channel.fileno": self._fileno,
            "Loop.run_forever": self._loop_begins,
            "Channel.recv": self._reader,
            "Channel.recv_stderr": self._reader,
            "File.read": self._reader,
            "File.readline": self._reader,
        }
        reads = ("read", "readline", "readlines", "readinto")
        streams = [f"{stream}:File.{read}" for stream in ("stdout", "stderr", "stdin") for read in reads]
        self.ends: Mapping[str, Listener] = {
            "SSHClient.connect": lambda call, root: self.connects.append(call),
            "Loop.run_forever": self._loop_ends,
            "Transport.request_port_forward": self._forward,
            "Transport.cancel_port_forward": self._forward_ends,
            "SSHClient.load_system_host_keys": self._load,
            "SSHClient.load_host_keys": self._load,
            "Channel.exit_status_ready": self._ready,
            "Channel.recv_ready": self._asked,
            "Channel.recv_stderr_ready": self._asked,
            "Transport.send_in_kex": lambda call, root: self.kex_waits.append(call),
            "ProxyCommand.close": lambda call, root: self.proxies_closed.append(call),
            **dict.fromkeys(("Channel.recv", "Channel.recv_stderr"), self._read),
            **dict.fromkeys(streams, self._read_file),
        }

    def changed(self, state: int, obj: int, value: int, text: int) -> None:
        """A `Kind.STATE` event that no other machine wants."""
        if state == State.EXIT:
            self.orderly_end, self.broken_off = True, value > 0
        elif state == State.PROXY_STDERR:
            self.proxy_unread[obj] = Pipe(value, text or PIPE_BYTES)
        elif state == State.PROXY_LEFT:
            self.proxies_left.add(obj)
        elif state == State.GEVENT:
            self.gevent.add(obj)
        elif state == State.SIGNAL:
            self.signal_handlers.add(text)
        elif state == State.WAKE_UP_LOST:
            self.wake_ups_lost.add(obj)
        elif state == State.NO_DELAY:
            self.no_delay[obj] = bool(value & 1)
            if value & 2:
                self.watched.add(obj)

    def forget_connection(self, transport: int) -> None:
        """A connection has ended long ago."""
        self.keepalive.pop(transport, None)
        self._dialled.discard(transport)
        self.forwards.pop(transport, None)

    def forget(self, channel: int) -> None:
        """A channel is freed: nothing is to be said of its fileno where only one thread read one stream."""
        readers = self.readers.get(channel, {})
        if len(readers) < 2 and channel in self.filenos:
            for table in (self.filenos, self.last_fileno, self.readers):
                table.pop(channel, None)

    def reading_ends(self, channel: Channel) -> None:
        """A channel is freed, or the recording ends: note output that was left unread once the exit status was
        there."""
        polled = self.polled.get(channel.ident)
        if polled is None or polled.ready is None:
            return
        left, place = sum(channel.unread), polled.ready.stack
        if polled.last_read is not None:
            self.reads_where_polled.add(place)
        eof_ns = channel.eof_ns
        to_end = polled.to_end or 0 < eof_ns < polled.file_read_ns or polled.knows_end and 0 < eof_ns < polled.looked_ns
        wanted = polled.last_read is not None and not to_end
        if (left or wanted) and len(self.cut_short) < _MOST_COLLECTED:
            self.cut_short.append((channel.ident, left, polled.last_read, polled.ready))
        del self.polled[channel.ident]

    def looking_ends(self, channel: Channel) -> bool:
        """The same for one at which was looked with no question for the status: whether output may be lost.

        Whether it is, depends on what ended the loop.
        """
        look, left = self.looked_at.pop(channel.ident, None), sum(channel.unread)
        ended_ns, sent = channel.eof_ns or channel.close_ns, channel.close_sent
        if look is None or not ended_ns or sent is not None and sent[0] < ended_ns:
            return False  # who closes a channel has read what is wanted
        if not left and look.began_ns > ended_ns or len(self.unheeded) >= _MOST_COLLECTED:
            return False
        self.unheeded.append(Unheeded(channel.ident, left, look))
        return True

    def finalized(self, event: Row, world: World, channel: Channel | None, transport: int) -> None:
        """The finalizer of a stdin begins: it matters if the stdin is open and it was the collector that found it."""
        t_ns, _, stdin, _, how, _, number, _ = event
        if how & CLOSED or len(self.collected) >= _MOST_COLLECTED:
            return
        thread = world.threads.get(number)
        on_transport = thread is not None and 0 < thread.transport == transport
        if not how & COLLECTED and not on_transport:
            return
        # Whoever keeps it until the channel is closed has nothing to fear: there is no EOF to send any more. Nor, but
        # for an instant, has who reads to the end: the peer's CLOSE comes with its EOF. (SSHClient._auth, Paramiko
        # 5.1.0, leaves an exception in a circle that holds the frames of all its callers, where a key does not fit.)
        ended_ns = channel.eof_ns or channel.close_ns if channel is not None else 0
        kept = channel is not None and (channel.closed or ended_ns > 0) and channel.used_ns > max(ended_ns, 1)
        opener = channel.opener if channel is not None else None
        self.collected.append(Collected(stdin, number, t_ns, on_transport, opener, kept))
        world.pin(stdin)

    def _policy(self, call: Call, root: Root) -> None:
        self.policies.setdefault(call.stack, call)

    def _bare_connect(self, call: Call, root: Root) -> None:
        if call.words:
            self.unverified.setdefault(call.stack, call)

    def _bare_login(self, call: Call, root: Root) -> None:
        if call.obj in self._dialled:
            self._dialled.discard(call.obj)
            self.bare_logins.setdefault(call.stack, call)

    def _serves(self, call: Call, root: Root) -> None:
        self.serves = True

    def _keepalive(self, call: Call, root: Root) -> None:
        if call.words:
            self.safe.add(root.transport)
        elif call.argument > 0:
            self.keepalive[root.transport] = call

    def _forward(self, call: Call, root: Root) -> None:
        if call.error:
            return
        earlier = self.forwards.setdefault(root.transport, [])
        other = next((o for o in earlier if o.argument != call.argument), None)
        if other is not None:
            self.replaced.append((other, call))
        earlier.append(call)
        self.silenced.pop(root.transport, None)

    def _forward_ends(self, call: Call, root: Root) -> None:
        # which of them ends is not known, but they end for all; the handler is gone at once
        others = self.forwards.get(root.transport)
        if not others or call.error:
            return
        others.pop(0)
        if others:
            self.silenced[root.transport] = call, others[0]
        else:
            self.silenced.pop(root.transport, None)
            del self.forwards[root.transport]

    def comes_in(self, transport: int) -> None:
        """The peer opens a channel: the handler that is there gets it, whichever tunnel it came through."""
        if len({call.argument for call in self.forwards.get(transport, ())}) > 1:
            self.misled.add(transport)

    def _fileno(self, call: Call, root: Root) -> None:
        self.last_fileno[call.obj] = call
        if call.thread in self.loops:
            self.looped.add(call.obj)
        known = self.filenos.get(call.obj)
        if known is None or call.argument == SELECT_FOR_EVER and known.argument != SELECT_FOR_EVER:
            self.filenos[call.obj] = call

    def _loop_begins(self, call: Call, root: Root) -> None:
        self.loops[call.thread] = call

    def _loop_ends(self, call: Call, root: Root) -> None:
        self.loops.pop(call.thread, None)

    def blocked_loop(self, call: Call, t_ns: int) -> None:
        """A remote call ended on a thread whose event loop runs."""
        lasted = t_ns - call.began_ns
        key = (call.stack, call.name)
        known = self.on_loop.get(key)
        longest = (call, lasted) if known is None or lasted > known[1] else known[:2]
        self.on_loop[key] = (*longest, 1 if known is None else known[2] + 1)

    def _reader(self, call: Call, root: Root) -> None:
        if root.channel in self.filenos:
            stream = 1 if call.name == "Channel.recv_stderr" else root.stream if root.kind == "ChannelFile" else 0
            known = self._clocks.of(call.thread).weak_known
            self.readers.setdefault(root.channel, {})[(call.thread, stream)] = call, known

    def _load(self, call: Call, root: Root) -> None:
        self.loads.append(call)

    def _ready(self, call: Call, root: Root) -> None:
        polled = self.polled.setdefault(root.channel, Polled())
        polled.knows_end = polled.knows_end or call.argument == KNOWS_END
        if call.result == 1 and polled.ready is None:
            polled.ready = call

    def _asked(self, call: Call, root: Root) -> None:
        polled = self.polled.get(root.channel)
        if polled is None:
            self.looked_at[root.channel] = call
        else:
            polled.looked_ns = call.began_ns
            if polled.last_read is None:
                polled.last_read = call

    def _read(self, call: Call, root: Root) -> None:
        polled = self.polled.get(root.channel)
        if polled is None:
            if root.channel in self.looked_at:
                self.looked_at[root.channel] = call if call.result or call.error else None
        else:
            polled.reads += 1
            polled.last_read = call
            polled.looked_ns = call.began_ns
            polled.to_end = polled.to_end or not call.result and not call.error
            if call.name.startswith("File."):
                polled.file_read_ns = call.ended_ns

    def _read_file(self, call: Call, root: Root) -> None:
        self._read(call, root)
        key = (call.stack, call.name)
        reading = self.readings.get(key)
        if reading is None:
            reading = self.readings[key] = Reading(call)
        reading.read_bytes += call.result
        reading.spent_ns += call.ended_ns - call.began_ns
        reading.calls += 1
