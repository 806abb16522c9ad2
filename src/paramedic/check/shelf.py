"""Where recordings are kept: a folder for each run, the newest few of them."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from paramedic.trace.cpu import NAME as CPU
from paramedic.trace.ending import NAME as ENDING
from paramedic.trace.layout import SUFFIX
from paramedic.trace.part import NAME as PART

KEPT = 20
"""Runs whose recordings stay when nobody chose a place for them."""

_RUN = re.compile(r".+-\d{8}-\d{6}-(\d+)")


def shelf() -> Path:
    """The folder below which recordings are kept: ``$XDG_STATE_HOME/paramedic/recordings``.

    Threads: any thread; reads the environment.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    # The XDG base directory specification: a relative path is to be ignored.
    base = Path(state) if os.path.isabs(state) else Path(os.path.expanduser("~/.local/state"))
    return base / "paramedic" / "recordings"


def new_recording(program: str) -> Path:
    """An empty folder (mode 0700) for a run of this program; older runs beyond the newest few are removed.

    Where the shelf cannot be written to it is a temporary folder, which nobody removes.

    Args:
        program: script, module or "-c"; only its last name is used.

    Raises:
        OSError: no temporary folder can be made either.

    Threads: any thread and any number of processes.
    """
    name = re.sub(r"[^\w.-]+", "_", Path(program).stem).strip("-.") or "command"
    try:
        folder = shelf() / f"{name[:60]}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(folder)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="paramedic-"))
    _tidy(folder.parent, keep=folder)
    return folder


def chosen_recording(folder: Path) -> Path:
    """The folder that the user chose, made if it was not there, without the recordings of an earlier run.

    It is this process's until that ends.

    Raises:
        OSError: it cannot be made, is no folder, cannot be written to, or is another run's that has not ended.

    Threads: any thread.
    """
    folder = Path(os.path.abspath(folder))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _claim(folder)
    for old in (*folder.glob(f"*{SUFFIX}"), folder / ENDING, folder / PART, folder / CPU):
        old.unlink(missing_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, "Permission denied", str(folder))
    return folder


def _claim(folder: Path) -> None:
    if folder in _claimed:
        return
    try:
        import fcntl
    except ImportError:  # Windows
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BlockingIOError(errno.EWOULDBLOCK, "another program is recorded there", str(folder)) from None
    except OSError:  # a file system that has no locks
        os.close(descriptor)
    else:
        _claimed[folder] = descriptor


_claimed: dict[Path, int] = {}
"""The folders whose recordings nobody else may remove; the kernel gives them back when this process has ended."""


def _tidy(base: Path, keep: Path) -> None:
    """Removes the oldest runs. Never one that still runs, and nothing that does not look like a run of ours."""
    runs: list[tuple[float, Path]] = []
    for entry in base.iterdir():
        match = _RUN.fullmatch(entry.name)
        if entry == keep or match is None or entry.is_symlink() or not entry.is_dir():
            continue
        if not _alive(int(match[1])):
            try:
                runs.append((entry.stat().st_mtime, entry))
            except OSError:  # another process tidies too
                continue
    runs.sort(reverse=True)
    for _, folder in runs[KEPT - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
