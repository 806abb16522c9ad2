"""The transports and channels of a log while it is read: small mutable records, one for each that is alive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paramedic.logs.facts import ChannelFacts, Ending, Line, TransportFacts

MAX_TEXT = 300
"""Longest piece of a line that is kept as evidence, in characters."""


@dataclass(slots=True)
class Origin:
    """Where lines come from.

    Attributes:
        file: path; "" for a pipe.
        clock: the time of a line in seconds since 1970, or None.
        name_of: the human name of a thread.
    """

    file: str
    clock: Callable[[bytes], float | None]
    name_of: Callable[[bytes], str]


Seen = tuple[int, bytes, bytes, Origin]
"""Number, line, thread, origin. A plain tuple, because one is made for each line."""


def line_of(seen: Seen) -> Line:
    """The line as a value.

    Threads: pure.
    """
    number, text, thread, origin = seen
    return Line(
        number=number,
        text=text[: MAX_TEXT * 4].decode("utf-8", "replace").rstrip()[:MAX_TEXT],
        thread=origin.name_of(thread),
        at_s=origin.clock(text),
        file=origin.file,
    )


def maybe_line(seen: Seen | None) -> Line | None:
    """As `line_of`, and None for None.

    Threads: pure.
    """
    return None if seen is None else line_of(seen)


def seconds_between(earlier: Seen | None, later: Seen | None) -> float | None:
    """The time between two lines; None where one has no time.

    Threads: pure.
    """
    if earlier is None or later is None:
        return None
    a, b = earlier[3].clock(earlier[1]), later[3].clock(later[1])
    return None if a is None or b is None else b - a


class Channel:
    """One channel that has not ended yet.

    No slots: most attributes of most channels keep their defaults, and a log makes millions of them.
    """

    owner: Transport | None = None
    confirmed: Seen | None = None
    requested: Seen | None = None
    eof_sent: Seen | None = None
    eof_received: Seen | None = None
    sftp = False
    ended = False
    guessed = False
    """Which of several openers it was, the log does not say."""
    moved: Channel | None = None
    readers: list[Seen] | None = None
    writers: list[Seen] | None = None

    def __init__(self, number: bytes, opener: bytes, opening: Seen | None) -> None:
        self.number = number
        self.opener = opener
        self.opening = opening
        self.last = opening

    def facts(self) -> ChannelFacts:
        """The channel as a value.

        Threads: pure.
        """
        origin = next((s[3] for s in (self.opening, self.confirmed, self.last) if s is not None), None)
        return ChannelFacts(
            number=int(self.number) if self.number.isdigit() and len(self.number) < 19 else -1,
            transport="" if self.owner is None else self.owner.name,
            opener=origin.name_of(self.opener) if origin is not None and self.opening and not self.guessed else "",
            opening=maybe_line(self.opening),
            confirmed=maybe_line(self.confirmed),
            requested=maybe_line(self.requested),
            eof_sent=maybe_line(self.eof_sent),
            eof_received=maybe_line(self.eof_received),
            last=maybe_line(self.last),
            sftp=self.sftp,
        )


class Transport:
    """One connection that has not ended yet."""

    __slots__ = (
        "after_eof",
        "auth_open",
        "authed",
        "banner",
        "channels",
        "channels_seen",
        "confirm_ms",
        "double_logins",
        "end",
        "ended_unseen",
        "failed_logins",
        "greeting",
        "host",
        "identity",
        "idle_before_end",
        "keepalives",
        "keepalives_since",
        "keys_agreed",
        "keys_tried",
        "kex_open",
        "last",
        "last_eof_sent",
        "last_keepalive",
        "last_s",
        "live_at_end",
        "most_live",
        "opener",
        "own_call",
        "own_eofs",
        "own_open",
        "request_ms",
        "server",
        "sessions",
        "silence",
        "started",
        "tid",
        "traceback",
        "unimplemented",
        "waiting_at_end",
    )

    def __init__(self, tid: bytes, started: Seen | None, identity: str, server: bool) -> None:
        self.tid = tid
        self.started = started
        self.identity = identity
        self.server = server
        self.host = ""
        self.greeting = ""
        self.opener: bytes | None = None
        self.banner: Seen | None = None
        self.keys_agreed: Seen | None = None
        self.kex_open: Seen | None = None
        self.authed: Seen | None = None
        self.auth_open: list[Seen] = []
        self.double_logins: list[tuple[Seen, Seen]] = []
        self.failed_logins: list[Seen] = []
        self.unimplemented: list[Seen] = []
        self.keys_tried = 0
        self.channels: dict[bytes, Channel] = {}
        self.ended_unseen: set[bytes] = set()
        self.channels_seen = 0
        self.sessions = 0
        self.most_live = 0
        self.own_open: Channel | None = None
        self.after_eof: Channel | None = None
        self.last_eof_sent: Channel | None = None
        self.own_eofs = 0
        self.own_call = False
        self.keepalives = 0
        self.last_keepalive: Seen | None = None
        self.keepalives_since = 0
        self.last: Seen | None = started
        self.last_s = 0.0
        self.silence: tuple[float, Seen, Seen] | None = None
        self.confirm_ms: list[float] = []
        self.request_ms: list[float] = []
        self.end: tuple[str, str, int | None, Seen | None] | None = None
        self.idle_before_end = 0.0
        self.traceback: list[str] = []
        self.live_at_end = 0
        self.waiting_at_end: list[Channel] = []

    @property
    def name(self) -> str:
        """The name for people: address, thread and host, as far as they are known."""
        what = f"transport {self.identity}" if self.identity else "transport"
        origin = next((s[3] for s in (self.started, self.last) if s is not None), None)
        where = f" to {self.host}" if self.host else ""
        return f"{what} ({origin.name_of(self.tid)}){where}" if self.tid and origin is not None else what + where

    def live(self) -> int:
        """Channels that are open now: confirmed, and not ended on both sides.

        Threads: for the one thread that reads.
        """
        return sum(1 for c in self.channels.values() if c.confirmed is not None)

    def let_go(self) -> None:
        """Forgets its channels, which know it: otherwise it would take the garbage collector to free them.

        Threads: for the one thread that reads.
        """
        self.channels.clear()
        self.waiting_at_end.clear()
        self.own_open = self.after_eof = self.last_eof_sent = None

    def facts(self) -> TransportFacts:
        """The transport as a value, as it stands now.

        Threads: pure.
        """
        how, text, code, line = self.end or ("", "", None, None)
        silence = None
        stopped = self.after_eof
        if self.silence is not None:
            silence = (self.silence[0], line_of(self.silence[1]), line_of(self.silence[2]))
        return TransportFacts(
            name=self.name,
            thread="" if self.last is None else self.last[3].name_of(self.tid),
            server=self.server,
            host=self.host,
            greeting=self.greeting,
            opener="" if self.opener is None or self.last is None else self.last[3].name_of(self.opener),
            started=maybe_line(self.started),
            banner=maybe_line(self.banner),
            keys_agreed=maybe_line(self.keys_agreed),
            authenticated=maybe_line(self.authed),
            ending=Ending(
                how=how,
                text=text,
                code=code,
                line=maybe_line(line),
                traceback=tuple(self.traceback),
                idle_s=self.idle_before_end,
                live=self.live_at_end,
                waiting=tuple(c.facts() for c in self.waiting_at_end),
                authenticated=self.authed is not None,
            ),
            last=maybe_line(self.last),
            unfinished=tuple(c.facts() for c in list(self.channels.values())[:50]),
            rekeying=maybe_line(self.kex_open) if self.keys_agreed is not None else None,
            double_logins=tuple((line_of(a), line_of(b)) for a, b in self.double_logins),
            unimplemented=tuple(map(line_of, self.unimplemented)),
            logins_failed=tuple(map(line_of, self.failed_logins)),
            keys_tried=self.keys_tried,
            keepalives=self.keepalives,
            keepalives_unanswered_by=self.keepalives_since if self.last is self.last_keepalive else 0,
            channels=self.channels_seen,
            ended_by_itself=self.own_eofs,
            ended_unseen=frozenset(int(n) for n in self.ended_unseen if n.isdigit()),
            most_live=self.most_live,
            silence=silence,
            stopped_after_eof=stopped.facts() if stopped is not None and stopped.eof_received is self.last else None,
            own_opens=(self.own_open.facts(),) if self.own_open is not None and self.own_call else (),
            round_trips_ms=(tuple(self.confirm_ms), tuple(self.request_ms)),
        )
