"""Threads that stand at lines of which nothing is known: py-spy's plain text, its source not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.model.finding import Confidence

ROOT = "Thread._bootstrap (threading.py:1002)"
PACKET = ["Packetizer.read_all (paramiko/packet.py:322)", "Transport.run (paramiko/transport.py:2059)", ROOT]
JOINS = ("MainThread", ["Thread.join (threading.py:1119)", "<module> (gone.py:80)"])
PUSH, PULL = ("a", ["push (gone.py:9)", ROOT]), ("b", ["pull (gone.py:19)", ROOT])
ENTER = "_GeneratorContextManager.__enter__ (contextlib.py:137)"
STOPS = ["Condition.wait (threading.py:331)", "Event.wait (threading.py:629)", "beat (gone.py:50)", ROOT]


def at(name: str, *frames: str) -> tuple[str, list[str]]:
    return name, [*frames, ROOT]


STORIES = {
    "two places, and main waits for both": ([PUSH, PULL, JOINS], Confidence.POSSIBLE),
    "beside a thread that is called after a rest": ([PUSH, PULL, at("c", "heartbeat (gone.py:40)"), JOINS], "possible"),
    "beside a thread whose own name speaks": ([PUSH, PULL, at("monitor", "run (gone.py:40)"), JOINS], "possible"),
    "beside a thread that waits for an event": ([PUSH, PULL, ("c", STOPS), JOINS], "possible"),
    "main is one of them, in a function of its own": ([PUSH, ("MainThread", ["pull (gone.py:19)"])], "possible"),
    "main is one of them, in main()": ([PUSH, ("MainThread", ["main (gone.py:19)"])], "advice"),
    "main only keeps the others alive": ([PUSH, ("MainThread", ["<module> (gone.py:19)"])], None),
    "nobody waits for them": ([PUSH, PULL, ("MainThread", ["<module> (gone.py:80)"])], "advice"),
    "in the same context manager, for different callers": (
        [at(n, "own (gone.py:5)", ENTER, f"{f} (gone.py:{i})") for n, f, i in (("a", "push", 9), ("b", "pull", 19))]
        + [JOINS],
        "possible",
    ),
    "in the same context manager, for one caller": (
        [at(n, "own (gone.py:5)", ENTER, "push (gone.py:9)") for n in "ab"] + [JOINS],
        "advice",
    ),
    "at one line": ([PUSH, at("b", "push (gone.py:9)"), JOINS], "advice"),
    "a relay and a reader": ([at("a", "relay (gone.py:9)"), at("b", "reader (gone.py:19)"), JOINS], "advice"),
    "a report and a clean-up": ([at("a", "report (gone.py:9)"), at("b", "cleanup (gone.py:19)"), JOINS], "advice"),
    "one that works": ([PUSH, PULL, at("c", "Channel._send (paramiko/channel.py:1)", "go (gone.py:5)"), JOINS], None),
}


def dump(threads: list[tuple[str, list[str]]], command: str = "python gone.py") -> list[str]:
    found = [f"Process 7: {command}"]
    for number, (name, frames) in enumerate([*threads, ("T", PACKET)], 1):
        found += [f'Thread {number} (idle): "{name}"', *(f"    {frame}" for frame in frames)]
    return found


@pytest.mark.parametrize("story", STORIES)
def test_what_is_said_of_them(story: str) -> None:
    threads, expected = STORIES[story]
    found = check_dumps(read_snapshots(dump(threads))).findings
    sure = [f.confidence for f in found if f.hazard == "lock-order-inversion"]
    assert sure == ([] if expected is None else [Confidence(expected)])


RING = """\
import threading

one, two = threading.Lock(), threading.Lock()


def push():
    with one:
        with two:
            pass


def pull():
    with two:
        with one:
            pass
"""


@pytest.mark.parametrize("where", ["beside the script", "in the environment's folder"])
def test_the_source_is_looked_for_where_the_dump_says_that_the_program_is(where: str, tmp_path: Path) -> None:
    (tmp_path / "gone.py").write_text(RING)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    command = f"/usr/bin/python3 {tmp_path}/gone.py" if "script" in where else f"{tmp_path}/.venv/bin/python gone.py"
    threads = [at("a", "push (gone.py:8)"), at("b", "pull (gone.py:14)"), JOINS]
    (found,) = check_dumps(read_snapshots(dump(threads, command))).findings
    assert (found.hazard, found.confidence) == ("lock-order-inversion", Confidence.OBSERVED)
    (found,) = check_dumps(read_snapshots(dump(threads))).findings
    assert found.confidence is Confidence.POSSIBLE
