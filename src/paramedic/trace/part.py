"""A recording that is a part of another one: those events that lie between two moments.

``paramedic.recording()`` inside ``paramedic run``, or inside another ``paramedic.recording()``, records nothing
twice: its folder says where and when.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

NAME = "part.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Where a recording's events are.

    Attributes:
        folder: that holds the files.
        from_ns: findings whose last step was earlier belong to somebody else.
        to_ns: events from then on are left out; 0 while it is under way.
    """

    folder: Path
    from_ns: int = 0
    to_ns: int = 0


def write_part(directory: Path, part: Part) -> None:
    """Note it in the recording's own folder.

    Raises:
        OSError: it cannot be written; a file that was there may be gone.

    Threads: one thread for each folder.
    """
    words = {"folder": str(part.folder), "from_ns": part.from_ns, "to_ns": part.to_ns}
    (directory / NAME).write_text(json.dumps(words))


def read_part(recording: Path) -> Part:
    """What a recording consists of: a folder or a single file is all of itself, if nothing else is noted there.

    Threads: any; blocks on the disk.
    """
    try:
        data = json.loads((recording / NAME).read_text())
        folder, from_ns, to_ns = data["folder"], data["from_ns"], data["to_ns"]
        if isinstance(folder, str) and isinstance(from_ns, int) and isinstance(to_ns, int):
            return Part(folder=Path(folder) if folder else recording, from_ns=from_ns, to_ns=to_ns)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return Part(folder=recording)
