"""The story of one process: a machine that is fed Paramiko's messages in order and keeps what is alive.

Its memory is bounded by the transports and channels that are alive, and by fixed limits on what is kept as evidence.

Who did it is known for two kinds of lines: a transport logs on its own thread, and so do the threads that use it. A
channel's number is unique in its transport alone; which transport a worker's ``[chan 3]`` means is known where one
live transport has a channel 3, or where this thread was seen on one of them before. Otherwise the story says nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from paramedic.logs.actors import Seen, Transport, line_of, maybe_line, seconds_between
from paramedic.logs.channels import Channels
from paramedic.logs.facts import LogFacts
from paramedic.logs.phrases import Kind, recognise, split_channel
from paramedic.model.report import Gap

Handler = Callable[[bytes, bytes, bytes, Seen], None]

MAX_TRACE_BYTES = 400
TRACE_LINES = 500
"""A traceback is over after so many messages of all threads, wherever its end is."""
RESTART_S = 0.1
MAX_SHAPES = 20_000
MAX_SHAPE_BYTES = 300
_VARIED = frozenset(
    (
        Kind.TRANSPORT_START,
        Kind.TRACEBACK,
        Kind.WINDOW,
        Kind.PACKET,
        Kind.HEX,
        Kind.SFTP_CALL,
        Kind.SFTP_OPENED,
        Kind.HOST_KEY_ADDED,
    )
)
"""Messages that hardly ever come again in the same words, or mean something else then."""


class Story(Channels):
    """One process's part of a log.

    Attributes:
        process: its id, where the log has it.
        messages: how many were fed.
        shapes: what to do with messages that were seen before: who takes them, the channel's number, and the words.
        first, last: first and last line.
        unknown: how many of them Paramiko is not known to log.
    """

    def __init__(self, process: int | None = None, prior_transports: frozenset[bytes] = frozenset()) -> None:
        super().__init__(prior_transports)
        self.process = process
        self.messages = 0
        self.unknown = 0
        self.unknown_example: Seen | None = None
        self.first: Seen | None = None
        self.last: Seen | None = None
        self._by_kind: dict[Kind, Handler] = {
            Kind.TRANSPORT_START: self._start,
            Kind.REMOTE_VERSION: self._banner,
            Kind.LOCAL_VERSION: self._of_transport,
            Kind.BANNER: self._greeting,
            Kind.CONNECTED: self._of_transport,
            Kind.KEX_START: self._kex_start,
            Kind.KEX_DETAIL: self._of_transport,
            Kind.KEX_END: self._kex_end,
            Kind.HOST_KEY_ADDED: self._host_key,
            Kind.AUTH_READY: self._auth_ready,
            Kind.AUTH_TRY: self._auth_try,
            Kind.AUTH_OK: self._auth_ok,
            Kind.AUTH_FAILED: self._auth_failed,
            Kind.CHANNEL_OPENING: self._opening,
            Kind.CHANNEL_CONFIRMED: self._confirmed,
            Kind.CHANNEL_REFUSED: self._refused,
            Kind.CHANNEL_INCOMING: self._of_transport,
            Kind.REQUEST_OK: self._request_ok,
            Kind.EOF_SENT: self._eof_sent,
            Kind.EOF_RECEIVED: self._eof_received,
            Kind.WINDOW: self._window,
            Kind.DEAD_CHANNEL: self._dead_channel,
            Kind.UNKNOWN_CHANNEL: self._unknown_channel,
            Kind.GLOBAL_SENT: self._global_sent,
            Kind.GLOBAL_REPLY: self._global_reply,
            Kind.GLOBAL_RECEIVED: self._of_transport,
            Kind.PACKET_DROPPED: self._packet_dropped,
            Kind.DISCONNECT: self._disconnect,
            Kind.TRANSPORT_EOF: self._eof,
            Kind.SOCKET_ERROR: self._socket_error,
            Kind.EXCEPTION: self._exception,
            Kind.UNIMPLEMENTED: self._unimplemented,
            Kind.UNREQUESTED: self._unrequested_success,
            Kind.PACKET: self.packets.packet,
            Kind.HEX: self.packets.hex_line,
            Kind.SFTP_START: self._sftp,
            Kind.SFTP_END: self._sftp,
            Kind.SFTP_CALL: self._sftp,
            Kind.SFTP_OPENED: self._sftp,
            Kind.SFTP_UNEXPECTED: self._sftp,
        }
        self.shapes: dict[bytes, tuple[Handler | None, bytes, bytes]] = {}
        self._traced: dict[bytes, Transport] = {}
        self._trace_left = 0
        self._put_aside: dict[bytes, tuple[Handler | None, bytes, bytes]] = {}

    def feed(self, thread: bytes, sftp: bool, message: bytes, seen: Seen) -> None:
        """Takes one message of Paramiko's.

        Args:
            thread: what the log calls the thread; b"" if it does not say.
            sftp: the logger is an SFTP one.
            message: the message alone.
            seen: the line it stands in.

        Threads: for the one thread that reads.
        """
        self.messages += 1
        if self.last is None:
            self.first = seen
        self.last = seen
        if sftp:
            self.sftp.line(thread, message, seen)
            return
        shape = self.shapes.get(message)
        if shape is None:
            self.take(thread, message, seen)
        elif shape[0] is not None:
            shape[0](thread, shape[1], shape[2], seen)

    def take(self, thread: bytes, message: bytes, seen: Seen) -> None:
        """Takes a message that is not in `shapes`, and puts it there if it may come again.

        Threads: for the one thread that reads.
        """
        number, words = split_channel(message)
        found = recognise(words)
        if (self._trouble or self._traced) and self._is_of_traceback(thread, words, found and found[0]):
            return
        if found is None:
            self.unknown += 1
            self.unknown_example = self.unknown_example or seen
            return
        handler = self._by_kind.get(found[0])
        if handler is not None:
            handler(thread, number, words, seen)
        # While a traceback is open, the next message of its thread has to come here, however often it came before.
        if found[0] not in _VARIED and len(message) < MAX_SHAPE_BYTES and not self._trouble:
            if len(self.shapes) >= MAX_SHAPES:
                self.shapes.clear()
            self.shapes[message] = (handler, number, words)

    def _exception(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        super()._exception(thread, number, message, seen)
        self._open_traceback()

    def _open_traceback(self) -> None:
        # Until it is closed every message comes to `take`, also those that have a shape; the dict stays the same one,
        # since the reader's loop has its method at hand.
        self._trace_left = TRACE_LINES
        if self.shapes:
            self._put_aside = self.shapes.copy()
            self.shapes.clear()

    def _close_traceback(self, thread: bytes) -> None:
        del self._trouble[thread]
        if not self._trouble:
            self.shapes.update(self._put_aside)
            self._put_aside = {}

    def _is_of_traceback(self, thread: bytes, words: bytes, kind: Kind | None) -> bool:
        """Whether a message is a line of the traceback that Paramiko logs after an exception."""
        if self._trouble:
            self._trace_left -= 1
            if self._trace_left < 0:
                for each in list(self._trouble):
                    self._close_traceback(each)
        trouble = self._trouble.get(thread)
        if trouble is None and kind is Kind.TRACEBACK:  # the one that ended was the cause of another one
            trouble = self._traced.pop(thread, None)
            if trouble is not None:
                self._trouble[thread] = trouble
                self._open_traceback()
        if trouble is None:
            return False
        if words and kind not in (None, Kind.TRACEBACK):
            self._close_traceback(thread)
            return False
        if len(trouble.traceback) < 80:
            trouble.traceback.append(words[:MAX_TRACE_BYTES].decode("utf-8", "replace"))
        if not words:  # util.tb_strings() ends each exception of a chain with an empty line
            self._close_traceback(thread)
            self._traced = {thread: trouble}
        return True

    def _sftp(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        # The log has no logger names, or not Paramiko's; the message is an SFTP one all the same.
        self.sftp.message(thread, number, message, seen)

    def runs_beside(self, seen: Seen) -> bool:
        """Another process starts on this line, so soon after a line of this one that both must be running.

        An interpreter that loads Paramiko takes longer than that to start.

        Threads: for the one thread that reads.
        """
        since = seconds_between(self.last, seen)
        return since is not None and since < RESTART_S

    def finish(self, *, cut: bool = False) -> LogFacts:
        """The log ends here: everything that it said about this process.

        Args:
            cut: it goes on elsewhere, so nothing is concluded from its silence.

        Threads: for the one thread that reads.
        """
        self.sftp.finish(cut=cut)
        unowned = self._unowned()
        for transport in self.transports.values():
            if transport.end is None:
                transport.waiting_at_end = self._waiting(transport, unowned)
                if not cut:
                    self._look_for_eof_race(transport, None)
            for channel in list(transport.channels.values()):
                if channel.readers is not None or channel.writers is not None:
                    self.packets.report_sharing(channel)
        transports = [*self._done, *(t.facts() for t in self.transports.values())]
        transports.sort(key=lambda t: (t.started or t.last or _NOWHERE).number)
        return LogFacts(
            process=self.process,
            first=maybe_line(self.first),
            last=maybe_line(self.last),
            messages=self.messages,
            transports=tuple(transports),
            transports_seen=self.transports_seen,
            begun_before=self.begun_before,
            threads_known=bool(self.last and self.last[2]),
            threads_seen=self.threads_seen + len(self.threads) + self.transports_seen,
            mixed=self.mixed,
            clock=self.now_s is not None,
            most_logging_in=self.most_logging_in,
            key_prints=tuple(self.key_prints),
            hosts=tuple((host, line_of(seen)) for host, seen in self.hosts.items()),
            refusals=tuple(self.refusals),
            refusals_seen=self.refusals_seen,
            sftp_overlaps=tuple(self.sftp.known()),
            cwd_mixes=tuple(self.sftp.mixes),
            overlaps=tuple(self.overlaps),
            dead_uses=tuple(self.dead_uses),
            dropped=tuple(self.dropped),
            eof_races=tuple(self.eof_races),
            windows_full=() if cut else tuple(self.packets.full()),
            shared_streams=tuple(self.packets.shared),
            unrequested=tuple(map(line_of, self.unrequested)),
            twin_opens=tuple((line_of(a), line_of(b)) for a, b in self.twin_opens),
            gaps=tuple(self._gaps()),
        )

    def _gaps(self) -> list[Gap]:
        gaps = []
        if self.unknown + self.sftp.unknown:
            text = "" if self.unknown_example is None else f", such as line {self.unknown_example[0]}"
            gaps.append(
                Gap(
                    reason="unknown-message",
                    detail=f"messages of Paramiko's loggers that no known version of Paramiko writes{text}",
                    count=self.unknown + self.sftp.unknown,
                )
            )
        if self.clock_backwards:
            gaps.append(
                Gap(reason="clock-backwards", detail="the log's clock goes backwards", count=self.clock_backwards)
            )
        if self.mixed:
            gaps.append(
                Gap(
                    reason="mixed-processes",
                    detail="several processes with the same thread numbers write to this log and no line says which; "
                    "who did what is a guess, and nothing is claimed that hangs on it",
                )
            )
        if self.sftp.ambiguous:
            gaps.append(
                Gap(
                    reason="ambiguous-channel",
                    detail="SFTP lines that may be of several connections, since the log names only the channel",
                    count=self.sftp.ambiguous,
                )
            )
        if self.evicted:
            gaps.append(
                Gap(
                    reason="too-many-channels",
                    detail="channels that were given up because too many seemed to be open",
                    count=self.evicted,
                )
            )
        return gaps


class _Nowhere:
    number = 0


_NOWHERE = _Nowhere()
