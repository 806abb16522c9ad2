"""What a log says happened, as values: the ground on which the lenses judge.

Every fact carries the lines that it stands on. Nothing here says what a fact means.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paramedic.model.finding import Site, Step
from paramedic.model.report import Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the log.

    Attributes:
        number: 1-based, in the order in which the input was read.
        text: the line, cut where it is very long.
        thread: human name of the thread that logged it; "" where the log does not say.
        at_s: seconds since 1970 in the log's own clock; None where it has none.
        file: the file it stands in; "" for a pipe.
    """

    number: int
    text: str
    thread: str = ""
    at_s: float | None = None
    file: str = ""

    def step(self, what: str) -> Step:
        """The line as a step of a finding's story.

        Threads: pure.
        """
        return Step(
            thread=self.thread or "(unnamed thread)",
            what=f"{what}: {self.text}",
            site=Site(file=self.file, line=self.number) if self.file else None,
            at_s=self.at_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFacts:
    """One channel that is worth a word.

    Attributes:
        number: Paramiko's number of it, unique in its transport.
        transport: human name of its transport; "" where the log does not tell which it was.
        opener: the thread that opened it.
        opening: where it was asked for.
        confirmed: where the peer agreed.
        requested: the last granted request (exec, shell, pty, subsystem).
        eof_sent: where our side ended its stream.
        eof_received: where the peer ended its stream.
        last: the last line about it.
        sftp: an SFTP session ran on it.
    """

    number: int
    transport: str
    opener: str
    opening: Line | None
    confirmed: Line | None = None
    requested: Line | None = None
    eof_sent: Line | None = None
    eof_received: Line | None = None
    last: Line | None = None
    sftp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The peer refused to open a channel.

    Attributes:
        transport: human name.
        channel: number.
        opener: the thread that asked.
        opening: where it asked; None where that is not in the log.
        line: the refusal.
        text: the peer's words.
        reason: the reason code in Paramiko's words.
        live: channels of the same transport that were open then, as far as the log tells.
        sessions: how many of them had been granted a request, so that they were sessions and not tunnels.
    """

    transport: str
    channel: int
    opener: str
    opening: Line | None
    line: Line
    text: str
    reason: str
    live: int
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a transport ended.

    Attributes:
        how: ``eof``, ``socket``, ``exception``, ``unknown-exception``, ``disconnect``, ``unknown-channel`` or "" if
            the log does not say (Paramiko does not always log a close).
        text: the exception's or the peer's words.
        code: of a disconnect.
        line: None where the log does not say.
        traceback: lines of the traceback that was logged.
        idle_s: for how long the transport had been silent before.
        live: channels that were open.
        waiting: channels whose opening or whose first request was unanswered.
        authenticated: the login was done.
    """

    how: str
    text: str = ""
    code: int | None = None
    line: Line | None = None
    traceback: tuple[str, ...] = ()
    idle_s: float = 0.0
    live: int = 0
    waiting: tuple[ChannelFacts, ...] = ()
    authenticated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportFacts:
    """One connection.

    Attributes:
        name: human name.
        thread: its own thread's name.
        server: Paramiko was the server.
        host: where the log names it.
        opener: the thread that logged in on it, as far as the log tells; "" if unknown.
        greeting: what the peer said before its banner, if it said something.
        started: None where the log begins later.
        banner: where the peer's banner came.
        keys_agreed: where the first key exchange ended.
        authenticated: where the login succeeded.
        ending: how it ended.
        last: its thread's last line.
        unfinished: channels that had neither ended nor been refused at the end of the log or transport.
        rekeying: a key exchange after the first that began and never ended.
        double_logins: pairs of lines: a login began while another was under way on this transport.
        unimplemented: lines that say that the peer did not know what to do with a message of ours.
        logins_failed: lines of failed logins.
        keys_tried: keys that were offered on it.
        ended_unseen: channels that ended here and began before the log, or this part of it, begins.
        keepalives: keepalive requests that were sent.
        keepalives_unanswered_by: how many of them were sent after the last other line of the transport.
        channels: how many channels were opened.
        most_live: how many were open at the same time, at most.
        ended_by_itself: channels whose EOF its own thread sent, right after the peer's.
        silence: the longest time without a line of its thread: seconds, line before, line after.
        stopped_after_eof: the EOF of a channel that is its thread's last line, with our EOF not sent yet.
        own_opens: channels that its own thread asked for and that nobody confirmed.
        round_trips_ms: samples of opening a channel, and of a request on it.
    """

    name: str
    thread: str
    server: bool
    host: str
    opener: str
    greeting: str
    started: Line | None
    banner: Line | None
    keys_agreed: Line | None
    authenticated: Line | None
    ending: Ending
    last: Line | None
    unfinished: tuple[ChannelFacts, ...] = ()
    rekeying: Line | None = None
    double_logins: tuple[tuple[Line, Line], ...] = ()
    unimplemented: tuple[Line, ...] = ()
    logins_failed: tuple[Line, ...] = ()
    keys_tried: int = 0
    keepalives: int = 0
    keepalives_unanswered_by: int = 0
    channels: int = 0
    most_live: int = 0
    ended_by_itself: int = 0
    ended_unseen: frozenset[int] = frozenset()
    silence: tuple[float, Line, Line] | None = None
    stopped_after_eof: ChannelFacts | None = None
    own_opens: tuple[ChannelFacts, ...] = ()
    round_trips_ms: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpOverlap:
    """Several threads in one SFTP session.

    Attributes:
        channel: number of the session's channel.
        transport: human name, "" if unknown.
        how: ``inside`` (one call began and ended inside another's ``open``: proved), ``faster-than-the-wire`` (calls of
            different threads began closer together than an answer can be), ``all-silent`` (the session's last calls
            are of different threads, and none of them was heard of again), ``turns`` (a thread called again after
            another had), ``lost-reply`` (Paramiko got a reply that nobody waited for).
        threads: the threads, in the order of the lines.
        lines: the evidence, in order.
        count: how often.
        round_trip_ms: the fastest answer of this connection, for ``faster-than-the-wire``.
        sure: the log shows that all were in the same session; else a thread's only known connection suggests it.
    """

    channel: int
    transport: str
    how: str
    threads: tuple[str, ...]
    lines: tuple[Line, ...]
    count: int = 1
    round_trip_ms: float = 0.0
    sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CwdMix:
    """A thread's relative path was resolved in the directory that another thread had changed to.

    Attributes:
        channel: number of the session's channel.
        mine: where the thread changed directory.
        theirs: where the other thread changed it after that.
        call: the thread's call that went to the other's directory.
    """

    channel: int
    mine: Line
    theirs: Line
    call: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two global requests that wait for a reply were in flight on one transport.

    Attributes:
        transport: human name.
        first, second: the requests.
        reply: the first reply after both.
        sure: the log shows that both were on this transport.
        count: how often.
    """

    transport: str
    first: Line
    second: Line
    reply: Line
    sure: bool
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadUse:
    """A thread used a transport that had ended.

    Attributes:
        transport: human name, "" where it is not known.
        thread: who.
        what: ``opening``, ``global``, ``sftp``: what it was doing.
        call: where it began.
        line: where Paramiko dropped its packet.
        by_us: our side had ended it (the transport's thread had not noticed any end yet).
    """

    transport: str
    thread: str
    what: str
    call: Line
    line: Line
    by_us: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Messages came for a channel that no object in the program stood for any more, before its end.

    Attributes:
        channel: what is known of it.
        line: the message that came too late.
        ended_by: who logged our end of stream: ``opener``, ``transport`` (its own thread), ``other`` or "".
        beside: how many other channels of its transport were open.
        moved_on: the opener's next channel, as far as the log has it.
        moved_on_ms: how long after the opener's last step with this channel that one was opened.
        after_answer_ms: how long after the next channel's first answer the message came.
    """

    channel: ChannelFacts
    line: Line
    ended_by: str
    beside: int
    moved_on: ChannelFacts | None
    moved_on_ms: float | None
    after_answer_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EofRace:
    """An end of stream of ours that may have crossed the peer's, followed by a connection that answered no more.

    Attributes:
        channel: the channel.
        ours: our EOF.
        theirs: the peer's EOF next to it; None if none came.
        after: what was unanswered afterwards.
        ended: the line on which the transport ended; None if the log just stops.
        foreign: our EOF was sent by another thread than the channel's opener.
        before: other channels that were ended from another thread and whose end the peer never confirmed.
    """

    channel: ChannelFacts
    ours: Line
    theirs: Line | None
    after: ChannelFacts
    ended: Line | None
    foreign: bool
    before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFull:
    """A packet dump shows a receive window used up and not given back.

    Attributes:
        transport: human name.
        channel: number.
        window: its size in bytes.
        stdout: bytes received on the main stream since the window was last given back.
        stderr: the same of the extended stream.
        line: the packet that used it up.
        writing: our side was still sending on the channel.
    """

    transport: str
    channel: int
    window: int
    stdout: int
    stderr: int
    line: Line
    writing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSharing:
    """Ultra-debug lines show that several threads took part in one direction of a channel.

    Attributes:
        channel: what is known of it.
        direction: ``reading`` or ``writing``.
        threads: who.
        lines: one line of each.
        turns: how often the thread changed.
    """

    channel: ChannelFacts
    direction: str
    threads: tuple[str, ...]
    lines: tuple[Line, ...]
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFacts:
    """Everything that one process's part of a log says.

    Attributes:
        process: id, where the log has it.
        first, last: first and last line of Paramiko's.
        messages: how many lines of Paramiko's were understood.
        transports: in the order of their start; those with nothing to tell are only counted once there are many.
        transports_seen: how many there were.
        begun_before: how many of them began before the log does.
        threads_known: the log says which thread logged a line.
        threads_seen: how many.
        mixed: several processes with the same thread numbers wrote here; who did what is a guess.
        clock: the log has times.
        most_logging_in: transports that had begun and not yet logged in, at most at the same time.
        key_prints: fingerprints of the keys that were offered.
        hosts: hosts whose keys were added unverified, with the line of each.
        unrequested: answers to openings of channels that nobody here had asked for.
        twin_opens: pairs of lines that open a channel of one number on the only transport, with no answer between.
    """

    process: int | None
    first: Line | None
    last: Line | None
    messages: int
    transports: tuple[TransportFacts, ...]
    transports_seen: int
    begun_before: int
    threads_known: bool
    threads_seen: int
    mixed: bool
    clock: bool
    most_logging_in: int = 0
    key_prints: tuple[str, ...] = ()
    hosts: tuple[tuple[str, Line], ...] = ()
    refusals: tuple[Refusal, ...] = ()
    refusals_seen: int = 0
    sftp_overlaps: tuple[SftpOverlap, ...] = ()
    cwd_mixes: tuple[CwdMix, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    dead_uses: tuple[DeadUse, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    eof_races: tuple[EofRace, ...] = ()
    windows_full: tuple[WindowFull, ...] = ()
    shared_streams: tuple[StreamSharing, ...] = ()
    unrequested: tuple[Line, ...] = ()
    twin_opens: tuple[tuple[Line, Line], ...] = ()
    gaps: tuple[Gap, ...] = field(default=())
