"""Who is in which call of an SFTP session, as far as a log can tell.

Most calls are logged when they begin and not when they end. `SFTPClient.open` alone logs both ends (sftp_client.py),
so a call of another thread between the two is proved to have overlapped with it. For the rest there is the speed of
the wire: under one lock, a call begins only after the answer to the one before it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramedic.logs.actors import Channel, Seen, Transport, line_of, seconds_between
from paramedic.logs.facts import CwdMix, Line, SftpOverlap
from paramedic.logs.phrases import SFTP_CALLS

if TYPE_CHECKING:
    from paramedic.logs.channels import Channels

MAX_THREADS = 256
"""Most threads of one session that are remembered."""
MAX_SAMPLES = 8
"""Most gaps and round trips of one session that are measured."""
_QUICK = frozenset(call[:5] for call in (name + b"(" for name in SFTP_CALLS) if call[:5] != b"norma")
"""How calls begin that mean nothing as long as one thread alone makes them."""
MAX_SEATS = 20_000
"""Most threads whose session is remembered."""
MAX_ORPHANS = 64
"""Most sessions whose channel is not in the log."""
WIRE_MS = 4.0
"""Round trips under this are too short for a log that counts in milliseconds."""
WIRE_SHARE = 0.4
"""Calls that begin within this share of the fastest round trip cannot have waited for each other."""
FAST_PAIRS = 3
"""So many pairs of calls must be that close before anything is said: a clock is only a clock."""


class Session:
    """One SFTP session."""

    __slots__ = (
        "answered",
        "back",
        "channel",
        "closed",
        "cwd",
        "fast",
        "home",
        "last",
        "number",
        "open_ms",
        "opens",
        "proved",
        "suggested",
        "threads",
    )

    def __init__(self, number: bytes, channel: Channel | None) -> None:
        self.number = number
        self.channel = channel
        self.closed = False
        self.home: Transport | None = None if channel is None else channel.owner
        self.threads: dict[bytes, Seen] = {}
        self.suggested: set[bytes] = set()
        self.last: Seen | None = None
        self.answered = False
        self.opens: dict[bytes, tuple[Seen, list[Seen]]] = {}
        self.open_ms: list[float] = []
        self.fast: list[tuple[float, Seen, Seen]] = []
        self.proved = 0
        self.back: tuple[Seen, Seen, Seen] | None = None
        self.cwd: dict[bytes, tuple[bytes, Seen, int]] = {}

    def turn(self) -> Seen | None:
        """The last call; what it means for the calls of others is noted now.

        Threads: for the one thread that reads.
        """
        last = self.last
        if last is not None:
            channel = self.channel
            if channel is not None and (channel.last is None or channel.last[0] < last[0]):
                channel.last = last
            thread = last[2]
            if thread in self.threads or len(self.threads) < MAX_THREADS:
                self.threads[thread] = last
            if not self.answered and thread not in self.opens and b"] open(" in last[1]:
                if len(self.opens) < MAX_THREADS:
                    self.opens[thread] = (last, [])
        return last


class SftpSessions:
    """All SFTP sessions of one process."""

    def __init__(self, story: Channels) -> None:
        self._story = story
        self._threads = story.threads
        self._told = story.told
        self._of_channel: dict[Channel, Session] = {}
        self._orphans: dict[tuple[bytes, bytes], Session] = {}
        self._seats: dict[bytes, Session] = {}
        self._turns: dict[bytes, tuple[frozenset[bytes], int, Session]] = {}
        self._starts: dict[bytes, frozenset[bytes]] = {}
        self._changes = 0
        self.ambiguous = 0
        self.unknown = 0
        self.overlaps: list[SftpOverlap] = []
        self.mixes: list[CwdMix] = []

    def line(self, thread: bytes, message: bytes, seen: Seen) -> None:
        """Takes one message of the SFTP logger, with its ``[chan N]``.

        Threads: for the one thread that reads.
        """
        quick = self._turns.get(thread)
        if quick is not None:
            # Nobody else was in this session since its last call: there is nothing to compare with.
            starts, cut, session = quick
            if message[:cut] in starts and (not self._told or self._told.get(thread) is session.home):
                self._threads[thread] = seen
                session.answered = b") -> " in message
                if not session.answered:
                    session.last = seen
                return
        number, _, words = message[6:].partition(b"] ")
        self.message(thread, number, words, seen)

    def message(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        """As `line`, where the channel's number stands beside the message.

        Threads: for the one thread that reads.
        """
        name = message[: message.find(b"(")]
        if name in SFTP_CALLS:
            self._threads[thread] = seen
            if name == b"open" and b") -> " in message:
                self._opened(thread, number, message, seen)
            else:
                self._call(name, thread, number, message, seen)
        elif message.startswith(b"Opened sftp"):
            self._start(thread, number, seen)
        elif message.startswith(b"sftp session closed"):
            self._end(thread, number, seen)
        elif message.startswith(b"Unexpected response"):
            self._unexpected(thread, number, seen)
        else:
            self.unknown += 1

    def _session(self, thread: bytes, number: bytes) -> Session | None:
        seat = self._seats.get(thread)
        if seat is not None and seat.number == number and not seat.closed:
            if seat.channel is not None and seat.channel.opener == thread and not seat.channel.guessed:
                if not self._story.told:
                    return seat  # its own channel, whatever others have the same number
        session = self._look_up(thread, number)
        if session is not None and thread:
            if len(self._seats) > MAX_SEATS:
                self._seats.clear()
            self._seats[thread] = session
        return session

    def _look_up(self, thread: bytes, number: bytes) -> Session | None:
        channel = self._story.channel_of(thread, number)
        if channel is not None:
            session = self._of_channel.get(channel)
            if session is None:
                session = self._of_channel[channel] = Session(number, channel)
                channel.sftp = True
            return session
        home = self._story.homes.get(thread)
        if home is not None and home.end is None and thread not in self._story.wanderers:
            session = self._suggested(home, number)
            if session is not None:
                session.suggested.add(thread)
                return session
        if self._story.is_ambiguous(number):
            self.ambiguous += 1
            return None
        return self._orphan((b"", number), None)

    def _suggested(self, home: Transport, number: bytes) -> Session | None:
        """The session of that number on the one transport that the thread was seen on: likely, not sure."""
        channel = home.channels.get(number)
        if channel is not None:
            return self._of_channel.get(channel) if not channel.guessed else None
        return self._orphan((home.tid, number), home) if home.started is None else None

    def _orphan(self, key: tuple[bytes, bytes], home: Transport | None) -> Session:
        """A session that began before the log."""
        session = self._orphans.get(key)
        if session is None:
            if len(self._orphans) >= MAX_ORPHANS:
                self._orphans.pop(next(iter(self._orphans)))
            session = self._orphans[key] = Session(key[1], None)
            session.home = home
        return session

    def _start(self, thread: bytes, number: bytes, seen: Seen) -> None:
        self._threads[thread] = seen
        self._session(thread, number)

    def _end(self, thread: bytes, number: bytes, seen: Seen) -> None:
        self._threads[thread] = seen
        session = self._session(thread, number)
        if session is not None:
            self._close(session)

    def forget(self, channel: Channel) -> None:
        """The channel has ended.

        Threads: for the one thread that reads.
        """
        session = self._of_channel.get(channel)
        if session is not None:
            self._close(session)

    def _close(self, session: Session) -> None:
        session.closed = True
        last = session.turn()
        if last is not None:
            self._turns.pop(last[2], None)
        self._report_fast(session)
        self._report_turns(session)
        if session.channel is not None:
            self._of_channel.pop(session.channel, None)
        else:
            self._orphans.pop((session.home.tid if session.home is not None else b"", session.number), None)

    def _call(self, name: bytes, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        session = self._session(thread, number)
        if session is None or not thread:
            return
        before = session.turn()
        if before is not None and before[2] != thread:
            self._turns.pop(before[2], None)
            mine = session.threads.get(thread)
            if session.back is None and mine is not None:
                session.back = (mine, before, seen)
            for opener, (_, inside) in session.opens.items():
                if opener != thread and len(inside) < 8:
                    inside.append(seen)
            if len(session.fast) < MAX_SAMPLES:
                gap = seconds_between(before, seen)
                if gap is not None and gap >= 0:
                    session.fast.append((gap * 1000, before, seen))
        if name == b"normalize" or session.cwd:
            self._directory(session, name, before, message, seen)
        session.last = seen
        session.answered = False
        session.opens.pop(thread, None)
        if session.channel is not None:
            session.channel.last = seen
        self._settle(session, thread)

    def _settle(self, session: Session, thread: bytes) -> None:
        """From now on this thread's calls need no look, if it is alone in a session of its own channel."""
        channel = session.channel
        quick = channel is not None and channel.opener == thread and not channel.guessed
        if quick and len(session.open_ms) >= MAX_SAMPLES and not session.opens and len(session.cwd) < 2:
            number = session.number
            starts = self._starts.get(number)
            if starts is None:
                if len(self._starts) > MAX_THREADS:
                    self._starts.clear()
                starts = self._starts[number] = frozenset(b"[chan %b] %b" % (number, call) for call in _QUICK)
            self._turns[thread] = (starts, len(number) + 13, session)

    def _opened(self, thread: bytes, number: bytes, message: bytes, seen: Seen) -> None:
        session = self._session(thread, number)
        if session is None or session.turn() is None:
            return
        begun = session.opens.pop(thread, None)
        session.answered = session.last is not None and session.last[2] == thread
        self._settle(session, thread)
        if begun is None:
            return
        start, inside = begun
        if not inside and len(session.open_ms) < MAX_SAMPLES:
            taken = seconds_between(start, seen)
            if taken is not None and taken >= 0:
                session.open_ms.append(taken * 1000)
        if inside:
            session.proved += 1
            if session.proved == 1 and len(self.overlaps) < 100:
                self._report(session, "inside", [start, *inside[:4], seen], 0.0)

    def _unexpected(self, thread: bytes, number: bytes, seen: Seen) -> None:
        session = self._session(thread, number)
        if session is None or session.turn() is None:
            return
        if len(session.threads) > 1 and len(self.overlaps) < 100:
            self._report(session, "lost-reply", [*list(session.threads.values())[-4:], seen], 0.0)

    def _directory(self, session: Session, name: bytes, before: Seen | None, message: bytes, seen: Seen) -> None:
        # SFTPClient.chdir is stat(path), then normalize(path); paths are logged after _adjust_cwd made them absolute.
        thread = seen[2]
        if name == b"normalize" and before and before[2] == thread and b"] stat" + message[9:] in before[1]:
            self._changes += 1
            if len(session.cwd) < MAX_THREADS:
                session.cwd[thread] = (_path(message), seen, self._changes)
            return
        mine = session.cwd.get(thread)
        if mine is None or name == b"normalize":
            return
        path = _path(message)
        for other, (theirs, where, when) in session.cwd.items():
            if other != thread and when > mine[2] and theirs != mine[0] and path.startswith(theirs.rstrip(b"/") + b"/"):
                if not path.startswith(mine[0].rstrip(b"/") + b"/") and len(self.mixes) < 100:
                    self.mixes.append(
                        CwdMix(
                            channel=_number(session.number),
                            mine=line_of(mine[1]),
                            theirs=line_of(where),
                            call=line_of(seen),
                        )
                    )
                    del session.cwd[thread]
                    return

    def known(self) -> list[SftpOverlap]:
        """What is to be told: nothing of sessions that began before the log, unless there is but one transport.

        Threads: for the one thread that reads.
        """
        alone = self._story.transports_seen < 2
        return [o for o in self.overlaps if alone or o.transport]

    def finish(self, *, cut: bool) -> None:
        """The log ends: looks at the sessions that are still open.

        Args:
            cut: it goes on elsewhere, so nothing is concluded from what does not come.

        Threads: for the one thread that reads.
        """
        for session in [*self._of_channel.values(), *self._orphans.values()]:
            session.turn()
            if cut:
                continue
            self._report_fast(session)
            silent = [s for t, s in session.threads.items() if self._threads.get(t) is s]
            if len(silent) >= 3 and session.last in silent and not session.proved and len(self.overlaps) < 100:
                session.proved += 1
                self._report(session, "all-silent", silent[-8:], 0.0)
            self._report_turns(session)

    def _report_fast(self, session: Session) -> None:
        owner = session.channel.owner if session.channel is not None else session.home
        samples = session.open_ms + (owner.confirm_ms + owner.request_ms if owner is not None else [])
        if session.proved or len(samples) < 3 or min(samples) < WIRE_MS:
            return
        limit = min(samples) * WIRE_SHARE
        close = [(a, b) for gap, a, b in session.fast if gap <= limit]
        if len(close) >= FAST_PAIRS:
            session.proved += 1
            lines = {s[0]: s for pair in close[:3] for s in pair}
            self._report(session, "faster-than-the-wire", list(lines.values()), min(samples), len(close))

    def _report_turns(self, session: Session) -> None:
        """Once for the whole log: a pool whose workers borrow its sessions in turn looks the same, and is safe."""
        if session.back is None or session.proved:
            return
        told = next((n for n, overlap in enumerate(self.overlaps) if overlap.how == "turns"), None)
        if told is not None:
            self.overlaps[told] = replace(self.overlaps[told], count=self.overlaps[told].count + 1)
        elif len(self.overlaps) < 100:
            self._report(session, "turns", list(session.back), 0.0)

    def _report(self, session: Session, how: str, seen: list[Seen], fastest_ms: float, count: int = 1) -> None:
        if session.channel is None and session.home is None and self._story.transports_seen > 1:
            return  # one number, and nobody knows whose
        lines: list[Line] = [line_of(s) for s in sorted(seen, key=lambda s: s[0])]
        owner = session.channel.owner if session.channel is not None else session.home
        self.overlaps.append(
            SftpOverlap(
                channel=_number(session.number),
                transport=owner.name if owner is not None else "",
                how=how,
                threads=tuple(dict.fromkeys(line.thread for line in lines)),
                lines=tuple(lines),
                count=count,
                round_trip_ms=fastest_ms,
                sure=session.channel is not None and not any(s[2] in session.suggested for s in seen),
            )
        )


def _path(message: bytes) -> bytes:
    for quote in (b"'", b'"'):
        parts = message.split(quote, 2)
        if len(parts) == 3:
            return parts[1]
    return b""


def _number(number: bytes) -> int:
    return int(number) if number.isdigit() and len(number) < 19 else -1
