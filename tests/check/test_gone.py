"""Children that end before the run does: somebody outside notes when."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paramedic.check.sampling import CpuSampling
from paramedic.trace.ending import read_ending, read_gone, read_seen, write_ending, write_seen
from paramedic.trace.layout import SUFFIX

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="needs Linux's /proc")


def test_the_end_of_a_killed_child_is_noted_once(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (tmp_path / f"{child.pid}-0{SUFFIX}").touch()
    sampling = CpuSampling(tmp_path)
    sampling.look()
    assert sampling.gone == {}
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still a zombie
    before = time.monotonic_ns()
    sampling.look()
    noted = dict(sampling.gone)
    assert before <= noted[child.pid] <= time.monotonic_ns()
    child.wait()
    child.stdin.close()
    sampling.look()
    assert sampling.gone == noted


def test_it_is_read_back_beside_the_end_of_the_run(tmp_path: Path) -> None:
    write_ending(tmp_path, 3, {4711: 12})
    assert read_gone(tmp_path) == {4711: 12}
    assert read_ending(tmp_path)[1] == 3


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"gone": 3}', '{"gone": {"x": 1}}'])
def test_an_ending_of_another_kind_says_nothing_of_children(text: str, tmp_path: Path) -> None:
    (tmp_path / "ended.json").write_text(text)
    assert read_gone(tmp_path) == {}


def test_who_is_killed_with_the_program_leaves_when_it_was_last_seen(tmp_path: Path) -> None:
    before = time.monotonic_ns()
    write_seen(tmp_path, {4711: 12})
    assert before <= read_seen(tmp_path) <= time.monotonic_ns()
    assert (read_ending(tmp_path), read_gone(tmp_path)) == ((0, 0), {4711: 12})
    write_ending(tmp_path, 3)
    assert (read_seen(tmp_path), read_gone(tmp_path)) == (0, {})
    assert [path.name for path in tmp_path.iterdir()] == ["ended.json"]


def test_where_nothing_can_be_written_nothing_is_told(tmp_path: Path) -> None:
    write_seen(tmp_path / "gone")
    assert read_seen(tmp_path / "gone") == 0
