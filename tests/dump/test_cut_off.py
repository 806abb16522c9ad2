"""Dumps of programs at work that were cut off anywhere accuse nobody because of threads that are missing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from stacks import py_spy

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.dump.lines import first_chunk, lines_of
from paramedic.dump.pyspy_json import read_json
from paramedic.model.finding import Confidence
from paramedic.model.report import Report

HERE = Path(__file__).resolve().parent
AT_WORK = sorted((HERE / "dumps" / "paramiko-5.1").glob("works_*.txt"))
CUTS = 15


def report_of(text: str) -> Report:
    return check_dumps(read_snapshots(text.split("\n")), roots=[HERE / "programs"])


@pytest.mark.parametrize("path", AT_WORK, ids=lambda p: p.name)
def test_a_program_at_work_is_not_accused_by_a_part_of_its_dump(path: Path) -> None:
    text = path.read_text()
    for end in range(0, len(text), len(text) // CUTS):
        part = text[:end]
        if part.endswith("(threading.py:1002)\n"):
            continue  # a text that ends where a thread does looks whole
        report = report_of(part)
        assert [f for f in report.findings if f.confidence is not Confidence.ADVICE] == [], end


@pytest.mark.parametrize("end", ["Thread 1", 'Thread 101 (idle): "T', "Threa", "    Packetizer.read_al"])
def test_a_text_that_ends_in_the_middle_of_a_line_is_cut_off(end: str) -> None:
    (gap,) = report_of(py_spy({"MainThread": "reply main@app.py:3"}) + end).gaps
    assert gap.reason == "cut-off"


@pytest.mark.parametrize(
    "end",
    [
        "",
        "\n\n",
        "INFO request served\n",
        "Thread pool closed\n",
        "Thread pool closed",
        "Threads: 12\n",
        "Current thread count 4",
        "    done\n",
        "  1200 rows (of 3000)",
        "Thread\n",
    ],
)
def test_a_text_that_goes_on_with_something_else_is_not(end: str) -> None:
    assert report_of(py_spy({"MainThread": "reply main@app.py:3"}) + end).gaps == ()


@pytest.mark.parametrize("prefix", ["", "web-1  | "], ids=["plain", "compose"])
def test_a_log_line_behind_a_whole_dump_leaves_it_whole(prefix: str, tmp_path: Path) -> None:
    """What is concluded from there being no other thread is still concluded."""
    (tmp_path / "app.py").write_text(
        "def work():\n    client = pool.get()\n    client.open_sftp()\n    pool.put(client)\n"
    )
    text = py_spy({"a": "queue work@app.py:2 thread", "MainThread": "join main@app.py:1", "T": "idle"})
    text = "".join(prefix + line for line in f"{text}\nThread pool closed\n".splitlines(keepends=True))
    stream = io.BytesIO(text.encode())
    report = check_dumps(read_snapshots(lines_of(first_chunk(stream), stream)), roots=[tmp_path])
    assert [f.hazard for f in report.findings] == ["pool-drained"]
    assert report.gaps == ()


def test_of_json_that_is_cut_off_the_frames_that_are_whole_are_read() -> None:
    frames = [{"name": name, "filename": "/srv/app.py", "line": 3} for name in ("innermost", "middle", "outermost")]
    thread = {"pid": 7, "os_thread_id": 8, "thread_name": "MainThread", "active": False, "frames": frames}
    text = json.dumps([thread | {"os_thread_id": 1, "thread_name": "first"}, thread], indent=2)
    cuts = [read_json(text[:end]) for end in range(len(text))]
    seen = {tuple((t.name, len(t.frames), t.cut_off) for s in cut for t in s.threads) for cut in cuts}
    assert seen == {
        (),
        *(((("first", n, True)),) for n in range(4)),
        (("first", 3, False),),
        *((("first", 3, False), ("MainThread", n, True)) for n in range(4)),
    } | {(("first", 3, False), ("MainThread", 3, False))}
