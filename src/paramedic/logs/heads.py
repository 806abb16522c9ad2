"""What stands before the message of a line, learnt once and known again afterwards.

A log of a million lines has a few hundred different heads: the same levels, threads and loggers come again and again,
and only the time changes. So a line is taken apart by its form (`paramedic.logs.forms`) when its head is new; every
later line with that head at that place costs one look into a dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from paramedic.logs.times import STAMP, seconds

if TYPE_CHECKING:
    from paramedic.logs.actors import Origin
    from paramedic.logs.forms import Record
    from paramedic.logs.story import Story

_STAMP = re.compile(STAMP)
_FRACTION = re.compile(rb"[.,]\d")
_CLOCK = re.compile(rb" [\[(]?\d+\.\d+")
"""Another clock behind the time (the monotonic one of `paramedic.log_to_file`), different on each line."""
_HARMLESS = re.compile(
    rb"(?:<\d+>)?(?:(?:" + STAMP + rb") (?:std(?:out|err) [FP] )?)?[\W_]*(?:(?i:deb|debug|inf|info|war|warn|warning|err"
    rb'|error|cri|critical)[\W_]*)?\Z|\{"[@\w]{1,12}": ?"\Z'
)
"""What may stand before the time and tells nothing that is wanted."""
TAIL = b'"}'
"""What stands behind the message of a JSON line whose message comes last."""


MAX_LAYOUTS = 24
"""Most places of a head that are tried before a line is taken apart."""
MAX_HEADS = 100_000
SAMPLE_HEADS = 1_000
"""So many heads are learnt before it is asked whether they come again."""
MAX_SEPARATOR = 12


class Layout(NamedTuple):
    """Where the parts of a line are, as byte positions.

    Attributes:
        stamp: where the time begins.
        second: where its whole seconds end.
        cut: where the head begins.
        front: what stands before the time is part of the head.
        end: where the head ends, and the message begins.
        stop: where the message ends, from the end of the line; None if it is the line's end.
    """

    stamp: int
    second: int
    cut: int
    front: bool
    end: int
    stop: int | None

    def key(self, line: bytes) -> bytes:
        """The head of a line that has this layout.

        Threads: pure.
        """
        return line[: self.stamp] + line[self.cut : self.end] if self.front else line[self.cut : self.end]


class Head(NamedTuple):
    """What a head says.

    Attributes:
        story: of the process that wrote it; None for lines of other loggers.
        thread: as in the log.
        origin: where its lines come from.
        kind: ``PLAIN``, ``SFTP`` or ``TOLD``.
        connection: address of the transport, where the head has it.
        logger: its name.
    """

    story: Story | None
    thread: bytes
    origin: Origin
    kind: int
    connection: bytes
    logger: str


PLAIN, SFTP, TOLD = 0, 1, 2
"""Lines of transports and channels; of SFTP sessions; of either, where the log says which transport is meant."""

Row = tuple[int, bytes, tuple[bytes, bytes, bytes], bytes]
"""Number and line; its head, what separates them (or nothing) and the message; its time up to the second."""


class Heads:
    """The heads of one log.

    Attributes:
        known: what was learnt.
    """

    def __init__(self) -> None:
        self.known: dict[bytes, Head] = {}
        self._layouts: list[Layout] = []
        self._separator = b""
        self._learnt = 0

    def learn(self, line: bytes, record: Record, head: Head, lines: int) -> None:
        """Remembers the head of a line that was taken apart.

        Args:
            line: the whole line.
            record: what its form makes of it.
            head: what the head says.
            lines: how many were read so far.

        Threads: for the one thread that reads.
        """
        if self._learnt > SAMPLE_HEADS and 2 * self._learnt > lines:
            return  # something in these heads is different on every line
        layout = layout_of(line, record)
        if layout is None:
            return
        self._learnt += 1
        key = layout.key(line)
        if not self._layouts:
            self._separator = b"" if layout.front or layout.stop is not None else _separator(key)
        if layout not in self._layouts:
            if len(self._layouts) >= MAX_LAYOUTS:
                self._layouts.clear()
            self._layouts.append(layout)
        if len(self.known) >= MAX_HEADS:
            self.known.clear()
        if self._separator:
            if layout[:4] != self._layouts[0][:4] or layout.stop is not None:
                self._separator = b""
            elif key.find(self._separator) != len(key) - len(self._separator):
                self._separator = b""
            else:
                key = key[: -len(self._separator)]
            if not self._separator:
                self.known.clear()
        self.known[key] = head

    def forget(self) -> None:
        """What heads say about processes and loggers is not true any more.

        Threads: for the one thread that reads.
        """
        self.known.clear()

    def rows(self, lines: list[bytes], first: int) -> Iterator[Row]:
        """The lines with their heads; b"" for a head that is not known.

        What is learnt while they are taken counts for those that follow.

        Threads: for the one thread that reads.
        """
        if not self._separator:
            return self._looked_for(lines, first)
        stamp, second, cut, *_ = self._layouts[0]
        # Loops of the interpreter's own, without a byte code for each line: this is what makes a long log fast.
        tails = map(itemgetter(slice(cut, None)), lines)
        pieces = map(bytes.partition, tails, repeat(self._separator))
        return zip(count(first), lines, pieces, map(itemgetter(slice(stamp, second)), lines), strict=False)

    def _looked_for(self, lines: list[bytes], first: int) -> Iterator[Row]:
        known = self.known
        last: Layout | None = None
        layouts: Sequence[Layout]
        for number, line in enumerate(lines, first):
            # With a separator, heads are kept without it: then this is not the way to look for them.
            layouts = () if self._separator else self._layouts if last is None else (last, *self._layouts)
            for layout in layouts:
                stamp, second, cut, front, end, stop = layout
                key = line[:stamp] + line[cut:end] if front else line[cut:end]
                if key in known:
                    message = line[end:stop]
                    if stop is not None and (line[stop:] != TAIL or b"\\" in message):
                        continue
                    last = layout
                    yield number, line, (key, b"", message), line[stamp:second]
                    break
            else:
                yield number, line, (b"", b"", b""), b""


def _separator(key: bytes) -> bytes:
    """The shortest end of a head that stands nowhere else in it."""
    for length in range(2, MAX_SEPARATOR):
        if key.find(key[-length:]) == len(key) - length:
            return key[-length:]
    return b""


def layout_of(line: bytes, record: Record) -> Layout | None:
    """Where the head of this line is; None if it cannot be told from the rest.

    Args:
        line: the whole line.
        record: what its form makes of it.

    Threads: pure.
    """
    message = record.message
    if record.logger is None or not message:
        return None  # without a logger, only the message says whether the line is Paramiko's
    stop = None
    if line.endswith(message):
        end = len(line) - len(message)
    elif line.endswith(message + TAIL):
        end, stop = len(line) - len(message) - len(TAIL), -len(TAIL)
    else:
        return None
    if record.time_s is None:
        return Layout(0, 0, 0, False, end, stop)
    for found in _STAMP.finditer(line, 0, end):
        if seconds(found[0]) == record.time_s:
            stamp, cut = found.span()
            fraction = _FRACTION.search(line, max(line.rfind(b":", stamp, cut), stamp), cut)
            second = fraction.start() if fraction else cut
            beside = _CLOCK.match(line, cut, end)
            head = beside.end() if beside else cut
            return Layout(stamp, second, head, not _HARMLESS.match(line[:stamp]), end, stop)
    return None
