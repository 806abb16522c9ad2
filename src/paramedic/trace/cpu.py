"""Which thread used how much CPU when, as somebody outside the program has seen it.

The kernel counts it; nobody in the program needs to. Beside the recordings there is a file with a line for each look at
a process that was busy.

Threads: one thread writes; any may read.
"""

from __future__ import annotations

import json
from pathlib import Path

from paramedic.model.cpu import CpuSlice

NAME = "cpu.jsonl"
LARGEST_BYTES = 8 << 20


def append_slice(directory: Path, cpu: CpuSlice) -> bool:
    """Add a line; False if no more can be kept: the file is as large as it may become, or the disk is full."""
    rows = [[tid, *used, *cpu.looks.get(tid, (0, 0))] for tid, used in cpu.used.items()]
    words = [cpu.process, cpu.begin_ns, cpu.end_ns, rows]
    try:
        with (directory / NAME).open("a") as file:
            file.write(json.dumps(words, separators=(",", ":")) + "\n")
            return file.tell() < LARGEST_BYTES
    except OSError:
        return False


def read_slices(recording: Path) -> list[CpuSlice]:
    """All of a recording (a folder, or a file in it), in the order of time; none where nobody has looked."""
    directory = recording if recording.is_dir() else recording.parent
    slices = []
    try:
        with (directory / NAME).open() as file:
            for line in file:
                try:
                    process, begin_ns, end_ns, rows = json.loads(line)
                    numbers = [[int(number) for number in row] for row in rows]
                    slices.append(
                        CpuSlice(
                            process=int(process), begin_ns=int(begin_ns), end_ns=int(end_ns),
                            used={tid: (ran, waited) for tid, ran, waited, _, _ in numbers},
                            looks={tid: (at_lock, at_other) for tid, _, _, at_lock, at_other in numbers},
                        )
                    )  # fmt: skip
                except (ValueError, TypeError):  # cut off, or not ours
                    continue
    except (OSError, UnicodeDecodeError):
        return []
    return slices
