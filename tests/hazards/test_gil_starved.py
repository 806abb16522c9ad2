"""What looks from outside say about the GIL: stories of threads and what they were found doing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from paramedic.check.recording import findings_of
from paramedic.check.sampling import CpuSampling
from paramedic.model.cpu import CpuSlice
from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER, OPERATIONS
from paramedic.trace.cpu import append_slice, read_slices
from paramedic.trace.writer import TraceWriter

MS = 1_000_000
MAIN, WORKER, TRANSPORT = 11, 12, 13  # native ids
Row = dict[int, tuple[int, int, int, int]]
"""By thread: ms that it ran, ms that it was ready, looks that found it at a lock, looks that found it elsewhere."""

# Each story: what half a second of it looks like, and whether the main thread calls Paramiko meanwhile.
FOUND: dict[str, tuple[Row, bool]] = {
    "a worker computes, and the transport is found at the GIL": (
        {MAIN: (5, 0, 8, 2), WORKER: (400, 80, 1, 0), TRANSPORT: (10, 5, 6, 4)}, True,
    ),
    "on a loaded machine, too": ({MAIN: (5, 90, 8, 2), WORKER: (150, 300, 1, 0), TRANSPORT: (5, 80, 5, 2)}, True),
}  # fmt: skip
QUIET: dict[str, tuple[Row, bool]] = {
    "the transport waits for its peer": (
        {MAIN: (5, 0, 8, 2), WORKER: (480, 10, 1, 0), TRANSPORT: (10, 5, 1, 9)}, True,
    ),
    "the worker leaves time enough": (
        {MAIN: (5, 0, 8, 2), WORKER: (200, 10, 1, 0), TRANSPORT: (10, 5, 6, 4)}, True,
    ),
    "it is the transport itself that works": (
        {MAIN: (100, 0, 8, 2), WORKER: (5, 0, 9, 0), TRANSPORT: (450, 5, 6, 4)}, True,
    ),
    "it is the caller that computes between its calls": (
        {MAIN: (450, 0, 1, 0), WORKER: (0, 0, 9, 0), TRANSPORT: (10, 5, 6, 4)}, True,
    ),
    "the transport stands at a lock and does not run at all": (
        {MAIN: (5, 0, 8, 2), WORKER: (480, 10, 1, 0), TRANSPORT: (0, 0, 10, 0)}, True,
    ),
    "nobody uses the connection": ({WORKER: (480, 10, 1, 0), TRANSPORT: (10, 5, 6, 4)}, False),
}  # fmt: skip


def told(folder: Path, row: Row, calls: bool, times: int = 8) -> list[str]:
    header = {"operations": list(OPERATIONS), "process": 7, "started_ns": time.monotonic_ns(), "program": "x.py"}
    writer = TraceWriter(str(folder / "7-0.pmrec"), header, 16 << 20)
    begin, call = int(Kind.BEGIN), int(Kind.CALL)
    began_ns = time.monotonic_ns()
    for number, native in enumerate((MAIN, WORKER, TRANSPORT), 1):
        writer.adopt_thread(number)
        writer.row(begin, 0, 0, 0, native, writer.text(f"thread {native}"))
        if native == TRANSPORT:
            writer.row(int(Kind.NEW), NUMBER["Transport.__init__"], 1, 0, 0, 0)
            writer.row(call, NUMBER["Transport.run"], 1, 0, -1, 0)
    writer.adopt_thread(1)
    writer.row(int(Kind.NEW), NUMBER["SSHClient.__init__"], 2, 0, 0, 0)
    if calls:
        writer.row(call, NUMBER["SSHClient.exec_command"], 2, 0, -1, 0)  # for as long as it is looked at
    for n in range(times):
        cpu = CpuSlice(
            process=7, begin_ns=began_ns + n * 500 * MS, end_ns=began_ns + (n + 1) * 500 * MS,
            used={tid: (ran * MS, ready * MS) for tid, (ran, ready, _, _) in row.items()},
            looks={tid: (lock, other) for tid, (_, _, lock, other) in row.items()},
        )  # fmt: skip
        assert append_slice(folder, cpu)
    (folder / "ended.json").write_text(f'{{"ended_ns": {began_ns + times * 500 * MS}, "status": 0}}')
    return [f"{f.hazard} {f.confidence}" for f in findings_of([folder]).findings]


@pytest.mark.parametrize("story", FOUND)
def test_found(story: str, tmp_path: Path) -> None:
    assert "gil-starved-transport advice" in told(tmp_path, *FOUND[story])


@pytest.mark.parametrize("story", QUIET)
def test_quiet(story: str, tmp_path: Path) -> None:
    assert "gil-starved-transport advice" not in told(tmp_path, *QUIET[story])


def test_few_looks_prove_nothing(tmp_path: Path) -> None:
    row, calls = next(iter(FOUND.values()))
    assert "gil-starved-transport advice" not in told(tmp_path, row, calls, times=3)


def test_slices_are_read_back_and_damage_is_passed_over(tmp_path: Path) -> None:
    cpu = CpuSlice(process=1, begin_ns=2, end_ns=3, used={4: (5, 6), 7: (8, 9)}, looks={4: (1, 2), 7: (0, 0)})
    assert append_slice(tmp_path, cpu)
    with (tmp_path / "cpu.jsonl").open("a") as file:
        file.write('[1,2,3,[[4,"x",6,0,0]]]\n{}\n[1,2')
    assert read_slices(tmp_path) == [cpu]
    assert read_slices(tmp_path / "no" / "where") == []


def test_a_busy_process_is_seen_from_outside_and_an_idle_one_is_not(tmp_path: Path) -> None:
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("the kernel counts no scheduling times (/proc/PID/schedstat)")
    programs = {"busy": "while True: pass", "idle": "input()"}
    running = {k: subprocess.Popen([sys.executable, "-c", v], stdin=subprocess.PIPE) for k, v in programs.items()}
    try:
        for process in running.values():
            (tmp_path / f"{process.pid}-0.pmrec").touch()
        sampling = CpuSampling(tmp_path)
        deadline_s = time.monotonic() + 60
        busy, idle = running["busy"].pid, running["idle"].pid
        while not any(cpu.process == busy for cpu in read_slices(tmp_path)):
            assert time.monotonic() < deadline_s
            sampling.look()
            time.sleep(0.2)
        # the idle one may have been busy while its interpreter started
        already = sum(cpu.process == idle for cpu in read_slices(tmp_path))
        for _ in range(5):
            sampling.look()
            time.sleep(0.2)
        assert sum(cpu.process == idle for cpu in read_slices(tmp_path)) <= already + 1
    finally:
        for process in running.values():
            process.kill()
            process.communicate()
