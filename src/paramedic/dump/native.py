"""What the C frames of ``py-spy dump --native`` say of a thread whose line calls nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FRAME = re.compile(
    r"\s*(?P<name>\S.*?) \((?P<file>[^()]*\.(?:so[.\d]*|dylib|dll|exe|c|h|cpp|cc|pyx)(?::\d+)?)\)\s*$|\s+0x[0-9a-f]+ \("
)
_LIBRARY = re.compile(r"\.(?:so[.\d]*|dylib|dll|exe|c|h|cpp|cc|pyx)$")
_NO_NAME = re.compile(r"0x[0-9a-f]+$")

_LOCKS = re.compile(
    r"(?:lock_PyThread_acquire_lock|PyThread_acquire_lock_timed|acquire_timed|rlock_acquire|PyMutex_Lock)"
)
_UNDER = re.compile(r"sem_|futex|pthread_|_?PySemaphore|_?PyParkingLot|__|syscall|lock_|_?PyMutex|_?PyRecursiveMutex")
_SLEEPS = frozenset({"time_sleep", "pysleep", "clock_nanosleep", "nanosleep", "__clock_nanosleep"})

LOCK = "lock"
QUEUE = "queue"
OTHER = "other"


def native_name(line: str) -> str | None:
    """The C function of a line of a native dump, "" for one without a name, None where the line is no such frame.

    Threads: pure.
    """
    match = _FRAME.match(line)
    return None if match is None else (match["name"] or "")


def is_native(file: str) -> bool:
    """Whether a file of a frame is a library or C source.

    Threads: pure.
    """
    return bool(_LIBRARY.search(file))


def waits_in(names: Sequence[str]) -> str:
    """What a thread waits for by the C functions that its innermost Python frame has called.

    Args:
        names: innermost first; "" for those without a name.

    Returns:
        `LOCK` for a lock's ``acquire``, `QUEUE` for ``SimpleQueue.get``, the name of the system call for a sleep,
        `OTHER` for something else; "" where no function has a name.

    Threads: pure.
    """
    if any("simplequeue_get" in n.lower().replace("_queue_", "") for n in names):
        return QUEUE
    if any(n in _SLEEPS for n in names):
        return "clock_nanosleep"
    told = [n for n in names if n and not _NO_NAME.match(n)]
    locks = [n for n in told if _LOCKS.search(n)]
    others = [n for n in told if n not in locks and not _UNDER.match(n)]
    if not told:
        return ""
    return LOCK if locks and not others else OTHER
