"""One recording, from start to stop, in one process and in what it forks."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import time
from _thread import get_ident, get_native_id
from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from paramedic import __version__
from paramedic.model.event import Kind, State
from paramedic.model.named_tuple import NamedTuple
from paramedic.model.operations import OPERATIONS
from paramedic.record import codes, paramiko_calls, rights
from paramedic.record.attributes import Attribute
from paramedic.record.frames import Stacks
from paramedic.record.hand_overs import HandOvers, signal_handlers
from paramedic.record.imports import ImportWatch, Listener
from paramedic.record.interrupts import is_broken_off
from paramedic.record.locks import StandIns, stand_ins
from paramedic.record.patches import CannotRewrite, Patch, Target
from paramedic.record.probe import MARK, Probes
from paramedic.record.simple_queue import simple_queue
from paramedic.record.status_event import status_waits
from paramedic.record.threads import THREAD_MARK, set_plainly, threads
from paramedic.trace.layout import SUFFIX
from paramedic.trace.writer import TraceWriter

if TYPE_CHECKING:
    from paramedic.record.before import Before

WATCH, CHECK = "watch", "check"
LEVELS = (WATCH, CHECK)


class Options(NamedTuple):  # not a dataclass: those import `inspect`, which takes as long as all of ours
    """How to record.

    Attributes:
        directory: where the files go, one for each process.
        level: ``watch`` (calls, life cycles, waits) or ``check`` (also locks and hand-overs).
        max_size_bytes: bound of each file.
        record_commands: whether command texts are recorded.
        traps: places at which to delay (see `paramedic.record.traps`); none in an ordinary run.
        seed: of the delays.
        delay_s: how long they are.
    """

    directory: str
    level: str = CHECK
    max_size_bytes: int = 256 << 20
    record_commands: bool = False
    traps: tuple[tuple[str, str, int], ...] = ()
    seed: int = 0
    delay_s: float = 0.0


class _Origin(NamedTuple):
    """Where a process comes from.

    Attributes:
        parent: number of the process whose things it has, or that has started it.
        forked: whether it has them.
        began_ns: when.
        thread: ident of its main thread; 0 if its beginning has been recorded.
    """

    parent: int
    forked: bool
    began_ns: int
    thread: int


class Session:
    """A recording that is under way.

    Threads: `start` and `stop` where no other thread does either; the program's threads may run meanwhile.
    """

    def __init__(self, options: Options, late: bool = False, child: bool = False) -> None:
        """Open the file of this process.

        Args:
            options: how to record.
            late: whether the program has begun before the recording does (`paramedic.record.before`).
            child: whether a recorded program has started this one; it has no file before there is something to record.

        Raises:
            OSError: the directory or the file cannot be made.
            ValueError: the level is not known.
        """
        if options.level not in LEVELS:
            raise ValueError(f"level {options.level!r} is none of {', '.join(LEVELS)}")
        self.options = options
        self._patches: list[Patch | Attribute] = []
        self._imports: ImportWatch | None = None
        self.process = os.getpid()
        if child:
            origin = _Origin(os.getppid(), False, time.monotonic_ns(), get_ident())
            self._writer = TraceWriter.asleep_until(lambda: self._wake(origin))
        else:
            origin = _Origin(os.getppid(), False, 0, 0)
            self._writer = _open_writer(options, origin)
        self._origin = origin
        self.probes = Probes(self._writer, Stacks(self._writer))
        self.probes.early = self.probes.early and not late
        if options.traps:
            from paramedic.record.traps import Traps

            traps = Traps(options.traps, options.seed, options.delay_s)
            self.probes.row, self.probes.hold_back = traps.around(self.probes.row), traps.hold_back
            self.probes.called = traps.called
            self.probes.at_exit.append(traps.linger)
        self._writer.on_new_thread = self._adopted
        self._active = False
        self._late = late
        self._stand_ins: StandIns | None = None
        self._before: Before | None = None
        self._main = 0
        self._stderr = _identity(2)

    @property
    def path(self) -> str:
        """The file of this process."""
        return self._writer.path

    def start(self) -> None:
        """Begin to watch: now what is imported, later what will be."""
        self._active = True
        if self._late:
            self._begin_late()
        else:
            if not self._writer.asleep:
                self._begin_thread("MainThread")
        for module, name, ours in rights.stand_ins(self._writer.keep_room):
            self._replace(module, name, ours)
        listeners: dict[str, Listener] = {"signal": self._signal}
        if self.options.level == CHECK:
            self._hand_overs = HandOvers(self.probes)
            listeners |= {
                "threading": self._threading,
                "queue": self._queue,
                "concurrent.futures._base": self._futures,
                "concurrent.futures.thread": self._pools,
                "asyncio.base_events": self._asyncio,
                "asyncio.queues": self._async_queues,
                "multiprocessing.pool": self._thread_pools,
                "uvloop": self._uvloop,
                "trio._core._entry_queue": self._loop_door,
                "twisted.internet.base": self._loop_door,
            }
        else:
            self._hand_overs = HandOvers(self.probes)
            listeners |= {"threading": self._threads_only}
        listeners["paramiko"] = self._paramiko  # calls are watched when locks are, not before
        self._imports = ImportWatch(listeners, self.probes.trouble)
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

    def stop_for_good(self) -> None:
        """`stop`, and nothing that still holds something of ours records any more."""
        self.stop()
        self._writer.pause()
        if self._before is not None:
            self._before.give_locks_back()

    def again(self, options: Options) -> None:
        """Begin another recording, in another file. What still holds something of ours belongs to that from now on.

        Raises:
            OSError: its file cannot be made; nothing is recorded then.
        """
        self.options = options
        self._writer.resume(_open_writer(options, _Origin(os.getppid(), False, 0, 0)))
        self.probes.stacks.forget()
        self.probes.broken.clear()
        self.start()

    def _begin_late(self) -> None:
        from paramedic.record.before import Before, leaving

        self._before = Before(self.probes, self._writer)
        self._replace(os, "_exit", leaving(self.probes, os._exit))
        self._before.forget_marks()
        self._before.number_threads()
        self.probes.unseen = self._before.unseen
        self._writer.current_thread()

    def _exits(self) -> None:
        if self._writer.asleep:
            return
        for look in self.probes.at_exit:
            look()
        self._writer.row(int(Kind.STATE), int(State.EXIT), 0, 0, int(is_broken_off()), 0)
        self._at_exit()

    def _at_exit(self) -> None:
        if self._writer.full:
            self._complain(f"the recording is incomplete: {self._writer.full}")

    def _complain(self, words: str) -> None:
        # descriptor 2 may be a file of the program's by now: a daemon closes all that it finds
        if self._stderr is None or _identity(2) != self._stderr:
            return
        try:
            os.write(2, f"paramedic: {words}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            pass

    def _begin_thread(self, name: str) -> None:
        number = self._writer.current_thread()
        self._main = number
        module = sys.modules.get("threading")
        # not current_thread(), which would make a thread object where there is none
        thread = module._active.get(get_ident()) if module is not None else None
        if thread is not None:
            set_plainly(thread, THREAD_MARK, number)
        self._writer.row(int(Kind.BEGIN), 0, 0, 0, self.process, self._writer.text(name))

    def _mark_main(self, threading: Any) -> None:
        main = threading.main_thread()
        if main.ident == get_ident():
            set_plainly(main, THREAD_MARK, getattr(main, THREAD_MARK, 0) or self._main)

    def _adopted(self, number: int) -> None:
        """A thread whose start was not seen has recorded something: say what it is called."""
        try:
            modules: Any = sys.modules
            if modules is None:
                # The interpreter takes itself down, and has our thread-local: what it still drops is no thread's doing.
                self._writer.pause()
                return
            module = modules.get("threading")
            thread = module._active.get(get_ident()) if module is not None else None
            name = thread._name if thread is not None else f"thread-{number}"
            if thread is not None:
                set_plainly(thread, THREAD_MARK, number)
            self._writer.row(int(Kind.BEGIN), 0, 0, 0, get_native_id(), self._writer.text(str(name)))
            if self._before is not None:
                self._before.adopted(thread)
        except Exception as e:
            self.probes.trouble("thread", e)

    # what to watch in which module

    def _paramiko(self, module: ModuleType) -> None:
        if not isinstance(vars(module).get("SSHClient"), type):
            where = getattr(module, "__file__", None) or "a folder"
            self.probes.gap("patch-failed", f"the module paramiko that was imported, of {where}, is not Paramiko")
            return
        try:
            targets = list(paramiko_calls.targets(module, self.probes, self.options.record_commands))
        except Exception as e:
            self.probes.trouble("paramiko", e)
            return
        self.probes.gap("info", f"paramiko {getattr(module, '__version__', '?')}")
        loaded = [m for name, m in list(sys.modules.items()) if name.startswith("paramiko.")]
        self.probes.inside({str(getattr(m, "__file__", "")) for m in loaded})
        self._watch(targets)
        codes.forget()  # what is watched later is little
        if self._before is not None:
            self._before.adopt_clients()
            self._before.tell_calls_under_way()
        self._write_log()

    def _write_log(self) -> None:
        # `paramedic run --log FILE`. Paramiko is imported, so logging is too.
        path = os.environ.get("PARAMEDIC_LOG")
        if path:
            try:
                from paramedic.record.log_file import log_to_file

                log_to_file(path)
            except Exception as e:
                self.probes.trouble("log", e)

    def _threads_only(self, module: Any) -> None:
        self._mark_main(module)
        self._watch(threads(self.probes, module))
        if module.Event.__module__ == "threading":  # gevent's is no Python class
            self._watch([status_waits(self.probes, module)])

    def _threading(self, module: Any) -> None:
        self._mark_main(module)
        if self._stand_ins is None:
            self._stand_ins = stand_ins(self.probes, module)
        made = self._stand_ins
        self.probes.makers = {name: (ours, getattr(module, name)) for name, ours in made.replaced.items()}
        self._watch(threads(self.probes, module))
        self._watch(self._hand_overs.signals(module, made))
        self._watch(made.targets)
        for name, ours in made.replaced.items():
            self._replace(module, name, ours)
        if self._before is not None:
            self._before.stand_in_for_locks(made)

    def _signal(self, module: Any) -> None:
        self._watch(signal_handlers(self.probes, module))

    def _queue(self, module: Any) -> None:
        self._watch(self._hand_overs.queues(module))
        real = module.SimpleQueue
        if isinstance(real, type):
            self._replace(module, "SimpleQueue", simple_queue(self.probes, real))

    def _futures(self, module: Any) -> None:
        self._watch(self._hand_overs.futures(module))

    def _pools(self, module: Any) -> None:
        self._watch(self._hand_overs.pools(module))

    def _asyncio(self, module: Any) -> None:
        events = sys.modules.get("asyncio.events")
        if events is not None:
            self._watch(self._hand_overs.loops(module, events))

    def _async_queues(self, module: Any) -> None:
        from paramedic.record.asyncio_queues import async_queues

        self._watch(async_queues(self.probes, module))

    def _uvloop(self, module: Any) -> None:
        from paramedic.record.uvloop_loops import uvloop_loops

        for ours in list(uvloop_loops(self.probes, module)):
            ours.apply()
            self._patches.append(ours)

    def _loop_door(self, module: Any) -> None:
        from paramedic.record.loop_doors import loop_door

        self._watch(loop_door(self.probes, module))

    def _thread_pools(self, module: Any) -> None:
        from paramedic.record.thread_pools import thread_pools

        self._watch(thread_pools(self.probes, module, self._hand_overs.failures))

    def _replace(self, owner: Any, name: str, ours: Any) -> None:
        replaced = Attribute(owner, name, ours, getattr(owner, name))
        replaced.apply()
        self._patches.append(replaced)

    def _watch(self, targets: Iterable[Target]) -> None:
        """Prepare all, then switch on all: a half-watched module is watched for as short as can be."""
        ready: list[Patch] = []
        collecting = gc.isenabled()
        gc.disable()  # all that is made here stays, and looking through the program's objects for it takes its time
        try:
            for target in targets:
                owner, name = target.owner, target.name
                function = vars(owner).get(name)
                if isinstance(owner, type) and not target.only:
                    self._unmarked(owner)
                if type(function) is not FunctionType:
                    if function is not None and not isinstance(function, (classmethod, staticmethod)):
                        self.probes.gap("patch-failed", f"{owner.__name__}.{name} is not a Python function")
                    continue
                try:
                    ready.append(codes.prepared(function, target))
                except CannotRewrite as e:
                    self.probes.gap("patch-failed", f"{owner.__name__}.{name}: {e}")
        except Exception as e:
            self.probes.trouble("watch", e)
        finally:
            if collecting:
                gc.enable()
        codes.save()
        for owner, name in self.probes.defaults:
            self._unmarked(owner, name)
        self.probes.inside({patch.original.co_filename for patch in ready})
        for patch in ready:
            patch.apply()
        self._patches.extend(ready)

    def _unmarked(self, owner: type, name: str = MARK) -> None:
        if name not in vars(owner):
            mark = Attribute(owner, name, 0)
            mark.apply()
            self._patches.append(mark)

    def after_fork_in_child(self) -> None:
        """Go on in a file of the child's own, as soon as it has something to record."""
        # the child of a child that had nothing to record has the things of that one's parent
        parent = self._origin.parent if self._writer.asleep and self._origin.forked else self.process
        self.process = os.getpid()
        self._origin = origin = _Origin(parent, True, time.monotonic_ns(), get_ident())
        self._writer.sleep(lambda: self._wake(origin))
        self.probes.stacks.forget()

    def _wake(self, origin: _Origin) -> None:
        try:
            writer = _open_writer(self.options, origin)
        except Exception as e:
            words = getattr(e, "strerror", None) or str(e) or type(e).__name__
            self._writer.close_for_good(f"{words}: {self.options.directory}")
            return
        self._writer.become(writer)
        if get_ident() == origin.thread:
            self._begin_thread("MainThread")
        if origin.forked:
            self._writer.row(int(Kind.FORK), 0, 0, 0, origin.parent, 0)


_current: list[Session] = []


_fork_hook: list[bool] = []


def under_way() -> tuple[Session, ...]:
    """The recordings of this process that have been started and not stopped.

    Threads: any.
    """
    return tuple(_current)


def _forked() -> None:
    for session in _current:
        try:
            session.after_fork_in_child()
        except Exception as e:
            session.probes.trouble("fork", e)


def _identity(fd: int) -> tuple[int, int, int] | None:
    """What a descriptor is open on; None if it is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mode


def _open_writer(options: Options, origin: _Origin) -> TraceWriter:
    os.makedirs(options.directory, mode=0o700, exist_ok=True)
    header = {
        "paramedic": __version__,
        "operations": list(OPERATIONS),
        "python": sys.version.split()[0],
        "platform": sys.platform,
        "process": os.getpid(),
        "parent": origin.parent,
        "forked": origin.forked,
        "level": options.level,
        "started": time.time(),
        "started_ns": origin.began_ns or time.monotonic_ns(),
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
