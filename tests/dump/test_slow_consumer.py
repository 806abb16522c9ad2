"""A reader that hands on what it read, to somebody who is slow, reads the channel all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence

READS_IN_A_LOOP = """\
def read(channel):
    while data := channel.recv(32768):
        lines.put(data)  # puts

def main():
    channel.exec_command("report")
    reader.start()
    channel.recv_exit_status()  # main
"""
READS_THROUGH_A_FUNCTION = READS_IN_A_LOOP.replace("        lines.put(data)  # puts", "        hand_on(data)").replace(
    "def main", "def hand_on(data):\n    lines.put(data)  # puts\n\ndef main"
)
HAS_READ = READS_IN_A_LOOP.replace("        lines.put", "        pass\n    lines.put")
READS_LATER = READS_IN_A_LOOP.replace(
    "    while data := channel.recv(32768):\n        lines.put(data)", "    lines.put(1)"
)
DUMP = """\
Process 7: python app.py
Thread 1 (idle): "reader"
    Condition.wait (threading.py:331)
    Queue.put (queue.py:139)
{frames}    Thread._bootstrap (threading.py:1002)
Thread 3 (idle): "Thread-1"
    Packetizer.read_all (paramiko/packet.py:322)
    Transport.run (paramiko/transport.py:2059)
    Thread._bootstrap (threading.py:1002)
Thread 2 (idle): "MainThread"
    Condition.wait (threading.py:331)
    Event.wait (threading.py:629)
    Channel.recv_exit_status (paramiko/channel.py:400)
        Arguments:
            self: <Channel at 0x7f01>
    main (app.py:{main})
    <module> (app.py:99)
Object Channel at 0x7f01: unread_bytes=2097152 unread_stderr_bytes=0 window_left_bytes=0 window_bytes=2097152
"""
READER = "    {function} (app.py:{line})\n        Arguments:\n            channel: <Channel at 0x7f01>\n"


def told(source: str, folder: Path) -> list[str]:
    (folder / "app.py").write_text(source)
    lines = source.splitlines()
    puts, main = (next(n for n, text in enumerate(lines, 1) if text.endswith(f"# {w}")) for w in ("puts", "main"))
    frames = READER.format(function="read", line=puts)
    if "hand_on(data)" in source:
        frames = f"    hand_on (app.py:{puts})\n" + READER.format(
            function="read", line=lines.index("        hand_on(data)") + 1
        )
    text = DUMP.format(frames=frames, main=main) * 2
    found = check_dumps(read_snapshots(text.splitlines()), roots=[folder]).findings
    return [f.hazard for f in found if f.confidence is not Confidence.ADVICE]


@pytest.mark.parametrize("source", [READS_IN_A_LOOP, READS_THROUGH_A_FUNCTION], ids=["in the loop", "further in"])
def test_who_puts_between_two_reads_is_a_reader(source: str, tmp_path: Path) -> None:
    assert told(source, tmp_path) == []


@pytest.mark.parametrize("source", [HAS_READ, READS_LATER], ids=["after the loop", "without a loop"])
def test_who_does_not_come_back_to_the_reading_is_none(source: str, tmp_path: Path) -> None:
    assert told(source, tmp_path) == ["exit-status-before-output"]
