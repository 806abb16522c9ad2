"""Whose code a frame runs, and the stack of the user's frames as one number.

Caches are keyed by the ids of code objects, which are kept alive for that: the hot path is one dictionary look-up.
Programs may make ever new code; so what is kept is let go whenever the stacks are interned anew.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Any

from paramedic.trace import native
from paramedic.trace.writer import TraceWriter

USER, LIBRARY, STDLIB, OURS, SYNC, PARAMIKO = range(1, 7)
"""The program's own code, installed packages, the standard library, Paramedic, those modules of the standard library
whose inner locks and events are not the program's (``threading``, ``queue``, ``concurrent.futures``), and Paramiko.
None of them is 0, so that ``known.get(id(code)) or owner_of(code)`` looks a code object up once."""

DEPTH = 10
"""How many frames of the user's (and of installed packages) a stack keeps, innermost first."""

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_HAZARDS = _HERE + "hazards" + os.sep
SAFE = _HERE + "safe" + os.sep
"""Code of ours that runs in programs: what Paramiko calls there may be its own way to a watched function."""
_DEMO = os.sep + "demo.py"
_LIBRARY = os.path.dirname(os.path.abspath(os.__file__))  # not from sysconfig: that takes longer than the rest of us
_STDLIB = (_LIBRARY + os.sep, os.path.realpath(_LIBRARY) + os.sep)
_PACKAGES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_SYNC_FILES = (os.sep + "threading.py", os.sep + "queue.py")
_FUTURES = os.path.join("concurrent", "futures") + os.sep

_owners: dict[int, int] = {}
_kept: list[CodeType] = []
_former: list[CodeType] = []


def owner_of(code: CodeType) -> int:
    """Whose code it is: one of the constants above.

    Threads: any; two threads may both work it out, with the same result.
    """
    known = _owners.get(id(code))
    if known is None:
        known = owner_of_file(code.co_filename)
        _kept.append(code)  # or another code object could get the same id
        _owners[id(code)] = known
    return known


def _let_codes_go() -> None:
    global _kept, _former
    _owners.clear()
    _former, _kept = _kept, []  # until the next time: another thread may be about to store the owner of the last


def owner_of_file(path: str) -> int:
    """Whose code a file holds: one of the constants above.

    Threads: any.
    """
    if path.startswith(_HERE):
        # A hazard's proof stands for a user's program (`paramedic demo`): its lines are what the report is about.
        return USER if path.endswith(_DEMO) and path.startswith(_HAZARDS) else OURS
    if any(p in path for p in _PACKAGES):
        return PARAMIKO if path.rpartition(os.sep)[0].endswith(os.sep + "paramiko") else LIBRARY
    if path.startswith("<frozen ") or path.startswith(_STDLIB):
        return SYNC if path.endswith(_SYNC_FILES) or _FUTURES in path else STDLIB
    module = sys.modules.get("paramiko")
    home = getattr(module, "__file__", None)
    if home and path.startswith(os.path.dirname(home) + os.sep):
        return PARAMIKO  # a checkout of Paramiko, not an installed one
    return USER


_PASSES_ON = "__exit__"
"""Paramiko's ClosingContextManager closes for whoever wrote the ``with``, which may be Paramiko itself."""
_BOTTOMS = ("_bootstrap_inner", "_worker")
"""Functions of `threading` and of executors' threads below which there is nobody's code."""
_MOST_PLACES = 50_000
_SITES_PER_PLACE = 32
"""So much of a function's code counts as one place more: both take about as much memory."""
_RESUMES = 0x20 | 0x80 | 0x200
"""Flags of generators and coroutines, which go on under another caller."""

SILENT = -1
"""In place of a stack: who called is not to be recorded."""


class _Lines:
    """The stacks of one function, called from one place by one stack of callers, by the instruction that it is at.

    Those who called a running function stay where they are until it returns. So what was found for it once is kept with
    its frame: where a debugger puts the function that it wants to be called for each line, because that is the one
    thing of a frame that can be set and goes with it. If somebody traces the program later, it is called and says
    nothing; a debugger that asks whether there is one finds it false, and puts its own there.

    Attributes:
        sites: the stacks, by the instruction; None where there is none yet. A list, because the interpreter looks into
            one much quicker than into a dictionary of numbers; it ends with the last instruction that has one.
        calls: what it calls, by the instruction and then by the id of the code.
        code: the function's; kept, or another one could get the same id.
        keep: whether it can be kept with its frame.
        apart: None, or of a function whose calls some do not record, by ``silent`` what is else in ``sites``.
    """

    __slots__ = ("apart", "calls", "code", "keep", "sites")
    sites: list[int | None]
    calls: dict[int, _Callees]
    code: CodeType
    keep: bool
    apart: dict[int, list[int | None]] | None

    def __bool__(self) -> bool:
        return False

    def __call__(self, *_: object) -> None:
        return None


_Callees = dict[int, _Lines]


class Stacks:
    """Interned stacks of one recording.

    A stack is the text ``"12 15 19"`` of its frames' text ids, innermost first; a frame is
    ``"F\\tfile\\tline\\tfunction"`` for user code and ``"L\\t…"`` for installed packages; ``"\\timport"`` follows
    where it is the body of a module that is being imported.

    Known calls are a tree that begins with the outermost; the place of a running function in it is kept with its frame.

    Attributes:
        kept: in its one place, the type of what is kept with frames; its values are never `SILENT`.
        of: the text id of the stack that begins at a frame and goes outwards; 0 if no user frame is on it, or where
            there is no room for it.

    Threads: any; the interning may be done twice, which costs a few bytes.
    """

    __slots__ = ("_count", "_outermost", "_walkers", "_writer", "kept", "of")

    def __init__(self, writer: TraceWriter) -> None:
        self._writer = writer
        self._walkers: dict[int, Callable[[FrameType | None], int]] = {}
        self._outermost: _Callees = {}
        self._count = 0
        self.kept: list[Any] = [type("_Lines", (_Lines,), {"__slots__": ()})]
        self.of = self.walker(PARAMIKO + 1)

    def forget(self) -> None:
        """Intern anew: after a fork the texts go to another file."""
        self._count = 0
        self.kept[0] = type("_Lines", (_Lines,), {"__slots__": ()})  # those that frames have kept are not good
        left = list(self._outermost.values())
        self._outermost.clear()
        while left:  # rewritten code looks only whether they say something
            lines = left.pop()
            lines.sites.clear()
            for called in list(lines.calls.values()):
                left += called.values()
        _let_codes_go()

    def walker(self, silent: int) -> Callable[[FrameType | None], int]:
        """As `of`, but the result is `SILENT` where the frame is of this owner or beyond."""
        known = self._walkers.get(silent)
        if known is not None:
            return known
        unknown, good, traced, outermost = self._intern, self.kept, sys.gettrace, self._outermost
        is_silent = _is_silent

        def lines_of(frame: Any) -> Any:
            """What is kept with the frame, or can be, so that those that it calls need not look beyond it."""
            inner = []
            lines: Any = None
            while frame is not None:
                lines = frame.f_trace
                if type(lines) is good[0]:
                    break
                inner.append((frame, lines))
                lines, frame = None, frame.f_back
            while inner:
                callees = outermost if lines is None else lines.calls[frame.f_lasti]
                frame, set_by_others = inner.pop()
                lines = callees[id(frame.f_code)]
                if lines.keep and not set_by_others and traced() is None:
                    frame.f_trace = lines
            return lines

        def stack_of(frame: Any) -> int:
            try:
                lines = frame.f_trace
                if type(lines) is not good[0]:
                    outer = frame.f_back
                    if outer is None or type(outer.f_trace) is not good[0]:
                        if is_silent(frame, outer, silent):  # no place in the tree is needed to know that
                            return SILENT
                        lines = lines_of(frame)
                    else:  # as `lines_of`: most calls come from a function that one that has made calls has called
                        called = outer.f_trace.calls[outer.f_lasti][id(frame.f_code)]
                        if called.keep and not lines and traced() is None:
                            frame.f_trace = called
                        lines = called
                known = (lines.sites if lines.apart is None else lines.apart[silent])[frame.f_lasti]
                return known if known is not None else unknown(frame, silent)
            except (KeyError, IndexError, AttributeError) as e:
                if e.__traceback__ is not None and e.__traceback__.tb_next is not None and not _is_ours(e):
                    raise  # a signal handler's
                return unknown(frame, silent)

        walk: Callable[[FrameType | None], int] = stack_of
        if native.rows is not None:
            walk = native.rows.Walker(good, stack_of, outermost, silent)
        self._walkers[silent] = walk
        return walk

    def of_frames(self, frames: Iterable[FrameType]) -> int:
        """As `of`, of frames that nothing links: those of coroutines that wait; innermost first."""
        owned = ((frame, owner_of(frame.f_code)) for frame in frames)
        return self._stack([str(self._frame(f, owner)) for f, owner in owned if owner <= LIBRARY][:DEPTH])

    def _intern(self, frame: FrameType | None, silent: int) -> int:
        try:
            if frame is None:
                return 0
            if self._count > _MOST_PLACES:  # code that recurses, or makes ever new code
                self.forget()
            return self._add(frame, silent)
        except (RecursionError, MemoryError):  # where the program is about to get its own
            return 0

    def _add(self, frame: FrameType, silent: int) -> int:
        owner, here = owner_of(frame.f_code), frame.f_back
        words = [str(self._frame(frame, owner))] if owner <= LIBRARY else []
        is_silent = _is_silent(frame, here, silent)
        while here is not None and len(words) < DEPTH:
            outer = owner_of(here.f_code)
            if outer <= LIBRARY:
                words.append(str(self._frame(here, outer)))
            elif outer == SYNC and here.f_code.co_name in _BOTTOMS:
                break
            here = here.f_back
        stack: int = SILENT if is_silent else self._stack(words)
        lines = self._lines(frame)
        self._count += 1
        sites = lines.sites if lines.apart is None else lines.apart.setdefault(silent, [])
        missing = frame.f_lasti + 1 - len(sites)
        if missing > 0:
            sites.extend([None] * missing)
            self._count += missing // _SITES_PER_PLACE
        sites[frame.f_lasti] = stack
        return stack

    def _lines(self, frame: FrameType) -> _Lines:
        """The place of a running function in the tree, with all that lead there."""
        inner: list[FrameType] = []
        here: FrameType | None = frame
        lines: Any = None
        while here is not None:
            lines = here.f_trace
            if type(lines) is self.kept[0]:
                break
            inner.append(here)
            lines, here = None, here.f_back
        for called in reversed(inner):
            callees: _Callees = self._outermost
            if lines is not None and here is not None:
                callees = lines.calls.setdefault(here.f_lasti, {})
            code, here = called.f_code, called
            lines = callees.get(id(code))
            if lines is None:
                owner = owner_of(code)
                fresh = self.kept[0]()
                fresh.code = code
                fresh.sites = []
                fresh.calls = {}
                fresh.keep = (owner < OURS or owner == SYNC) and not code.co_flags & _RESUMES
                fresh.apart = None if owner < OURS else {}
                lines = callees.setdefault(id(code), fresh)
                self._count += 1
        made: _Lines = lines
        return made

    def _stack(self, words: list[str]) -> int:
        return self._writer.text("S " + " ".join(words)) if words else 0

    def _frame(self, frame: FrameType, owner: int) -> int:
        code = frame.f_code
        name: Any = getattr(code, "co_qualname", code.co_name)
        file = code.co_filename.replace("\t", " ")  # the separator
        tail = "\timport" if name == "<module>" and _is_imported(frame) else ""
        return self._writer.text(f"{'F' if owner == USER else 'L'}\t{file}\t{frame.f_lineno or 0}\t{name}{tail}")


def _is_silent(frame: FrameType, outer: FrameType | None, silent: int) -> bool:
    """Whether what a frame calls is not to be recorded, by whose code it runs."""
    code = frame.f_code
    owner = _owners.get(id(code)) or owner_of(code)
    while owner == OURS and outer is not None and silent == PARAMIKO:  # paramedic.safe's: who calls by way of it?
        frame, outer = outer, outer.f_back
        code = frame.f_code
        owner = owner_of(code)
    if owner < silent:
        return False
    return outer is None or code.co_name != _PASSES_ON or owner_of(outer.f_code) >= silent


def _is_ours(error: BaseException) -> bool:
    """Whether it came up in this module."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename == owner_of.__code__.co_filename:
        traceback = traceback.tb_next
    return traceback is None


def _is_imported(frame: FrameType) -> bool:
    """Whether a module's body runs because of an import, and not as a program or by ``exec``."""
    outer = frame.f_back
    for _ in range(3):  # importlib's own, or first a loader that somebody else has written: pytest's
        if outer is None:
            break
        if outer.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        outer = outer.f_back
    return False
