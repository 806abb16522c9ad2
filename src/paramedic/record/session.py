"""One recording, from start to stop, in one process and in what it forks."""

from __future__ import annotations

import atexit
import os
import sys
import time
from _thread import get_ident, get_native_id
from collections.abc import Iterable
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from paramedic import __version__
from paramedic.model.event import Kind, State
from paramedic.model.operations import OPERATIONS
from paramedic.record import codes, paramiko_calls
from paramedic.record.frames import Stacks
from paramedic.record.hand_overs import THREAD_MARK, HandOvers, signal_handlers, simple_queue
from paramedic.record.imports import ImportWatch
from paramedic.record.locks import stand_ins
from paramedic.record.paramiko_calls import Target
from paramedic.record.probe import Probes
from paramedic.record.rewrite import CannotRewrite, Patch
from paramedic.trace.layout import SUFFIX
from paramedic.trace.writer import TraceWriter

WATCH, CHECK = "watch", "check"
LEVELS = (WATCH, CHECK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to record.

    Attributes:
        directory: where the files go, one for each process.
        level: ``watch`` (calls, life cycles, waits) or ``check`` (also locks and hand-overs).
        max_size_bytes: bound of each file.
        record_commands: whether command texts are recorded.
    """

    directory: str
    level: str = CHECK
    max_size_bytes: int = 256 << 20
    record_commands: bool = False


@dataclass(slots=True)
class _Replaced:
    """A module attribute that we stand in for."""

    owner: Any
    name: str
    original: Any
    ours: Any

    def apply(self) -> None:
        setattr(self.owner, self.name, self.ours)

    def undo(self) -> None:
        if self.owner.__dict__.get(self.name) is self.ours:  # or the program (gevent, say) has put its own there
            setattr(self.owner, self.name, self.original)


class Session:
    """A recording that is under way.

    Threads: `start` and `stop` where no other thread does either; the program's threads may run meanwhile.
    """

    def __init__(self, options: Options) -> None:
        """Open the file of this process.

        Raises:
            OSError: the directory or the file cannot be made.
            ValueError: the level is not known.
        """
        if options.level not in LEVELS:
            raise ValueError(f"level {options.level!r} is none of {', '.join(LEVELS)}")
        self.options = options
        self._patches: list[Patch | _Replaced] = []
        self._imports: ImportWatch | None = None
        self.process = os.getpid()
        self._writer = _open_writer(options, parent=0)
        self.probes = Probes(self._writer, Stacks(self._writer))
        self._writer.on_new_thread = self._adopted
        self._active = False
        self._main = 0

    @property
    def path(self) -> str:
        """The file of this process."""
        return self._writer.path

    def start(self) -> None:
        """Begin to watch: now what is imported, later what will be."""
        self._active = True
        self._begin_thread("MainThread")
        listeners = {"paramiko": self._paramiko, "signal": self._signal}
        if self.options.level == CHECK:
            self._hand_overs = HandOvers(self.probes)
            listeners |= {
                "threading": self._threading,
                "queue": self._queue,
                "concurrent.futures.thread": self._futures,
                "asyncio.base_events": self._asyncio,
            }
        else:
            self._hand_overs = HandOvers(self.probes)
            listeners |= {"threading": self._threads_only}
        self._imports = ImportWatch(listeners)  # type: ignore[arg-type]
        self._imports.install()
        _current.append(self)
        if len(_current) == 1 and not _fork_hook:
            _fork_hook.append(True)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_forked)
        atexit.register(self._exits)

    def stop(self) -> None:
        """Put everything back; the very same objects stand where they stood."""
        if not self._active:
            return
        self._active = False
        if self._imports is not None:
            self._imports.remove()
        for patch in reversed(self._patches):
            patch.undo()
        self._patches.clear()
        if self in _current:
            _current.remove(self)
        atexit.unregister(self._exits)
        self._at_exit()

    def _exits(self) -> None:
        self._writer.row(int(Kind.STATE), int(State.EXIT), 0, 0, 0, 0)
        self._at_exit()

    def _at_exit(self) -> None:
        if self._writer.full:
            self._complain(f"the recording is incomplete: {self._writer.full}")
        if self._writer.dropped_rows:
            self.probes.gap(
                "chunk-dropped", f"{self._writer.dropped_rows} rows of the oldest threads were overwritten (--max-size)"
            )

    def _complain(self, words: str) -> None:
        try:
            os.write(2, f"paramedic: {words}\n".encode())
        except OSError:
            pass

    def _begin_thread(self, name: str) -> None:
        number = self._writer.current_thread()
        self._main = number
        module = sys.modules.get("threading")
        if module is not None:
            module.current_thread().__dict__[THREAD_MARK] = number
        self._writer.row(int(Kind.BEGIN), 0, 0, 0, self.process, self._writer.text(name))

    def _mark_main(self, threading: Any) -> None:
        main = threading.main_thread()
        if main.ident == get_ident():
            main.__dict__.setdefault(THREAD_MARK, self._main)

    def _adopted(self, number: int) -> None:
        """A thread whose start was not seen has recorded something: say what it is called."""
        module = sys.modules.get("threading")
        thread = module._active.get(get_ident()) if module is not None else None
        name = thread._name if thread is not None else f"thread-{number}"
        if thread is not None:
            thread.__dict__[THREAD_MARK] = number
        self._writer.row(int(Kind.BEGIN), 0, 0, 0, get_native_id(), self._writer.text(str(name)))

    # what to watch in which module

    def _paramiko(self, module: ModuleType) -> None:
        try:
            targets = list(paramiko_calls.targets(module, self.probes, self.options.record_commands))
        except Exception as e:
            self.probes.trouble("paramiko", e)
            return
        self.probes.gap("info", f"paramiko {getattr(module, '__version__', '?')}")
        self._watch(targets)

    def _threads_only(self, module: Any) -> None:
        self._mark_main(module)
        self._watch(self._hand_overs.threads(module))

    def _threading(self, module: Any) -> None:
        self._mark_main(module)
        made = stand_ins(self.probes, module.Lock, module.RLock)
        self._watch(self._hand_overs.threads(module))
        self._watch(self._hand_overs.signals(module, made.watched_rlock))
        for name, ours in (("Lock", made.lock), ("RLock", made.rlock)):
            self._replace(module, name, ours)

    def _signal(self, module: Any) -> None:
        self._watch(signal_handlers(self.probes, module))

    def _queue(self, module: Any) -> None:
        self._watch(self._hand_overs.queues(module))
        real = module.SimpleQueue
        if isinstance(real, type):
            self._replace(module, "SimpleQueue", simple_queue(self.probes, real))

    def _futures(self, module: Any) -> None:
        base = sys.modules.get("concurrent.futures._base")
        if base is not None:
            self._watch(self._hand_overs.futures(base, module))

    def _asyncio(self, module: Any) -> None:
        events = sys.modules.get("asyncio.events")
        if events is not None:
            self._watch(self._hand_overs.loops(module, events))

    def _replace(self, owner: Any, name: str, ours: Any) -> None:
        replaced = _Replaced(owner, name, getattr(owner, name), ours)
        replaced.apply()
        self._patches.append(replaced)

    def _watch(self, targets: Iterable[Target]) -> None:
        """Prepare all, then switch on all: a half-watched module is watched for as short as can be."""
        ready: list[Patch] = []
        try:
            for owner, name, *probes, parameters in targets:
                function = vars(owner).get(name)
                if type(function) is not FunctionType:
                    if function is not None and not isinstance(function, (classmethod, staticmethod)):
                        self.probes.gap("patch-failed", f"{owner.__name__}.{name} is not a Python function")
                    continue
                try:
                    ready.append(codes.prepared(function, *probes, parameters))
                except CannotRewrite as e:
                    self.probes.gap("patch-failed", f"{owner.__name__}.{name}: {e}")
        except Exception as e:
            self.probes.trouble("watch", e)
        codes.done()
        for patch in ready:
            patch.apply()
        self._patches.extend(ready)

    def after_fork_in_child(self) -> None:
        """Go on in a file of the child's own."""
        parent = self.process
        self.process = os.getpid()
        try:
            writer = _open_writer(self.options, parent=parent)
        except OSError as e:
            self._writer.close_for_good(str(e))
            return
        self._writer.become(writer)
        self.probes.stacks.forget()
        self._begin_thread("MainThread")
        self._writer.row(int(Kind.FORK), 0, 0, 0, parent, 0)


_current: list[Session] = []
_fork_hook: list[bool] = []


def _forked() -> None:
    for session in _current:
        session.after_fork_in_child()


def _open_writer(options: Options, parent: int) -> TraceWriter:
    os.makedirs(options.directory, mode=0o700, exist_ok=True)
    header = {
        "paramedic": __version__,
        "operations": list(OPERATIONS),
        "python": sys.version.split()[0],
        "platform": sys.platform,
        "process": os.getpid(),
        "parent": parent or os.getppid(),
        "forked": bool(parent),
        "level": options.level,
        "started": time.time(),
        "started_ns": time.monotonic_ns(),
        "program": os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else "",
        "commands": options.record_commands,
    }
    for attempt in range(1000):
        path = os.path.join(options.directory, f"{os.getpid()}-{attempt}{SUFFIX}")
        try:
            return TraceWriter(path, header, options.max_size_bytes)
        except FileExistsError:
            continue
    raise OSError(f"no free file name in {options.directory}")
