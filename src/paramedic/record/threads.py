"""Threads: where they are started, run, are waited for and end.

Threads: the probes run in any thread of the program's and do not block; making them is the recorder's start.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable, Iterator
from sys import _getframe, exc_info
from types import MethodType
from typing import Any

from paramedic.model.event import ENDS_PROGRAM, Kind, State
from paramedic.model.operations import NUMBER
from paramedic.model.thread_name import name_parts
from paramedic.record.frames import PARAMIKO
from paramedic.record.patches import Target
from paramedic.record.probe import Probes, describe, milliseconds
from paramedic.trace import native
from paramedic.trace.layout import KIND_SHIFT

_START, _BEGIN, _END, _JOINED = (int(k) for k in (Kind.START, Kind.BEGIN, Kind.END, Kind.JOINED))
THREAD_MARK = "_paramedic_thread_"
"""Attribute of threads: the number of one that has been started, 0 until then; `_UNTOLD`. It is never looked up in a
thread's ``__dict__``: an object's attributes are slower for good once that has been made."""
_UNTOLD = None
"""In place of the number of the threads with which Paramiko limits its handshakes (packet.py
`Packetizer.start_handshake`): each connect starts one, which sleeps and sets a flag. To record
it would tell nothing, and is a good part of what a connect costs us."""
_ALWAYS = PARAMIKO + 1


def set_plainly(thread: Any, name: str, value: object) -> None:
    """Set an attribute of a thread past a ``__setattr__`` of the program's own.

    Threads: any; it does not block.
    """
    try:
        object.__setattr__(thread, name, value)
    except TypeError:  # its class has a base in C that has one, as threading.local
        thread.__dict__[name] = value


def threads(probes: Probes, threading: Any) -> Iterator[Target]:
    """Start, run, join and death of threads.

    Threads: the thread that starts a recording; the probes in any thread, without blocking.
    """
    writer, row, trouble = probes.writer, probes.row, probes.trouble
    state, worker, timer = int(Kind.STATE), int(State.WORKER), threading.Timer

    def start(thread: Any) -> None:
        try:
            kind = type(thread)
            ends = 0
            if kind is timer:
                if getattr(thread.function, "__module__", "") == "paramiko.packet":
                    set_plainly(thread, THREAD_MARK, _UNTOLD)
                    return
                ends = ENDS_PROGRAM if _ends_program(thread.function) else 0
            given = writer.reserve_thread()
            set_plainly(thread, THREAD_MARK, given)
            words = writer.text(kind.__qualname__) if kind is not threading.Thread else 0
            daemon = getattr(thread, "_daemonic", False)  # not there where __init__ was not called
            row(_START, int(daemon) | ends, 0, probes.stacks.of(_getframe(2)), given, words)
            home = getattr(getattr(thread, "_target", None), "__module__", "")
            if home == "concurrent.futures.thread":
                pool = thread._args[0]()  # a weak reference, so that a pool that nobody uses can end
                row(state, worker, probes.id_of(pool), 0, pool._max_workers, given)
            elif home == "multiprocessing.pool" and thread._target.__name__ == "worker":
                row(state, worker, probes.id_of(thread._args[0]), 0, 0, given)
            hook = getattr(thread, "_invoke_excepthook", None)
            if hook is not None:
                set_plainly(thread, "_invoke_excepthook", MethodType(dies, hook))
        except Exception as e:
            trouble("Thread.start", e)

    def dies(hook: Callable[[Any], Any], thread: Any) -> Any:
        """A thread's exception hook, which says first that an exception ends the thread."""
        try:
            error = exc_info()[1]
            if error is not None and not isinstance(error, SystemExit):
                row(_END, 1, 0, 0, 0, writer.text(describe(error)))
        except Exception as e:
            trouble("excepthook", e)
        return hook(thread)

    def begin(thread: Any) -> Any:
        try:
            number = getattr(thread, THREAD_MARK, 0)
            if number is _UNTOLD:
                return None
            writer.adopt_thread(number)
            in_name, words = name_parts(str(thread._name))
            row(_BEGIN, 0, in_name, 0, _native_id(), writer.text(words))
        except Exception as e:
            trouble("Thread begin", e)
        return thread

    def end(thread: Any, result: Any) -> Any:
        try:
            row(_END, 0, 0, 0, 0, 0)
            writer.end_thread()
        except Exception as e:
            trouble("Thread end", e)
        return result

    begins: Callable[[Any], Any] = begin
    ends_it: Callable[[Any, Any], Any] = end
    if native.rows is not None:
        current, owner = writer.current, int(Kind.OWNER) << KIND_SHIFT
        begins = native.rows.ThreadBegins(current, begin, writer.text, owner, _BEGIN << KIND_SHIFT)
        ends_it = native.rows.ThreadEnds(current, end, _END << KIND_SHIFT)

    def failed(thread: Any, _: BaseException) -> None:
        ends_it(thread, None)

    begin_join, end_join, fail_join = probes.call(
        NUMBER["Thread.join"],
        None,
        lambda thread, timeout: (milliseconds(timeout), getattr(thread, THREAD_MARK, 0) or 0),
        _ALWAYS,
    )

    def join(thread: Any, *values: Any) -> Any:
        token = begin_join(thread, *values)
        return None if token is None else (thread, token)

    def joined(pair: tuple[Any, int], result: Any) -> Any:
        thread, token = pair
        try:
            number = getattr(thread, THREAD_MARK, 0)
            if number and not thread.is_alive():
                row(_JOINED, 0, 0, 0, number, 0)
        except Exception as e:
            trouble("Thread.join", e)
        return end_join(token, result)

    def alive(thread: Any, result: Any) -> Any:
        try:
            if result is False and (number := getattr(thread, THREAD_MARK, 0)):
                row(_JOINED, 0, 0, 0, number, 0)
        except Exception as e:
            trouble("is_alive", e)
        return result

    shutdown = NUMBER["Thread.shutdown"]
    call, returned = int(Kind.CALL), int(Kind.RETURN)

    def ends() -> int | None:
        try:
            if writer.asleep:
                return None
            row(call, shutdown, 0, 0, -1, 0)  # the main thread is done and waits for those that are not daemons
        except Exception as e:
            trouble("shutdown", e)
        return 0

    def ended(_: Any, result: Any) -> Any:
        try:
            row(returned, shutdown, 0, 0, 0, 0)
        except Exception as e:
            trouble("shutdown", e)
        return result

    yield Target(threading, "_shutdown", ends, ended)
    cls = threading.Thread
    probes.defaults.append((cls, THREAD_MARK))
    yield Target(cls, "start", start)
    yield Target(cls, "_bootstrap_inner", begins, ends_it, failed)
    yield Target(cls, "join", join, joined, lambda pair, e: fail_join(pair[1], e), ("timeout",))
    yield Target(cls, "is_alive", None, alive)


def _short_ident() -> int:
    """In place of the system's number of a thread, where the platform has none."""
    return _thread.get_ident() & 0x7FFFFFFF


_native_id: Callable[[], int] = getattr(_thread, "get_native_id", _short_ident)


def _ends_program(function: Any) -> bool:
    """Whether a function, as a watchdog's, does no more than to end the program, with a word perhaps."""
    code = getattr(function, "__code__", None)
    if code is not None:
        return not _ENDS.isdisjoint(code.co_names) and _SAYS.issuperset(code.co_names)
    return getattr(function, "__name__", "") in _ENDS


_ENDS = frozenset(("_exit", "abort"))
_SAYS = _ENDS | frozenset(
    "os sys print stderr stdout write flush faulthandler dump_traceback traceback print_stack format_stack "
    "logging log logger critical error warning exception info debug getLogger".split()
)
