"""A process asked for its dump by a signal that it has registered for that; what it then writes is read where it goes.

A signal that nobody catches would end the process, and one that the program uses for something else would do that: so
it is sent only if the kernel says that it is caught, and unasked only if the program's source says what for.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paramedic.dump import kernel
from paramedic.dump.assembly import read_snapshots
from paramedic.model.snapshot import Snapshot

LIMIT_S = 5.0
_STEP_S = 0.1
_MAX_FILES = 256
_MAX_SOURCES = 200
_MAX_SOURCE_BYTES = 1_000_000
_WATCHES = re.compile(r"paramedic[/\\]record[/\\]watch\.py")
_WATCHED = "paramedic.watch)"
_WRITES = 0o3  # os.O_WRONLY | os.O_RDWR in the octal flags of /proc/PID/fdinfo


class NotAsked(Exception):
    """The process was not asked, or gave no answer; the message says why and what to do."""


@dataclass(slots=True)
class _Sink:
    """A file that the process may write its dump to."""

    path: Path
    start: int
    size: int

    def grew(self) -> bool:
        """Whether it has grown since the last time it was asked."""
        try:
            now = self.path.stat().st_size
        except OSError:
            return False
        grown, self.size = now != self.size, now
        return grown

    def text(self) -> str:
        """What was appended."""
        if self.size <= self.start:
            return ""
        with open(self.path, "rb") as file:
            file.seek(self.start)
            return file.read(64 << 20).decode("utf-8", "replace")


def ask(process: int, number: signal.Signals) -> Snapshot:
    """Sends the signal and reads the dump that the process then writes to a file of its own.

    Args:
        process: its id.
        number: a signal that it has registered with faulthandler or ``paramedic.watch()``.

    Raises:
        NotAsked: it does not catch the signal, writes to no file, or wrote no dump.

    Threads: any; blocks for up to `LIMIT_S`.
    """
    if not catches(process, number):
        raise NotAsked(
            f"process {process} has no handler for {number.name}: the signal would end it, so it is not sent; "
            "it needs faulthandler.register(signal.SIGUSR1) or paramedic.watch() from its start"
        )
    sinks = list(_sinks(process))
    if not sinks:
        raise NotAsked(
            f"process {process} writes to no file that could be read from here (its stderr is {kernel.target(process)})"
            f": send the signal yourself (kill -{number.name.removeprefix('SIG')} {process}), then give what appears "
            "there to 'paramedic dump -'"
        )
    try:
        os.kill(process, number)
    except OSError as error:
        raise NotAsked(f"process {process} cannot be asked for a dump: {error.strerror or error}") from None
    snapshots = _answer(sinks)
    if not snapshots:
        raise NotAsked(
            f"process {process} took {number.name} but wrote no thread dump to a file of its own (its stderr is "
            f"{kernel.target(process)}): if one appeared elsewhere, give it to 'paramedic dump -'"
        )
    return snapshots[-1]


def catches(process: int, number: signal.Signals) -> bool:
    """Whether the kernel says that the process has a handler for the signal.

    Threads: any; reads ``/proc``.
    """
    for line in kernel.status_lines(process):
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) & (1 << (number - 1)))
    return False


def registers(process: int) -> bool:
    """Whether the source of the process's program says that SIGUSR1 asks for a thread dump.

    Looked at are the script and the files beside it. What is installed elsewhere is not found.

    Threads: any; reads ``/proc`` and source files.
    """
    return any(_REGISTERS.search(text) for text in _program_texts(process))


_REGISTERS = re.compile(r"faulthandler\s*\.\s*register\s*\([^)]*SIGUSR1|paramedic\s*\.\s*watch\s*\((?![^)]*signum)")


def _program_texts(process: int) -> Iterator[str]:
    script = kernel.script(process)
    if script is None:
        return
    beside = sorted(p for p in script.parent.glob("*.py") if p != script)
    for path in [script, *beside][:_MAX_SOURCES]:
        try:
            if path.is_file() and path.stat().st_size <= _MAX_SOURCE_BYTES:
                yield path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue


def _sinks(process: int) -> Iterator[_Sink]:
    """The plain files that the process has open for writing, each once."""
    seen: set[tuple[int, int]] = set()
    for descriptor in kernel.descriptors(process)[:_MAX_FILES]:
        path = Path(f"/proc/{process}/fd/{descriptor}")
        try:
            found = path.stat()
            if not path.is_file() or (found.st_dev, found.st_ino) in seen:
                continue
            if not kernel.descriptor_flags(process, descriptor) & _WRITES or not os.access(path, os.R_OK):
                continue
        except OSError:
            continue
        seen.add((found.st_dev, found.st_ino))
        yield _Sink(path=path, start=found.st_size, size=found.st_size)


def _answer(sinks: list[_Sink]) -> list[Snapshot]:
    """The dumps that appear in one of the files, once it has stopped growing."""
    limit = time.monotonic() + LIMIT_S
    found: list[Snapshot] = []
    while time.monotonic() < limit:
        time.sleep(_STEP_S)
        for sink in sinks:
            if sink.grew() or not (text := sink.text()):
                continue
            found = list(read_snapshots(text.splitlines()))
            # watch() writes a second dump, with names and counters in it, as soon as Python code can run.
            if found and not (_WATCHES.search(text) and _WATCHED not in text):
                return found
    return found
