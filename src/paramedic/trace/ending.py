"""When a recorded program had ended, as its parent saw it.

A program that hangs records nothing: the time of its last event says nothing about how long it then stood still. The
parent that waits for it knows, also after ``kill -9``, and writes it beside the recordings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

NAME = "ended.json"


def write_ending(directory: Path, status: int, gone: Mapping[int, int] | None = None) -> None:
    """Note that the program has ended now.

    Args:
        directory: the recording's folder.
        status: its exit status, 128 plus the signal's number where a signal ended it.
        gone: when children of it were seen to be gone, in ns on the recording's clock, by their process ids.

    Threads: one thread of the parent; a disk that is full is passed over.
    """
    try:
        told = {"ended_ns": time.monotonic_ns(), "status": status, "gone": {str(k): v for k, v in (gone or {}).items()}}
        (directory / NAME).write_text(json.dumps(told))
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


def read_gone(recording: Path) -> dict[int, int]:
    """When children of a program were seen to be gone, in ns on the recording's clock, by their process ids.

    Threads: any.
    """
    directory = recording if recording.is_dir() else recording.parent
    try:
        gone = json.loads((directory / NAME).read_text())["gone"]
        return {int(process): at for process, at in gone.items() if isinstance(at, int)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
