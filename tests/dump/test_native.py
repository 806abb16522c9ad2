"""Frames of C tell a lock from a sleep and from a queue where the source is not there."""

from __future__ import annotations

import json

import pytest

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots
from paramedic.dump.pyspy_json import read_json
from paramedic.model.finding import Confidence

LIBRARY = "libpython3.11.so.1.0"
BELOW = {
    "nothing": [],
    "Lock.acquire": ["0x7f32d62a3f16", "PyThread_acquire_lock_timed", "lock_PyThread_acquire_lock"],
    "Lock.acquire of 3.13": [
        *("PyThread_acquire_lock_timed", "PyThread_acquire_lock_timed_with_retries", "lock_PyThread_acquire_lock"),
    ],
    "RLock.acquire": ["__futex_abstimed_wait_common", "PyThread_acquire_lock_timed", "rlock_acquire"],
    "sleep": ["clock_nanosleep", "time_sleep"],
    "SimpleQueue.get": ["PyThread_acquire_lock_timed", "_queue_SimpleQueue_get_impl", "_queue_SimpleQueue_get"],
    "some other library's lock": ["PyThread_acquire_lock_timed", "_enter_buffered_busy"],
}
EXPECTED = {
    **dict.fromkeys(BELOW, Confidence.ADVICE),
    **{name: Confidence.POSSIBLE for name in BELOW if ".acquire" in name},
    "sleep": None,
    "SimpleQueue.get": None,
}
REST = [
    ("T", ["Packetizer.read_all (paramiko/packet.py:322)", "Transport.run (paramiko/transport.py:2059)"]),
    ("MainThread", ["Thread.join (threading.py:1119)", "<module> (gone.py:80)"]),
]
ROOT = "Thread._bootstrap (threading.py:1002)"


def threads(below: str, lines: tuple[int, int]) -> list[tuple[str, list[str]]]:
    """Two threads at lines of a file that is not there, which have called this, one that reads and one that joins."""
    native = [f"{name} ({LIBRARY})" for name in BELOW[below]]
    return [*((name, [*native, f"move (gone.py:{n})", ROOT]) for name, n in zip("ab", lines, strict=True)), *REST]


def as_text(below: str, lines: tuple[int, int]) -> str:
    found = ["Process 7: python gone.py"]
    for number, (name, frames) in enumerate(threads(below, lines), 1):
        found += [f'Thread {number} (idle): "{name}"', *(f"    {frame}" for frame in frames)]
    return "\n".join(found) + "\n"


def as_json(below: str, lines: tuple[int, int]) -> str:
    def frame(text: str) -> dict[str, object]:
        name, _, place = text.removesuffix(")").partition(" (")
        file, _, line = place.partition(":")
        return {"name": name, "filename": file, "line": int(line or 0)}

    return json.dumps(
        [
            {"pid": 7, "os_thread_id": n, "thread_name": name, "active": False, "frames": [frame(f) for f in frames]}
            for n, (name, frames) in enumerate(threads(below, lines), 1)
        ]
    )


@pytest.mark.parametrize("lines", [(9, 9), (9, 19)], ids=["at one line", "at two lines"])
@pytest.mark.parametrize("below", BELOW)
def test_what_a_line_without_source_has_called_is_told_by_its_frames_of_c(below: str, lines: tuple[int, int]) -> None:
    at_two_places = below == "nothing" and lines[0] != lines[1]  # sleepers and queues are mostly at one
    expected = Confidence.POSSIBLE if at_two_places else EXPECTED[below]
    for snapshots in (read_snapshots(as_text(below, lines).splitlines()), read_json(as_json(below, lines))):
        found = check_dumps(snapshots).findings
        assert [f.confidence for f in found if f.hazard == "lock-order-inversion"] == [
            sure for sure in [expected] if sure is not None
        ]
        assert all(s.site is None or s.site.file == "gone.py" for f in found for s in f.steps)


@pytest.mark.parametrize("name", ["poll_until_done", "Worker.heartbeat", "wait_for_reboot", "retry", "tick"])
def test_where_the_source_is_missing_a_function_that_is_called_after_a_rest_may_rest(name: str) -> None:
    text = as_text("nothing", (9, 19)).replace("move (gone.py:19)", f"{name} (gone.py:19)")
    (found,) = check_dumps(read_snapshots(text.splitlines())).findings
    assert (found.hazard, found.confidence) == ("lock-order-inversion", Confidence.ADVICE)


def test_a_lock_that_two_threads_have_among_their_variables_is_what_they_stand_at() -> None:
    locks = (
        "        Arguments:\n            src: <_thread.lock at 0x7f0{}>\n            dst: <_thread.lock at 0x7f0{}>\n"
    )
    text = as_text("nothing", (9, 9))
    for pair in ((1, 2), (2, 1)):
        text = text.replace(
            f"    move (gone.py:9)\n    {ROOT}", f"    move (gone.py:9)\n{locks.format(*pair)}    {ROOT}", 1
        )
        text = text.replace("move (gone.py:9)\n        Arg", "move (gone.py: 9)\n        Arg")
    (found,) = check_dumps(read_snapshots(text.replace("py: 9", "py:9").splitlines())).findings
    assert (found.hazard, found.confidence) == ("lock-order-inversion", Confidence.POSSIBLE)
