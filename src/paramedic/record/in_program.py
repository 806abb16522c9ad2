"""Recording from inside a program: `paramedic.recording`, `paramedic.start` and `paramedic.stop`.

There is one recorder in a process. The first recording puts it in, the last one that ends takes it out; what begins
while another one is under way (or ``paramedic run`` watches the program) is a part of that (`paramedic.trace.part`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from _thread import allocate_lock, get_ident
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from paramedic.model.finding import Finding
from paramedic.record import session as sessions
from paramedic.record.session import CHECK, Options, Session
from paramedic.trace.layout import SUFFIX
from paramedic.trace.part import NAME, Part, write_part

MAX_SIZE_BYTES = 256 << 20


class Recording:
    """A recording that was begun in the program: from its start to its stop, by whichever thread.

    Use it as a context manager, or call `start` and `stop`. What its threads did is found by ``paramedic check PATH``,
    or by `findings`; both look at it in another process.

    Attributes:
        path: the folder, made by `start`.

    Threads: any thread may start or stop it; both wait while another thread starts or stops a recording. The program's
    other threads may be anywhere, also in a call into Paramiko.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        level: str = CHECK,
        max_size_bytes: int = MAX_SIZE_BYTES,
        record_commands: bool = False,
    ) -> None:
        """Nothing is recorded before `start`.

        Args:
            path: folder for it, made where there is none; an earlier recording in it is removed at the start. None: a
                new folder in the current one, ``paramedic-DATE-TIME-PROCESS``.
            level: "check", or "watch" for long runs (calls, overlaps and waits, without locks and hand-overs).
            max_size_bytes: limit for each process's file.
            record_commands: whether command lines are recorded, too; they may be secret.

        Raises:
            ValueError: the level is not known.
        """
        if level not in sessions.LEVELS:
            raise ValueError(f"level {level!r} is none of {', '.join(sessions.LEVELS)}")
        name = path if path is not None else f"paramedic-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self.path = Path(os.path.abspath(os.fspath(name)))
        self._level, self._max_size_bytes, self._record_commands = level, max_size_bytes, record_commands
        self._part: Part | None = None
        self._chosen = path is not None

    @property
    def active(self) -> bool:
        """Whether it is under way."""
        return self in _open

    @property
    def folder(self) -> Path:
        """Where its events are: its own folder, or that of the recording that it is a part of."""
        return self._part.folder if self._part is not None else self.path

    def start(self) -> None:
        """Begin; nothing if it is under way already. One that has ended begins anew.

        Raises:
            OSError: its folder or file cannot be made; nothing is recorded then.
        """
        with _turn:
            if self in _open:
                return
            number = 1
            while not self._chosen and self.path.exists():
                number += 1
                self.path = self.path.with_name(f"{self.path.name.partition('.')[0]}.{number}")
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            outer = next(iter(sessions.under_way()), None)
            if outer is None or Path(outer.options.directory) != self.path:
                for old in (*self.path.glob(f"*{SUFFIX}"), self.path / NAME):
                    old.unlink(missing_ok=True)
            if outer is None:
                _begin(Options(
                    directory=str(self.path), level=self._level, max_size_bytes=self._max_size_bytes,
                    record_commands=self._record_commands,
                ))  # fmt: skip
                self._part = Part(folder=self.path)
            else:
                self._part = Part(folder=Path(outer.options.directory), from_ns=time.monotonic_ns())
                write_part(self.path, self._part)
            _open.append(self)
            _starters.setdefault(get_ident(), []).append(self)

    def stop(self) -> None:
        """End; nothing if it has ended already. With the last one everything in the program is as it was before."""
        with _turn:
            if self not in _open or self._part is None:
                return
            _open.remove(self)
            for mine in _starters.values():
                if self in mine:
                    mine.remove(self)
            part = Part(folder=self._part.folder, from_ns=self._part.from_ns, to_ns=time.monotonic_ns())
            if not _open:
                _end()
            try:
                write_part(self.path, part)
            except OSError:  # the disk is full: the recording is a little longer then
                pass

    def __enter__(self) -> Recording:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def findings(self, timeout: float | None = None) -> tuple[Finding, ...]:
        """What ``paramedic check`` finds in it, strongest first; so far, where it is still under way.

        The recording is read in another process, so that this one neither imports nor remembers anything of it.

        Args:
            timeout: seconds to wait for that process; None: no limit.

        Raises:
            RuntimeError: the recording cannot be read; the message says why.
            TimeoutError: it took longer.

        Threads: any thread; blocks until the other process has ended.
        """
        import json

        from paramedic.model.report import finding_from_json

        told = json.loads(self._check(("--format", "json"), timeout))
        return tuple(finding_from_json(finding) for finding in told["findings"])

    def text(self, timeout: float | None = None) -> str:
        """The report as ``paramedic check`` prints it.

        Raises:
            RuntimeError: the recording cannot be read; the message says why.
            TimeoutError: it took longer.

        Threads: as `findings`.
        """
        return self._check((), timeout)

    def _check(self, options: Sequence[str], timeout: float | None) -> str:
        if not sys.executable:
            raise RuntimeError(f"there is no Python interpreter to look with; use: paramedic check {self.path}")
        environment = {k: v for k, v in os.environ.items() if k != "PARAMEDIC_RECORD"}  # it is not to be recorded
        command = [sys.executable, "-m", "paramedic", "check", *options, "--", str(self.path)]
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"looking at {self.path} took longer than {timeout} s") from None
        out = done.stdout.decode("utf-8", "replace")
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stderr.decode("utf-8", "replace").strip() or f"paramedic check: {done.returncode}")
        return out


_turn = allocate_lock()
_open: list[Recording] = []
_starters: dict[int, list[Recording]] = {}
_ours: list[Session] = []


def _begin(options: Options) -> None:
    if not _ours:
        session = Session(options, late=True)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forked)
        _ours.append(session)
        begin = session.start
    else:
        session = _ours[0]

        def begin() -> None:
            session.again(options)

    try:
        begin()
    except BaseException:
        session.stop_for_good()
        raise


def _end() -> None:
    for session in _ours:
        session.stop_for_good()


def _forked() -> None:
    global _turn
    _turn = allocate_lock()  # another thread may have held it, and is not here


def start(
    path: str | os.PathLike[str] | None = None,
    *,
    level: str = CHECK,
    max_size_bytes: int = MAX_SIZE_BYTES,
    record_commands: bool = False,
) -> Recording:
    """Begin to record this program; see `Recording` for the arguments.

    Returns:
        The recording. `stop` ends it, as its own `Recording.stop` does.

    Raises:
        OSError: its folder or file cannot be made; nothing is recorded then.
        ValueError: the level is not known.

    Threads: any thread; waits while another one starts or stops a recording.
    """
    begun = Recording(path, level=level, max_size_bytes=max_size_bytes, record_commands=record_commands)
    begun.start()
    return begun


def stop() -> Recording | None:
    """End the recording that this thread has begun last; where it has begun none, the one that was begun last of all.

    Returns:
        The recording that has ended; None if none was under way.

    Threads: any thread; waits while another one starts or stops a recording.
    """
    mine = _starters.get(get_ident()) or _open
    ended = mine[-1] if mine else None
    if ended is not None:
        ended.stop()
    return ended
