"""When a recorded program had ended, as its parent saw it.

A program that hangs records nothing: the time of its last event says nothing about how long it then stood still. The
parent that waits for it knows, also after ``kill -9``, and writes it beside the recordings.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

NAME = "ended.json"


def write_ending(directory: Path, status: int) -> None:
    """Note that the program has ended now.

    Args:
        directory: the recording's folder.
        status: its exit status, 128 plus the signal's number where a signal ended it.

    Threads: one thread of the parent; a disk that is full is passed over.
    """
    try:
        (directory / NAME).write_text(json.dumps({"ended_ns": time.monotonic_ns(), "status": status}))
    except OSError:
        pass


def read_ending(recording: Path) -> tuple[int, int]:
    """When the program of a recording (a folder, or a file in it) had ended, on the recording's clock, and its status.

    Returns:
        (0, 0) where nobody saw it end.

    Threads: any.
    """
    directory = recording if recording.is_dir() else recording.parent
    try:
        data = json.loads((directory / NAME).read_text())
        ended, status = data["ended_ns"], data["status"]
        return (ended, status) if isinstance(ended, int) and isinstance(status, int) else (0, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0
