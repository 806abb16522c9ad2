"""When a recorded program had ended, or when it was last seen running, as its parent saw it.

A program that hangs records nothing: the time of its last event says nothing about how long it then stood still. The
parent that waits for it knows, also after ``kill -9``, and writes it beside the recordings; while the program runs it
notes the time there, for the case that both are killed.
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
    _write(directory, {"ended_ns": time.monotonic_ns(), "status": status}, gone)


def write_seen(directory: Path, gone: Mapping[int, int] | None = None) -> None:
    """Note that the program runs now.

    Args:
        directory: as of `write_ending`.
        gone: as of `write_ending`.

    Threads: as of `write_ending`.
    """
    _write(directory, {"seen_ns": time.monotonic_ns()}, gone)


def _write(directory: Path, told: dict[str, object], gone: Mapping[int, int] | None) -> None:
    fresh = directory / f"{NAME}.new"
    try:
        fresh.write_text(json.dumps(told | {"gone": {str(k): v for k, v in (gone or {}).items()}}))
        fresh.replace(directory / NAME)  # whoever is killed in the middle leaves the last one
    except OSError:
        pass


def read_ending(recording: Path) -> tuple[int, int]:
    """When the program of a recording (a folder, or a file in it) had ended, on the recording's clock, and its status.

    Returns:
        (0, 0) where nobody saw it end.

    Threads: any.
    """
    ended, status = _number(recording, "ended_ns"), _number(recording, "status")
    return (ended, status) if ended else (0, 0)


def read_seen(recording: Path) -> int:
    """When the program of a recording (a folder, or a file in it) was last seen running, on the recording's clock.

    Returns:
        0 where it was seen to end, or nobody looked.

    Threads: any.
    """
    return _number(recording, "seen_ns")


def _number(recording: Path, name: str) -> int:
    directory = recording if recording.is_dir() else recording.parent
    try:
        value = json.loads((directory / NAME).read_text())[name]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return value if isinstance(value, int) else 0


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
