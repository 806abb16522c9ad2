"""Exceptions that come from outside into the middle of our code, and what they must not break.

A signal handler may raise between any two of our instructions (Ctrl-C does), and so may whoever uses
``PyThreadState_SetAsyncExc``. Such an exception is the program's: it goes on to the program, without our frames in its
traceback. Every other exception that comes up in a probe is an error of ours and ends there.

CPython looks for signals when a Python function begins, after a call, and at the end of a loop's turn; not after a
``with`` statement has called ``__enter__``, nor between the next item of an iterator and its assignment (ceval.c,
3.11 to 3.14). That is why ``with lock:`` never loses a lock of C's, and what the stand-ins in `paramedic.record.locks`
are built on.

Threads: any; nothing here blocks.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` imports `enum`
import sys
from collections.abc import Callable, Iterator
from struct import error as struct_error
from types import CodeType
from typing import Any, TypeVar

from paramedic.record.frames import OURS, owner_of

_Function = TypeVar("_Function", bound=Callable[..., Any])

NO_ROOM = (RecursionError, MemoryError)
"""Errors after which nothing more may be called."""
_MAY_BE_OURS = frozenset(
    (*NO_ROOM, TypeError, AttributeError, KeyError, IndexError, ValueError, OverflowError, RuntimeError, OSError)
) | {NameError, UnboundLocalError, AssertionError, UnicodeEncodeError, UnicodeDecodeError, StopIteration, struct_error,
     ImportError, ModuleNotFoundError}  # fmt: skip


def reaches_program(error: BaseException) -> bool:
    """Whether an exception that was caught in a probe is the program's, and to be raised again with a bare ``raise``.

    If so, our frames are taken out of its traceback; the bare ``raise`` adds none.
    """
    traceback = error.__traceback__
    while traceback is not None and owner_of(traceback.tb_frame.f_code) == OURS:
        traceback = traceback.tb_next
    if isinstance(error, Exception):
        if traceback is None:
            if type(error) in _MAY_BE_OURS:
                return False
        elif traceback.tb_frame.f_code not in _signal_handlers():
            return False  # something of the program's that we have called: a __str__
    error.__traceback__ = traceback
    return True


def without_us(error: BaseException) -> None:
    """Take our frames out of the traceback of the program's own exception, before a bare ``raise``."""
    traceback = error.__traceback__
    while traceback is not None and owner_of(traceback.tb_frame.f_code) == OURS:
        traceback = traceback.tb_next
    error.__traceback__ = traceback


def is_on_way_out() -> bool:
    """Whether the calling thread handles, or leaves blocks for, Ctrl-C or something else that a signal handler raised.

    Threads: any; does not block.
    """
    error, older = sys.exc_info()[1], _MOST_CONTEXTS
    while error is not None and older:
        if isinstance(error, KeyboardInterrupt):
            return True
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        if traceback is not None and traceback.tb_frame.f_code in _signal_handlers():
            return True
        error, older = error.__context__, older - 1
    return False


_MOST_CONTEXTS = 8


def is_broken_off() -> bool:
    """Whether an exception that nobody caught, Ctrl-C included, has ended the main thread, at the interpreter's end.

    The interpreter keeps its traceback (``sys.last_traceback``), as test runners do with those of failed tests, which
    do not begin in the program's first module.

    Threads: any; does not block.
    """
    traceback = getattr(sys, "last_traceback", None)
    return traceback is not None and traceback.tb_frame.f_globals.get("__name__") in ("__main__", "runpy")


def _signal_handlers() -> set[CodeType]:
    found = set()
    for number in _signal.valid_signals():
        handler: Any = _signal.getsignal(number)
        while hasattr(handler, "func"):  # functools.partial
            handler = handler.func
        if callable(handler) and not isinstance(handler, type):
            called = handler if hasattr(handler, "__code__") or hasattr(handler, "__func__") else type(handler).__call__
            code = getattr(getattr(called, "__func__", called), "__code__", None)
            if code is not None:
                found.add(code)
    return found


def from_the_start(function: _Function) -> _Function:
    """Have the ``try`` statement that a function begins with hold from its very first instruction.

    Otherwise an exception of a signal handler that runs as the function begins would pass the ``try`` by.
    """
    code: CodeType = function.__code__
    try:
        numbers = list(_numbers(code.co_exceptiontable))
        start, length, target, depth = numbers[:4]
        if depth >> 1 == 0:  # nothing on the stack: as at the start
            numbers[:4] = 0, start + length, target, depth
            function.__code__ = code.replace(co_exceptiontable=_table(numbers))
    except (ValueError, IndexError, StopIteration):  # a format that we do not know
        pass
    return function


def _numbers(table: bytes) -> Iterator[int]:
    """The exception table's numbers, four for each entry (CPython, InternalDocs/exception_handling.md)."""
    value = 0
    for byte in table:
        value = value << 6 | byte & 63
        if not byte & 64:
            yield value
            value = 0


def _table(numbers: list[int]) -> bytes:
    table = bytearray()
    for position, value in enumerate(numbers):
        digits = [value & 63]
        while value := value >> 6:
            digits.append(value & 63 | 64)
        digits.reverse()
        digits[0] |= 0 if position % 4 else 128  # an entry begins
        table += bytes(digits)
    return bytes(table)
