"""Whether a function has looked, again and again, whether something was so, before it made the call that it is at.

``while len(results) < 3: time.sleep(0.1)`` waits for other threads on a way that leaves no trace: the list is the
message. What comes after such a loop may be ordered with them although nothing that is recorded says so.

Threads: any; nothing here blocks.
"""

from __future__ import annotations

import dis
from collections.abc import Iterable
from itertools import pairwise
from sys import gettrace
from types import CodeType, FunctionType
from typing import Any

from paramedic.record.frames import USER, owner_of

_RESTS = frozenset(("sleep", "wait"))
_OPTIMIZED = 0x1
_ASKS_FOR_VARIABLES = frozenset(("locals", "vars", "dir", "eval", "exec", "f_locals", "currentframe", "_getframe"))
_MOST_FRAMES = 20

_MOST_CODES = 5_000
"""A program may make ever new code."""

_loops: dict[int, tuple[CodeType, list[tuple[int, int]]]] = {}
"""By the id of the code, with the code: or another one could get the same id."""
_places: dict[tuple[int, int], bool] = {}
"""What was found for a function at an instruction: what it has called before is nearly always of the same kinds."""


def has_looked(frame: Any) -> bool:
    """Whether the functions of the user's own that led to a call have waited by looking before.

    Args:
        frame: of the function that makes the call. What it and its callers have called before counts, too, where it
            can be found by its name.
    """
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return False
        code = frame.f_code
        if owner_of(code) == USER:
            place = id(code), frame.f_lasti
            found = _places.get(place)
            if found is None:
                found = any(end < frame.f_lasti for _, end in loops(code)) or _has_called(frame)
                _places[place] = found
            if found:
                return True
        frame = frame.f_back
    return False


def loops(code: CodeType) -> list[tuple[int, int]]:
    """Loops of a function that rest between looks and end by what they see: from and to which instruction."""
    known = _loops.get(id(code))
    if known is None:
        if len(_loops) >= _MOST_CODES:
            _places.clear()
            _loops.clear()
        known = _loops[id(code)] = code, list(_found(code)) if _RESTS.intersection(code.co_names) else []
    return known[1]


def _found(code: CodeType) -> list[tuple[int, int]]:
    instructions = list(dis.get_instructions(code))
    found = []
    for back in instructions:
        if not _jumps(back) or back.argval > back.offset:
            continue
        start, end = back.argval, back.offset
        inside = [i for i in instructions if start <= i.offset <= end]
        if inside[0].opname in ("SEND", "GET_ANEXT") or not any(_loads(i, _RESTS) for i in inside):
            continue
        ways_out = [i for i in inside[1:] if i.opname.startswith("RETURN_") or _jumps(i) and i.argval > end]
        if inside[0].opname == "FOR_ITER":
            looks = _are_chosen(ways_out, inside)  # else it goes through something, as those do that try again
        else:
            looks = "_IF_" in back.opname or bool(ways_out)  # a test at the loop's end, or a way out of its middle
        if looks:
            found.append((start, end))
    return found


def _are_chosen(ways_out: list[dis.Instruction], inside: list[dis.Instruction]) -> bool:
    """Whether a loop is left after a test, which is none of what kind of exception there is."""
    tests = [i for last, i in pairwise(inside) if "_IF_" in i.opname and last.opname != "CHECK_EXC_MATCH"]
    return any(test is way or test.offset < way.offset < test.argval for way in ways_out for test in tests)


def _jumps(instruction: dis.Instruction) -> bool:
    return instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs


def _loads(instruction: dis.Instruction, names: Iterable[str]) -> bool:
    return instruction.opname.startswith("LOAD_") and instruction.argval in names


def _has_called(frame: Any) -> bool:
    """Whether functions that have such loops are named before the instruction that a frame is at."""
    code, known = frame.f_code, frame.f_globals
    names = frozenset(code.co_names)
    found = {name for name in names if _loops_in(known.get(name))}
    for kind in _kinds(frame):
        for base in kind.__mro__:
            if base is not object:
                found.update(name for name, function in vars(base).items() if name in names and _loops_in(function))
    if not found:
        return False
    return any(_loads(i, found) for i in dis.get_instructions(code) if i.offset < frame.f_lasti)


def _kinds(frame: Any) -> set[type]:
    """The classes of what a function's variables hold.

    To ask a function for its variables has the interpreter keep their values beside them until it returns: what the
    program lets go of would live on. So they are thrown away again, unless the program may know them.
    """
    variables = frame.f_locals
    kinds = {type(value) for value in variables.values()}
    code = frame.f_code
    if (
        type(variables) is dict  # else it is a view, as of Python 3.13
        and code.co_flags & _OPTIMIZED  # a module's variables are these
        and gettrace() is None  # a debugger puts them back
        and not _ASKS_FOR_VARIABLES.intersection(code.co_names)
    ):
        variables.clear()
    return kinds


def _loops_in(function: object) -> bool:
    if not isinstance(function, FunctionType) or not _RESTS.intersection(function.__code__.co_names):
        return False
    return owner_of(function.__code__) == USER and bool(loops(function.__code__))
