"""Thread dumps on request and by watchdog, for programs in production: ``paramedic.watch()``.

Nothing of Paramiko is patched and nothing runs until a signal comes or the watchdog looks; the watchdog looks at all
stacks a few times per limit. What is written has places, class names, addresses and counters in it, never a value of
the program's. ``paramedic dump FILE`` reads it; its lines are those of py-spy with the states of objects after them.
"""

from __future__ import annotations

import faulthandler
import os
import re
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, Protocol

_LOCK_TYPES = (type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Semaphore)
_LOOKS_PER_LIMIT = 4
_SHORTEST_LOOK_S = 0.05
_MAX_FRAMES = 200
_LONGEST_LOOK_S = 3600.0  # select() takes no period that its clock cannot count
_MARK = "__paramedic_watch__"
_MOVING = frozenset({"_transfer_with_callback"})  # reads the program's own file, in one run for the whole of it
_CHANNEL = ("in_buffer", "in_stderr_buffer", "in_window_size", "in_window_sofar")


class Sink(Protocol):
    """Where dumps go: a file of the operating system."""

    def fileno(self) -> int:
        """Its descriptor.

        Threads: any.
        """


@dataclass(slots=True)
class _InFlight:
    """A wait inside Paramiko that a thread is in: ``token`` is an object that exists once for each."""

    token: object
    since: float
    told: bool = False


class Watch:
    """What `watch` started. Ends with `stop`, or with the program.

    Threads: any thread; nothing here blocks for longer than it takes to write a dump.
    """

    def __init__(self, file: Sink | None, signum: int | None, timeout: float | None) -> None:
        """See `watch`."""
        # Kept, because a file that nobody holds is closed, and its descriptor would soon be somebody else's.
        self._file: Sink | None = sys.__stderr__ if file is None else file
        if self._file is None:
            raise ValueError("there is no standard error here: say with file= where dumps go")
        self._out = self._file.fileno()
        self._signum = signum if signum is None or not _is_taken(signum) else None
        self._timeout = timeout
        self._calls: dict[int, _InFlight] = {}
        self._previous: Any = None
        self._chained: Callable[[int, FrameType | None], Any] | None = None
        self._stopped = False
        self._process = os.getpid()
        self._ask, self._asked = -1, -1
        if self._signum is not None:
            self._register(self._signum)
        self._start()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def stop(self) -> None:
        """Stops watching and puts the signal's former handler back; a second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        if self._signum is not None and hasattr(faulthandler, "unregister"):
            faulthandler.unregister(self._signum)
            if self._previous is not None and threading.current_thread() is threading.main_thread():
                signal.signal(self._signum, self._previous)
        self._wake()

    def write(self, reason: str = "on request") -> None:
        """Writes a snapshot now.

        Args:
            reason: goes into its first line.
        """
        _write_all(self._out, snapshot_text(reason, self._ages()).encode("utf-8", "backslashreplace"))

    # -- signal -------------------------------------------------------------------------------------------------

    def _register(self, signum: int) -> None:
        """First our handler (where Python lets us: on the main thread), then faulthandler's in front of it.

        faulthandler writes its dump in C even where no Python code can run any more, then calls what was there before:
        ours, which asks the watcher for a snapshot and calls the program's own handler.
        """
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.getsignal(signum)
            self._chained = self._previous if callable(self._previous) else None
            if isinstance(getattr(self._previous, "__self__", None), Watch):
                faulthandler.unregister(signum)  # a watch before this one: registered twice it would not be in front
            try:
                signal.signal(signum, self._on_signal)
            except OSError as error:  # SIGKILL, SIGSTOP
                raise ValueError(f"{signal.Signals(signum).name} cannot be caught") from error
        chain = threading.current_thread() is threading.main_thread() or callable(signal.getsignal(signum))
        # Without a handler behind it the default action would follow, which ends the program.
        faulthandler.register(signum, file=self._out, all_threads=True, chain=chain)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        # Runs on the main thread between two bytecodes, perhaps in the middle of somebody's critical section: no lock.
        self._wake()
        if self._chained is not None:
            self._chained(signum, frame)

    def _wake(self) -> None:
        try:
            os.write(self._ask, b"!")
        except OSError:
            pass  # the pipe is full (it was asked already) or closed

    # -- watcher ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if sys.platform != "win32":
            self._asked, self._ask = os.pipe()
            os.set_blocking(self._ask, False)
        threading.Thread(target=self._run, name="paramedic-watch", daemon=True).start()

    def _after_fork(self) -> None:
        """In the child: the watcher thread did not come along, and the pipe would be shared with the parent."""
        if self._stopped or os.getpid() == self._process:
            return
        self._process = os.getpid()
        self._calls.clear()
        for descriptor in (self._ask, self._asked):
            if descriptor >= 0:
                os.close(descriptor)
        self._start()

    def _run(self) -> None:
        process = self._process
        period = _LONGEST_LOOK_S
        if self._timeout is not None:
            period = min(max(self._timeout / _LOOKS_PER_LIMIT, _SHORTEST_LOOK_S), period)
        while not self._stopped and process == os.getpid():
            asked = self._sleep(period)
            if self._stopped:
                return
            try:
                self._look()
                if asked:
                    self.write("signal")
            except Exception as error:  # ours; it must not end the program's watcher, nor reach the program
                _write_all(self._out, f"paramedic.watch: {type(error).__name__}: {error}\n".encode())

    def _sleep(self, period: float) -> bool:
        """Waits for a signal's byte or the next look; says whether it was the byte."""
        if self._asked < 0:
            time.sleep(period)
            return False
        ready, _, _ = select.select([self._asked], [], [], period)
        return bool(ready) and bool(os.read(self._asked, 4096))

    def _look(self) -> None:
        if self._timeout is None:
            return
        now = time.monotonic()
        calls: dict[int, _InFlight] = {}
        late: list[tuple[int, float]] = []
        for ident, frame in sys._current_frames().items():
            token = _token_of(frame)
            if token is None:
                continue
            known = self._calls.get(ident)
            call = known if known is not None and known.token is token else _InFlight(token, now)
            calls[ident] = call
            if now - call.since >= self._timeout and not call.told:
                call.told = True
                late.append((ident, now - call.since))
        self._calls = calls
        if late:
            ident, age = max(late, key=lambda x: x[1])
            self.write(f"{_names().get(ident, ident)} has been in one Paramiko call for {age:.1f} s")

    def _ages(self) -> dict[int, float]:
        now = time.monotonic()
        return {ident: now - call.since for ident, call in dict(self._calls).items()}


def watch(
    *,
    signum: int | None = getattr(signal, "SIGUSR1", None),
    timeout: float | None = None,
    file: Sink | None = None,
) -> Watch:
    """Makes the program tell where its threads stand when asked by a signal, or when a Paramiko call takes too long.

    Args:
        signum: signal that asks for a dump; None for none (always on Windows, which has no such signals). A handler
            that the program has for it stays and is called after the dump. Where something outside Python's `signal`
            has it already, such as ``faulthandler.register``, that stays alone, and a warning says so.
        timeout: seconds; when one call into Paramiko has blocked for so long, a dump is written, once for each call.
            None: no watchdog.
        file: where dumps go, an open file; standard error by default. Do not close it.

    Returns:
        The watch; keep it if you want to `Watch.stop` it.

    Raises:
        ValueError: the timeout is not positive, the signal cannot be caught, or no file is given where the program
            has no standard error (``pythonw``, some daemons).

    Threads: call it once, best on the main thread (elsewhere the signal gives faulthandler's dump alone); does not
    block. It starts one daemon thread, also in children that are forked.
    """
    if timeout is not None and not timeout > 0:
        raise ValueError("timeout must be more than 0 seconds")
    if not hasattr(faulthandler, "register"):  # Windows
        signum = None
    return Watch(file, signum, timeout)


def _is_taken(signum: int) -> bool:
    """Whether C code handles the signal already; Linux says so, and Python's `signal` does not know of it."""
    if signal.getsignal(signum) not in (signal.SIG_DFL, signal.SIG_IGN):
        return False
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
            caught = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")), 0)
    except (OSError, ValueError, IndexError):
        return False
    if not caught & (1 << (signum - 1)):
        return False
    name = signal.Signals(signum).name
    warnings.warn(
        f"{name} has a handler already, probably of faulthandler.register(), which stays: paramedic.watch() adds its "
        f"own dump only without it, or with another signal (signum=)",
        RuntimeWarning,
        stacklevel=4,
    )
    return True


def snapshot_text(reason: str, ages: dict[int, float] | None = None) -> str:
    """All threads with their stacks, and the counters of the channels that they are in, in py-spy's form.

    Args:
        reason: why it is taken.
        ages: by thread ident, for how many seconds at least it has been in its call into Paramiko.

    Threads: any thread; does not block and takes no lock.
    """
    names = _names()
    natives = {t.ident: t.native_id for t in list(threading._active.values())}  # type: ignore[attr-defined]
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    lines = [f"Process {os.getpid()}: {_one_line(reason)} ({stamp}, paramedic.watch)"]
    lines += [f"Python v{sys.version.split()[0]}", ""]
    objects: dict[int, Any] = {}
    me = threading.get_ident()
    for ident, frame in sys._current_frames().items():
        if ident == me and names.get(ident) == "paramedic-watch":
            continue
        lines.append(f'Thread {natives.get(ident) or ident} (waiting): "{_one_line(names.get(ident, ""))}"')
        if ages and ident in ages:
            lines.append(f"        in one call for {ages[ident]:.1f} s")
        lines += _frames(frame, objects)
    for address, thing in objects.items():
        state = _state(thing)
        if state:
            told = " ".join(f"{name}={value}" for name, value in state)
            lines.append(f"Object {type(thing).__name__} at {address:#x}: {told}")
    return "\n".join(lines) + "\n\n"


def _frames(frame: FrameType | None, objects: dict[int, Any]) -> list[str]:
    lines: list[str] = []
    count = 0
    while frame is not None and count < _MAX_FRAMES:
        code = frame.f_code
        lines.append(f"    {code.co_qualname} ({code.co_filename}:{frame.f_lineno or code.co_firstlineno})")
        lines += _variables(frame, code, objects)
        frame = frame.f_back
        count += 1
    return lines


def _variables(frame: FrameType, code: CodeType, objects: dict[int, Any]) -> list[str]:
    """Objects by class and address only; of plain values just ``timeout`` and Paramiko's packet type."""
    names = [n for n in code.co_varnames if n in ("self", "timeout", "ptype", "chan") or not _is_library(code)]
    if not names:
        return []
    values = frame.f_locals
    lines = []
    for name in names[:50]:
        if name not in values:
            continue
        value = values[name]
        if name in ("timeout", "ptype"):
            if value is None or type(value) in (int, float):
                lines.append(f"            {name}: {value}")
        elif name in ("self", "chan") or isinstance(value, _LOCK_TYPES):
            lines.append(f"            {name}: <{type(value).__name__}{_held(value)} at {id(value):#x}>")
            if not _is_library(code) or _is_paramiko(code):
                objects.setdefault(id(value), value)
    return ["        Locals:", *lines] if lines else []


def _held(value: Any) -> str:
    """Whether a lock is held and, where the lock itself knows, by whom; never waits for it."""
    lock = getattr(value, "_lock", value) if isinstance(value, threading.Condition) else value
    if isinstance(lock, _LOCK_TYPES[0]):
        return " held" if lock.locked() else " free"
    if isinstance(lock, _LOCK_TYPES[1]):
        owner = re.search(r"owner=(\d+)", repr(lock))  # "<locked _thread.RLock object owner=140… count=1 at 0x…>"
        if owner is None or owner[1] == "0":
            return " free"
        return f" held by {re.sub(r'[<>]', '', _names().get(int(owner[1]), owner[1]))}"
    return ""


def _state(thing: Any) -> list[tuple[str, object]]:
    """The counters of a channel, or the addresses of an object's locks; read past every lock and property."""
    try:
        attributes = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return []
    if all(name in attributes for name in _CHANNEL):
        return _channel(attributes)
    if type(thing).__module__.partition(".")[0] in ("paramiko", "threading", "_thread"):
        return []
    found: list[tuple[str, object]] = []
    for name, value in list(attributes.items()):
        if isinstance(value, _LOCK_TYPES) and isinstance(name, str) and name.isidentifier():
            found.append((name, f"{id(value):#x}"))
    return found


def _channel(attributes: dict[str, Any]) -> list[tuple[str, object]]:
    # BufferedPipe.__len__ would take the lock that may be what everybody waits for (buffered_pipe.py).
    out, err = (len(getattr(attributes[name], "_buffer", b"")) for name in _CHANNEL[:2])
    window, read = attributes["in_window_size"], attributes["in_window_sofar"]
    return [
        ("unread_bytes", out),
        ("unread_stderr_bytes", err),
        ("window_bytes", window),
        ("window_left_bytes", max(window - read - out - err, 0)),
        ("timeout_s", attributes.get("timeout")),
        ("eof_received", attributes.get("eof_received")),
        ("closed", attributes.get("closed")),
        ("transport", f"{id(attributes.get('transport')):#x}"),
    ]


def _token_of(frame: FrameType) -> object | None:
    """An object that belongs to one wait inside Paramiko, for a thread that is in one; None for others.

    A wait is one run of the innermost function of Paramiko's in the stack: a long `SFTPClient.get` that moves has
    another one in each look, and one that waits in a loop (for the end of a key exchange, or for a reply) has the same.
    The object is left in the locals of that frame, where nothing but us reads it: addresses of frames are used again
    at once, and a frame that we held would keep the program's objects alive.
    """
    inner: FrameType | None = None
    here: FrameType | None = frame
    while here is not None:
        code = here.f_code
        if _is_paramiko(code):
            if code.co_name == "run" and code.co_filename.endswith("transport.py"):
                return None  # a transport thread waits by profession
            inner = inner or here
        elif inner is None and not _is_library(code):
            return None  # a callback of the program's, or the program itself
        here = here.f_back
    if inner is None or inner.f_code.co_name in _MOVING:
        return None
    mark: object = inner.f_locals.setdefault(_MARK, object())
    return mark


def _is_paramiko(code: CodeType) -> bool:
    return "paramiko" in code.co_filename.replace("\\", "/").split("/")[-2:-1]


def _is_library(code: CodeType) -> bool:
    name = code.co_filename
    return name.startswith("<") or "site-packages" in name or name.startswith(os.path.dirname(os.__file__))


def _names() -> dict[int, str]:
    # threading.enumerate() takes a lock that a stuck thread may hold.
    return {ident: t.name for ident, t in list(threading._active.items())}  # type: ignore[attr-defined]


def _one_line(text: object) -> str:
    return str(text).replace("\n", " ").replace('"', "'")[:200]


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except OSError:
            return  # nowhere to write to: the program must not suffer for it
