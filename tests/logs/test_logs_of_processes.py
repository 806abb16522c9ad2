"""Logs into which several processes write, each line with its process."""

from __future__ import annotations

from pathlib import Path

import pytest
from log_writer import connected, messages

from paramedic.check.log import report_of_logs

PARENT, CHILD = 7, 8
CHILDS = 90
"""Threads from this number on are the child's."""
ONE = connected(1) + "\n1 2: open 0\n1 1: yes 0\n1 1: ok 0\n"
STRAY = "1 1: Success for unrequested channel! [??]\n"
FOUND = {
    "a forked child asks, and its parent gets the answer": ONE + "1 91: open 1\n" + STRAY,
    "… which uses it afterwards": ONE + "1 91: open 1\n" + STRAY + "5 2: open 1\n1 1: yes 1\n",
}
QUIET = {
    "the child has a connection of its own": ONE + connected(91) + "\n1 92: open 0\n1 91: yes 0\n" + STRAY,
    "an answer that came late": ONE + "1 2: open 1\n60000 2: open 2\n" + STRAY,
    "the stray answer came before": ONE + STRAY + "1 91: open 1\n",
    "no answer goes astray": ONE + "1 91: open 1\n1 2: open 1\n1 1: yes 1\n",
}


def _hazards(folder: Path, story: str) -> dict[str, list[float | None]]:
    """What is found, with the moments of its steps."""
    path = folder / "app.log"
    lines = []
    for at, thread, logger, words in messages(story):
        process = CHILD if thread >= CHILDS else PARENT
        lines.append(f"2026-11-23 10:00:{at:06.3f} [{process}] Thread-{thread} DEBUG {logger}: {words}\n")
    path.write_text("".join(lines))
    return {f.hazard: [s.at_s for s in f.steps] for f in report_of_logs([str(path)]).report.findings}


@pytest.mark.parametrize("story", FOUND.values(), ids=FOUND)
def test_a_channel_on_anothers_connection(tmp_path: Path, story: str) -> None:
    moments = _hazards(tmp_path, story)["forked-connection"]
    assert all(at is not None and 0 <= at < 60 for at in moments)


@pytest.mark.parametrize("story", QUIET.values(), ids=QUIET)
def test_each_has_its_own(tmp_path: Path, story: str) -> None:
    assert "forked-connection" not in _hazards(tmp_path, story)
