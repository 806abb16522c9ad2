"""From recordings to the lanes of a picture.

Threads: one thread; blocks while it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from paramedic.analysis.lanes import MOST_BARS, Drawing
from paramedic.check.families import Family
from paramedic.check.recording import new_facts
from paramedic.model.lanes import Lanes
from paramedic.trace.ending import read_ending, read_seen
from paramedic.trace.part import read_part
from paramedic.trace.reader import RecordingError, find_traces, open_trace


def lanes_of(source: dict[str, Any], most_bars: int = MOST_BARS) -> Lanes | None:
    """The lanes of the recordings that a report is of; None where it is of something else, or nothing can be read.

    Args:
        source: of the report.
        most_bars: about how many bars there may be.
    """
    if source.get("kind") != "recording":
        return None
    named = source.get("path", ())
    paths = [Path(named)] if isinstance(named, str) else [Path(str(path)) for path in named]
    return drawn(paths, most_bars)


def drawn(paths: Sequence[Path], most_bars: int = MOST_BARS) -> Lanes | None:
    """The lanes of saved recordings, folders or single files; None where nothing can be read."""
    drawing = Drawing(most_bars)
    read = 0
    for path in paths:
        part = read_part(path)
        ended_ns = part.to_ns or read_ending(part.folder)[0] or read_seen(part.folder)
        try:
            files = Family().add(find_traces(part.folder))
        except RecordingError:
            continue
        for file in files:
            try:
                trace = open_trace(file)
            except RecordingError:
                continue
            try:
                until_ns = part.to_ns
                events = trace.events()
                shown = takewhile(lambda e: e.t_ns <= until_ns, events) if until_ns else events  # noqa: B023
                drawing.add(new_facts(trace), shown, ended_ns)
                read += 1
            finally:
                trace.close()
    return drawing.lanes() if read else None
