"""Whoever follows a recording that grows is told what a reader of the whole of it is told."""

from __future__ import annotations

import time
from pathlib import Path

from paramedic.model.event import FIRST_STREAM, Kind, Row
from paramedic.model.operations import NUMBER, OPERATIONS
from paramedic.trace.following import TraceFollower
from paramedic.trace.reader import open_trace
from paramedic.trace.writer import TraceWriter


def test_in_pieces_it_is_the_same_as_whole(tmp_path: Path) -> None:
    writer = TraceWriter(str(tmp_path / "1.pmrec"), {"operations": list(OPERATIONS)}, 4 << 20)
    follower = TraceFollower(Path(writer.path))
    run = NUMBER["SSHClient.exec_command"]
    followed: list[Row] = []
    for number in range(700):  # more than a chunk
        writer.row(int(Kind.CALL), run, 1, 0, -1, 0)
        writer.row(int(Kind.OPENED), 0, 10 + number, 2 << 20, 2 | number << 32, number)
        writer.row(int(Kind.RETURN), run, 1, 0, FIRST_STREAM + 3 * number, 10 + number)
        if number % 100 == 3:
            followed += follower.events(time.monotonic_ns())
    followed += follower.events(time.monotonic_ns())
    whole = list(open_trace(Path(writer.path)).rows())
    assert followed == whole
    assert sum(1 for row in whole if row[7] == Kind.NEW) == 700 * 4, "each channel and its three files"
    follower.close()
