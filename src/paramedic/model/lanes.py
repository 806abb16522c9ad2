"""What threads did when, as a picture needs it: a lane for each thread, a bar for each call or wait."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bar:
    """A call, a wait, or several short ones that are drawn as one.

    Attributes:
        begin_ns: on the recording's clock.
        end_ns: when it ended; the recording's end where it had not.
        kind: ``call`` (on one of Paramiko's objects), ``wait`` (for another thread) or ``lock``.
        what: "recv() on channel 0 of connection #1"; of several the most frequent.
        depth: how many others it is inside of.
        count: how many it stands for.
        error: "Type: message" of what it raised.
        still_open: whether it had not ended.
        site: "file:line", where it is in the user's code.
    """

    begin_ns: int
    end_ns: int
    kind: str
    what: str
    depth: int = 0
    count: int = 1
    error: str = ""
    still_open: bool = False
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One thread.

    Attributes:
        process: id of its process.
        thread: our number of it in that process.
        name: as findings call it.
        bars: in the order of their beginning.
        begun_ns: when it was first seen.
        ended_ns: when it ended; 0 if that was not seen.
    """

    process: int
    thread: int
    name: str
    bars: tuple[Bar, ...]
    begun_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """All threads of a recording.

    Attributes:
        lanes: those that did something, processes together.
        first_ns: the picture's left end; findings count their seconds from here.
        last_ns: its right end.
        calls: how many calls and waits there were.
        merged_below_ns: shorter ones may be drawn together; 0: each has a bar of its own.
        left_out: how many threads are not drawn, because there were too many.
        events: how many events were read.
    """

    lanes: tuple[Lane, ...]
    first_ns: int
    last_ns: int
    calls: int
    merged_below_ns: int
    left_out: int
    events: int
