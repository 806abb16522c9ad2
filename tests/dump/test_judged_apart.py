"""Threads at one line are told together only where they have the same trouble: each one's connection is its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence

SOURCE = """\
def ask(client):
    out = client.exec_command("report")[1]
    return out.channel.recv_exit_status(), out.read()
"""
DUMP = """\
Process 7: python app.py
Thread 1 (idle): "first"
    Condition.wait (threading.py:331)
    Event.wait (threading.py:629)
    Channel.recv_exit_status (paramiko/channel.py:400)
        Arguments:
            self: <Channel at 0x7f01>
    ask (app.py:3)
    Thread._bootstrap (threading.py:1002)
Thread 2 (idle): "second"
    Condition.wait (threading.py:331)
    Event.wait (threading.py:629)
    Channel.recv_exit_status (paramiko/channel.py:400)
        Arguments:
            self: <Channel at 0x7f02>
    ask (app.py:3)
    Thread._bootstrap (threading.py:1002)
Thread 3 (idle): "MainThread"
    Thread._wait_for_tstate_lock (threading.py:1139)
    <module> (app.py:9)
Object Channel at 0x7f01: {first}
Object Channel at 0x7f02: {second}
"""
EMPTY = "unread_bytes=0 unread_stderr_bytes=0 window_left_bytes=2097152 connection_lives={alive}"
FULL = "unread_bytes=2097152 unread_stderr_bytes=0 window_left_bytes=0 connection_lives=True"
LIVES, ENDED = EMPTY.format(alive=True), EMPTY.format(alive=False)


@pytest.mark.parametrize(
    ("first", "second", "hazard", "whose"),
    [
        (LIVES, FULL, "exit-status-before-output", "second"),
        (FULL, LIVES, "exit-status-before-output", "first"),
        (LIVES, ENDED, "wait-without-timeout", "second"),
        (ENDED, LIVES, "wait-without-timeout", "first"),
    ],
)
def test_only_the_thread_with_the_trouble_is_named(
    first: str, second: str, hazard: str, whose: str, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(SOURCE)
    text = DUMP.format(first=first, second=second) * 2
    report = check_dumps(read_snapshots(text.splitlines()), roots=[tmp_path])
    (found,) = [f for f in report.findings if f.confidence is Confidence.OBSERVED]
    assert found.hazard == hazard
    assert found.message.startswith(f"{whose} waits")
    assert found.count == 1
