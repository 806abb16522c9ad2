"""`paramedic.log_to_file`: Paramiko's debug log with everything in it that a reader needs, and no waiting for the disk.

``paramiko.util.log_to_file`` leaves out which thread (it invents numbers), which process, which transport, and the
monotonic time; it never rotates; and its handler formats and writes under one lock, in Paramiko's transport threads
among others. Here a thread only puts the record on a queue; one thread of ours formats and writes.

The standard library alone is imported, since this runs in production programs.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import sys
import threading
import time
import weakref
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

FORMAT = (
    "%(asctime)s.%(msecs)03dZ %(monotonic_s).6f %(levelname)s %(process)d %(native_id)d [%(threadName)s] "
    "%(name)s%(connection)s: %(message)s"
)
"""One line of the file; `paramedic log` knows it."""
MAX_BYTES = 100_000_000
BACKUPS = 5
MAX_WAITING = 100_000
"""Records that wait to be written. More are left out and counted: the program's memory is worth more than our lines."""

LOG_VARIABLE = "PARAMEDIC_LOG"
"""Environment variable by which ``paramedic run --log FILE`` says where."""

_installed: list[LogFile] = []
_onward: list[_Onward] = []
_installing = threading.Lock()


class LogFile:
    """A log that is being written. Use it in a ``with`` statement, or call `close`; otherwise it ends with the process.

    Attributes:
        path: the file.
        left_out: records that found the queue full.
    """

    def __init__(self, path: Path, level: int, max_bytes: int, backups: int) -> None:
        self.path = path
        self.left_out = 0
        self._level = level
        self._pid = os.getpid()
        self._file = _SecretRotatingFile(path, maxBytes=max_bytes, backupCount=backups, encoding="utf-8")
        self._file.setFormatter(_Formatter(FORMAT, "%Y-%m-%dT%H:%M:%S"))
        self._logger = logging.getLogger("paramiko")
        self._closed = False
        self._start()
        self._logger.addHandler(self._handler)
        if not _installed:
            _onward.append(_Onward(self._logger))
        _onward[0].lower(level)

    def _start(self) -> None:
        # SimpleQueue.put may be interrupted by itself: a finalizer that the garbage collector runs in the middle of it
        # logs too (Channel.__del__ sends EOF), and would wait for ever for the lock of a queue.Queue.
        waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._handler = _Handler(waiting, self)
        self._handler.setLevel(self._level)
        self._listener = QueueListener(waiting, self._file)
        self._listener.start()

    def close(self) -> None:
        """Writes what waits, closes the file and puts Paramiko's logger back as it was. May be called twice.

        Threads: any but those that the log is written from; waits for the queue to be written.
        """
        with _installing:
            if self._closed:
                return
            self._closed = True
            if self in _installed:
                _installed.remove(self)
            self._logger.removeHandler(self._handler)
            if not _installed and _onward:
                _onward.pop().remove()
        if os.getpid() == self._pid:
            self._listener.stop()
        self._file.close()

    def __enter__(self) -> LogFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _after_fork(self) -> None:
        # Threads do not live on in a forked child, and the parent's queue lock may be held for ever in it: a new queue
        # and a new listener, on the same file. Each line is one write to a file opened for appending, so that the two
        # processes' lines do not mix.
        self._pid = os.getpid()
        self._logger.removeHandler(self._handler)
        self._file.createLock()
        self._file.maxBytes = 0  # two processes that rotate one file lose it
        self._start()
        self._logger.addHandler(self._handler)


def log_to_file(
    path: str | os.PathLike[str],
    level: int = logging.DEBUG,
    *,
    max_bytes: int = MAX_BYTES,
    backups: int = BACKUPS,
) -> LogFile:
    """Writes Paramiko's log to a file that `paramedic log` reads best, without slowing Paramiko's threads.

    Unlike ``paramiko.util.log_to_file`` it may be called beside other handlers, and the file is readable by its owner
    alone, since a debug log has host names, user names and paths in it.

    Args:
        path: the file; its folder must exist. Lines are appended.
        level: of the messages that are written.
        max_bytes: size from which the file is rotated (``path.1`` …); 0 never rotates.
        backups: how many rotated files are kept.

    Returns:
        The log; closing it is optional.

    Raises:
        OSError: the file cannot be opened; nothing was changed.

    Threads: any; a thread of ours writes the file, the threads that log only hand over to it.
    """
    with _installing:
        target = Path(path).absolute()
        for log in _installed:
            if log.path == target:
                return log
        log = LogFile(target, level, max_bytes, backups)
        _installed.append(log)
        if len(_installed) == 1 and not _hooked:
            _hooked.append(True)
            atexit.register(_close_all)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_after_fork)
    return log


_hooked: list[bool] = []


def _close_all() -> None:
    for log in list(_installed):
        log.close()


def _after_fork() -> None:
    global _installing
    _installing = threading.Lock()
    for log in list(_installed):
        log._after_fork()


class _NoLock:
    """In place of a handler's lock: `logging` asks for one, from Python 3.13 on without looking whether it is there."""

    def acquire(self) -> None:
        """Nothing."""

    def release(self) -> None:
        """Nothing."""

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, *_: object) -> None:
        """Nothing."""


class _Onward(logging.Handler):
    """Hands on to the program's own handlers what they would have got without us, and no more.

    The level of the logger must be lowered for our file. Without this, a program that shows warnings would show all of
    Paramiko's debug messages: handlers of the root logger take whatever reaches them (logging, Logger.callHandlers).
    """

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger
        self._level_before = logger.level
        self._propagated = logger.propagate
        self._lowered = logger.level
        logger.propagate = False
        logger.addHandler(self)

    def lower(self, level: int) -> None:
        """Lets messages from this level on reach our file."""
        if self._logger.level == logging.NOTSET or self._logger.level > level:
            self._logger.setLevel(level)
        self._lowered = self._logger.level

    def remove(self) -> None:
        """Puts the logger back, but for what the program has changed since."""
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated
        if self._logger.level == self._lowered:
            self._logger.setLevel(self._level_before)

    def createLock(self) -> None:
        self.lock = _NoLock()  # type: ignore[assignment]

    def emit(self, record: logging.LogRecord) -> None:
        parent = self._logger.parent
        if not self._propagated or parent is None:
            return
        if record.levelno >= (self._level_before or parent.getEffectiveLevel()):
            parent.callHandlers(record)


class _Handler(QueueHandler):
    """Puts records on the queue, with what only the logging thread knows."""

    def __init__(self, waiting: queue.SimpleQueue[Any], log: LogFile) -> None:
        super().__init__(waiting)
        self._waiting = waiting
        self._log = weakref.proxy(log)

    def createLock(self) -> None:
        # the queue needs none, and threads that log shall not wait for each other
        self.lock = _NoLock()  # type: ignore[assignment]

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        # Not QueueHandler's: that one formats the message here and copies the record. Paramiko formats its own
        # messages, so only the arguments must be settled.
        record.monotonic_s = time.monotonic()
        record.native_id = threading.get_native_id()
        record.connection = _connection_of(sys._getframe(2))
        if record.args or record.exc_info:
            return super().prepare(record)  # type: ignore[no-any-return]
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._waiting.qsize() < MAX_WAITING:
            self._waiting.put(record)
        else:
            self._log.left_out += 1


def _connection_of(frame: FrameType | None) -> str:
    """Which transport (and channel) logs: the ``self`` of the frame that called the logger, as `` @0x7f…``."""
    steps = 0
    while frame is not None and steps < 12:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("paramiko."):
            owner = frame.f_locals.get("self")
            transport = owner if type(owner).__name__ == "Transport" else getattr(owner, "transport", None)
            if transport is None:
                transport = getattr(getattr(owner, "sock", None), "transport", None) or getattr(
                    owner, "_transport", None
                )
            if transport is not None:
                return f" @{id(transport) & 0xFFFFFFFF:#x}"
            return ""
        frame = frame.f_back
        steps += 1
    return ""


class _Formatter(logging.Formatter):
    """Takes records of others too: a second handler of the program's may put its records on our file."""

    converter = time.gmtime  # type: ignore[assignment]

    def format(self, record: logging.LogRecord) -> str:
        for name in ("monotonic_s", "native_id", "connection"):
            if not hasattr(record, name):
                setattr(record, name, 0 if name != "connection" else "")
        return super().format(record)


class _SecretRotatingFile(RotatingFileHandler):
    """A rotating file that its owner alone may read."""

    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return open(descriptor, "a", encoding=self.encoding, errors="backslashreplace")
