"""Threads: where they are started, run, are waited for and end.

Threads: the probes run in any thread of the program's and do not block; making them is the recorder's start.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable, Iterator
from sys import _getframe, exc_info
from typing import Any

from paramedic.model.event import ENDS_PROGRAM, Kind, State
from paramedic.model.operations import NUMBER
from paramedic.record.frames import PARAMIKO
from paramedic.record.patches import Target
from paramedic.record.probe import Probes, describe, milliseconds

_START, _BEGIN, _END, _JOINED = (int(k) for k in (Kind.START, Kind.BEGIN, Kind.END, Kind.JOINED))
THREAD_MARK = "_paramedic_thread_"
"""Attribute of a thread that has been started: its number."""
_UNTOLD = "_paramedic_untold_"
"""Attribute of the threads with which Paramiko limits its handshakes (packet.py `Packetizer.start_handshake`): each
connect starts one, which sleeps and sets a flag. To record
it would tell nothing, and is a good part of what a connect costs us."""
_ALWAYS = PARAMIKO + 1


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
                    thread.__dict__[_UNTOLD] = True
                    return
                ends = ENDS_PROGRAM if _ends_program(thread.function) else 0
            thread.__dict__[THREAD_MARK] = given = writer.reserve_thread()
            words = writer.text(kind.__qualname__) if kind is not threading.Thread else 0
            daemon = thread.__dict__.get("_daemonic", False)  # not there where __init__ was not called
            row(_START, int(daemon) | ends, 0, probes.stacks.of(_getframe(2)), given, words)
            home = getattr(getattr(thread, "_target", None), "__module__", "")
            if home == "concurrent.futures.thread":
                pool = thread._args[0]()  # a weak reference, so that a pool that nobody uses can end
                row(state, worker, probes.id_of(pool), 0, pool._max_workers, given)
            elif home == "multiprocessing.pool" and thread._target.__name__ == "worker":
                row(state, worker, probes.id_of(thread._args[0]), 0, 0, given)
            hook = thread.__dict__.get("_invoke_excepthook")
            if hook is not None:
                thread._invoke_excepthook = _told(hook, row, writer, trouble)
        except Exception as e:
            trouble("Thread.start", e)

    def begin(thread: Any) -> Any:
        try:
            if _UNTOLD in thread.__dict__:
                return None
            writer.adopt_thread(thread.__dict__.get(THREAD_MARK, 0))
            row(_BEGIN, 0, 0, 0, _native_id(), writer.text(str(thread._name)))
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

    def failed(thread: Any, _: BaseException) -> None:
        end(thread, None)

    begin_join, end_join, fail_join = probes.call(
        NUMBER["Thread.join"],
        None,
        lambda thread, timeout: (milliseconds(timeout), thread.__dict__.get(THREAD_MARK, 0)),
        _ALWAYS,
    )

    def join(thread: Any, *values: Any) -> Any:
        token = begin_join(thread, *values)
        return None if token is None else (thread, token)

    def joined(pair: tuple[Any, int], result: Any) -> Any:
        thread, token = pair
        try:
            number = thread.__dict__.get(THREAD_MARK)
            if number is not None and not thread.is_alive():
                row(_JOINED, 0, 0, 0, number, 0)
        except Exception as e:
            trouble("Thread.join", e)
        return end_join(token, result)

    def looked(thread: Any) -> Any:
        return thread

    def alive(thread: Any, result: Any) -> Any:
        try:
            number = thread.__dict__.get(THREAD_MARK)
            if result is False and number is not None:
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
    yield Target(cls, "start", start)
    yield Target(cls, "_bootstrap_inner", begin, end, failed)
    yield Target(cls, "join", join, joined, lambda pair, e: fail_join(pair[1], e), ("timeout",))
    yield Target(cls, "is_alive", looked, alive)


def _told(
    hook: Callable[[Any], Any], row: Callable[..., None], writer: Any, trouble: Callable[[str, BaseException], None]
) -> Callable[[Any], Any]:
    """The thread's exception hook, which says first that an exception ends the thread."""

    def invoke_excepthook(thread: Any) -> Any:
        try:
            error = exc_info()[1]
            if error is not None and not isinstance(error, SystemExit):
                row(_END, 1, 0, 0, 0, writer.text(describe(error)))
        except Exception as e:
            trouble("excepthook", e)
        return hook(thread)

    return invoke_excepthook


def _short_ident() -> int:
    """In place of the system's number of a thread, where the platform has none."""
    return _thread.get_ident() & 0x7FFFFFFF


_native_id: Callable[[], int] = getattr(_thread, "get_native_id", _short_ident)


def _ends_program(function: Any) -> bool:
    """Whether a function, as a watchdog's, does hardly more than to end the program."""
    code = getattr(function, "__code__", None)
    if code is not None:
        return not _ENDS.isdisjoint(code.co_names) and len(code.co_names) <= _FEW_NAMES
    return getattr(function, "__name__", "") in _ENDS


_ENDS = frozenset(("_exit", "abort"))
_FEW_NAMES = 6
