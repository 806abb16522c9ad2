"""Single messages of a log, for those who want to see them: the timeline's rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from paramedic.logs.forms import PARAMIKO_FORM, Form, detect
from paramedic.logs.phrases import Kind, recognise, split_channel
from paramedic.logs.sources import Source
from paramedic.logs.times import seconds

DULL = frozenset(
    {Kind.KEX_DETAIL, Kind.HEX, Kind.TRACEBACK, Kind.DETAIL, Kind.AUTH_DETAIL, Kind.CHANNEL_OPENED, Kind.LOCAL_VERSION}
)
"""Messages that say nothing about who does what; they are shown only when asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One message.

    Attributes:
        number: of its line.
        file: where that is; "" for a pipe.
        at_s: seconds since 1970; None where the log has no times.
        process: id, where the log has it.
        thread: as the log names it, with "thread" before a bare number; "" where it does not.
        channel: number, "" if none.
        kind: what it says.
        text: the message.
    """

    number: int
    file: str
    at_s: float | None
    process: int | None
    thread: str
    channel: str
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """Which rows are wanted; None and "" want all.

    Attributes:
        channels: numbers.
        threads: names, with or without "thread".
        from_s, to_s: times; below 86 400 they are times of the day.
        first, last: line numbers.
        dull: also messages that say nothing about who does what.
    """

    channels: frozenset[str] = frozenset()
    threads: frozenset[str] = frozenset()
    from_s: float | None = None
    to_s: float | None = None
    first: int = 0
    last: int | None = None
    dull: bool = False

    @property
    def is_open(self) -> bool:
        """Nothing was narrowed."""
        return self == Narrowing(dull=self.dull)

    def wants(self, row: Row) -> bool:
        """Whether the row is in it.

        Threads: pure.
        """
        if row.kind in DULL and not self.dull:
            return False
        if self.channels and row.channel not in self.channels:
            return False
        if self.threads and not ({row.thread, row.thread.removeprefix("thread ")} & self.threads):
            return False
        return _in_time(row.at_s, self.from_s, self.to_s)


def _in_time(at_s: float | None, from_s: float | None, to_s: float | None) -> bool:
    if from_s is None and to_s is None:
        return True
    if at_s is None:
        return False
    for limit, sign in ((from_s, 1), (to_s, -1)):
        if limit is not None:
            here = at_s % 86_400 if limit < 86_400 else at_s
            if (here - limit) * sign < 0:
                return False
    return True


def moment(text: str) -> float:
    """A time as a person types it: a whole stamp as in the log, or a time of the day (``15:20`` or ``15:20:01.069``).

    Raises:
        ValueError: it is neither.

    Threads: pure.
    """
    stamp = text.strip().encode()
    if len(stamp) == 5 and stamp[2:3] == b":":
        stamp += b":00"
    found = seconds(stamp)
    if found is None:
        raise ValueError(f"{text!r} is no time; write it as in the log, or as 15:20:01.069")
    return found


def rows(source: Source, narrowing: Narrowing, form: Form | None = None) -> Iterator[Row]:
    """The wanted messages of Paramiko's, in the order of the log.

    Raises:
        UnreadableLog: a file cannot be read.

    Threads: for one thread; blocks while it reads.
    """
    for block in source.blocks():
        if narrowing.last is not None and block.first > narrowing.last:
            continue
        if block.first + len(block.lines) <= narrowing.first:
            continue
        if form is None:
            form = detect([x[:4096] for x in block.lines if b"paramiko" in x or b"[chan " in x][:400])
        for number, line in enumerate(block.lines, block.first):
            if number < narrowing.first or (narrowing.last is not None and number > narrowing.last):
                continue
            row = _row(number, block.file, line, form) if form is not None else None
            if row is not None and narrowing.wants(row):
                yield row


def _row(number: int, file: str, line: bytes, form: Form) -> Row | None:
    record = form.parse(line) or (PARAMIKO_FORM.parse(line) if form is not PARAMIKO_FORM else None)
    if record is None:
        return None
    channel, message = split_channel(record.message)
    found = recognise(message)
    if found is None:
        return None
    kind, values = found
    if not channel and kind in (Kind.CHANNEL_REFUSED, Kind.DEAD_CHANNEL, Kind.CHANNEL_OPENED) and values:
        channel = values[0]
    thread = record.thread.decode("utf-8", "replace")
    return Row(
        number=number,
        file=file,
        at_s=record.time_s,
        process=record.process,
        thread=f"thread {thread}" if thread.isdigit() else thread,
        channel=channel.decode("ascii", "replace"),
        kind=kind,
        text=message[:400].decode("utf-8", "replace"),
    )
