"""Where the traceback ends that Paramiko logs after an exception: what comes later is not swallowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from log_writer import command, connected, default_format

from paramedic.check.log import report_of_logs

LOST = """
1 1: Unknown exception: 'disk'
1 1: Traceback (most recent call last):
1 1:   File "/srv/app.py", line 7, in on_tunnel
1 1:     sizes[name]
1 1: KeyError: 'disk'
"""
CAUSED = """
1 1: During handling of the above exception, another exception occurred:
1 1: blank
1 1: Traceback (most recent call last):
1 1:   File "/srv/app.py", line 9, in on_tunnel
1 1:     raise Gone(name)
1 1: Gone: disk
1 1: blank
"""
STRANGE = "1 1: Flux capacitor is low\n"

# What follows the traceback, the exception that is told, and how many messages Paramiko is not known to log.
ENDS: dict[str, tuple[str, str, int]] = {
    "its last line is the log's": ("", "KeyError: 'disk'", 0),
    "an empty line ends it": ("1 1: blank\n" + STRANGE, "KeyError: 'disk'", 1),
    "a message that came before ends it": ("1 1: eof< 0\n" + STRANGE, "KeyError: 'disk'", 1),
    "a message that came before, but of another thread, does not": ("1 2: eof> 0\n1 1: of keys\n", "of keys", 0),
    "the same that another thread had logged meanwhile ends it": (
        "1 2: eof< 0\n1 1: eof< 0\n" + STRANGE, "KeyError: 'disk'", 1,
    ),
    "an exception that it caused belongs to it": ("1 1: blank\n" + CAUSED + STRANGE, "Gone: disk", 1),
    "so many lines come of other threads that it must be over": (
        "".join(f"0 2: [chan {n}] EOF sent ({n})\n" for n in range(600)) + STRANGE, "KeyError: 'disk'", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("sentence", ENDS)
def test_where_a_traceback_ends(sentence: str, tmp_path: Path) -> None:
    more, told, strange = ENDS[sentence]
    path = tmp_path / "paramiko.log"
    path.write_text(default_format(connected(1) + "\n" + command(1, 2, 0) + LOST + more))
    report = report_of_logs([str(path)]).report
    (lost,) = [f for f in report.findings if f.hazard == "lost-exception"]
    assert told in lost.message
    assert "Flux" not in str(lost)
    assert sum(g.count for g in report.gaps if g.reason == "unknown-message") == strange
