"""Who watches a recording that grows looks at what is new, and judges when something has changed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paramedic.check import stall
from paramedic.check.copying import in_a_copy
from paramedic.check.stall import StallWatch
from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER, OPERATIONS
from paramedic.trace.writer import TraceWriter

LOCKS = (5, 6)
LATER_NS = 60_000_000_000
"""Long after all that is written here, on whatever machine."""


@pytest.fixture
def writer(tmp_path: Path) -> TraceWriter:
    header = {"operations": list(OPERATIONS), "process": os.getpid(), "started_ns": time.monotonic_ns()}
    return TraceWriter(str(tmp_path / "1.pmrec"), header, 4 << 20)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one each time that the facts are judged."""
    times: list[int] = []
    original = stall.in_a_copy

    def counted(look: Callable[[], Any]) -> Any:
        times.append(len(times))
        return original(look)

    monkeypatch.setattr(stall, "in_a_copy", counted)
    return times


def in_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def deadlock(writer: TraceWriter) -> None:
    for lock in LOCKS:
        writer.row(int(Kind.NEW), NUMBER["Lock.__init__"], lock, 0, 0, 0)

    def crosses(first: int, second: int) -> None:
        frame = writer.text(f"F\tapp.py\t{first}\tcross")
        site = writer.text(f"S {frame}")
        writer.row(int(Kind.BEGIN), 0, 0, 0, 0, writer.text(f"worker-{first}"))
        writer.row(int(Kind.GOT), 0, first, site, 0, 0)
        writer.row(int(Kind.WAIT), 0, second, site, -1, 0)

    for order in (LOCKS, LOCKS[::-1]):
        in_thread(lambda order=order: crosses(*order))  # type: ignore[misc]


def look(watch: StallWatch, now_ns: int) -> list[str]:
    return [finding.hazard for finding in watch.look(now_ns)]


def test_what_hangs_is_told_once(tmp_path: Path, writer: TraceWriter, judged: list[int]) -> None:
    watch = StallWatch(tmp_path, 5, lambda report: True)
    deadlock(writer)
    now_ns = time.monotonic_ns()
    assert look(watch, now_ns) == []  # it has not lasted yet
    assert judged == []
    assert look(watch, now_ns + LATER_NS) == ["lock-order-inversion"]
    assert look(watch, now_ns + LATER_NS) == []
    assert len(judged) == 1


def test_all_is_judged_again_when_a_thread_has_ended_or_waits_have_grown_older(
    tmp_path: Path, writer: TraceWriter, judged: list[int]
) -> None:
    watch = StallWatch(tmp_path, 5, lambda report: True)
    deadlock(writer)
    later_ns = time.monotonic_ns() + LATER_NS
    look(watch, later_ns)
    in_thread(lambda: writer.row(int(Kind.STATE), 0, 0, 0, 0, 0))
    look(watch, later_ns)
    assert len(judged) == 1  # something was recorded that changes nothing of the waits
    in_thread(lambda: writer.row(int(Kind.END), 0, 0, 0, 0, 0))
    look(watch, later_ns)
    assert len(judged) == 2
    look(watch, later_ns + LATER_NS)
    assert len(judged) == 3


def test_each_row_is_read_once(tmp_path: Path, writer: TraceWriter) -> None:
    watch = StallWatch(tmp_path, 5, lambda report: True)
    run = NUMBER["SSHClient.exec_command"]
    for _ in range(3):
        for _ in range(500):
            writer.row(int(Kind.CALL), run, 1, 0, -1, 0)
            writer.row(int(Kind.RETURN), run, 1, 0, 0, 0)
        look(watch, time.monotonic_ns())
    (one,) = watch._opened()
    assert one.facts.events == 3_000


def test_files_of_processes_that_have_ended_are_let_go(tmp_path: Path) -> None:
    header = {"operations": list(OPERATIONS), "process": 2**22 + 1, "started_ns": time.monotonic_ns()}
    TraceWriter(str(tmp_path / "1.pmrec"), header, 4 << 20)
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    watch = StallWatch(tmp_path, 5, lambda report: True)
    assert look(watch, time.monotonic_ns()) == []
    if before:
        assert watch._opened() == []
        assert len(os.listdir("/proc/self/fd")) == before


def test_no_copy_to_be_had_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    def lowest() -> tuple[int, int]:
        ends = os.pipe()
        for end in ends:
            os.close(end)
        return ends

    before = lowest()
    monkeypatch.setattr(os, "fork", refused)
    assert in_a_copy(lambda: [1]) is None
    assert lowest() == before
    monkeypatch.undo()
    assert in_a_copy(lambda: [1]) == [1]
