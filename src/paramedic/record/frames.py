"""Whose code a frame runs, and the stack of the user's frames as one number.

Caches are keyed by the ids of code objects, which are kept alive for that: the hot path is one dictionary look-up.
"""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType
from typing import Any

from paramedic.trace.writer import TraceWriter

USER, LIBRARY, STDLIB, OURS, PARAMIKO, SYNC = range(1, 7)
"""The program's own code, installed packages, the standard library, Paramedic, Paramiko, and those modules of the
standard library whose inner locks and events are not the program's (``threading``, ``queue``, ``concurrent.futures``).
None of them is 0, so that ``known.get(id(code)) or owner_of(code)`` looks a code object up once."""

DEPTH = 10
"""How many frames of the user's (and of installed packages) a stack keeps, innermost first."""

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_HAZARDS = _HERE + "hazards" + os.sep
_DEMO = os.sep + "demo.py"
_LIBRARY = os.path.dirname(os.path.abspath(os.__file__))  # not from sysconfig: that takes longer than the rest of us
_STDLIB = (_LIBRARY + os.sep, os.path.realpath(_LIBRARY) + os.sep)
_PACKAGES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_SYNC_FILES = (os.sep + "threading.py", os.sep + "queue.py")
_FUTURES = os.path.join("concurrent", "futures") + os.sep

_owners: dict[int, int] = {}
_kept: list[CodeType] = []


def owner_of(code: CodeType) -> int:
    """Whose code it is: one of the constants above.

    Threads: any; two threads may both work it out, with the same result.
    """
    known = _owners.get(id(code))
    if known is None:
        known = owner_of_file(code.co_filename)
        if known == PARAMIKO and code.co_name == "__exit__":
            known = STDLIB  # ClosingContextManager only passes on what a user's `with` asks for
        _kept.append(code)  # or another code object could get the same id
        _owners[id(code)] = known
    return known


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


class Stacks:
    """Interned stacks of one recording.

    A stack is the text ``"12 15 19"`` of its frames' text ids, innermost first; a frame is
    ``"F\\tfile\\tline\\tfunction"`` for user code and ``"L\\t…"`` for installed packages; ``"\\timport"`` follows
    where it is the body of a module that is being imported.

    Threads: any; the interning may be done twice, which costs a few bytes.
    """

    __slots__ = ("_known", "_writer")

    def __init__(self, writer: TraceWriter) -> None:
        self._writer = writer
        self._known: dict[tuple[int, ...], int] = {}

    def forget(self) -> None:
        """Intern anew: after a fork the texts go to another file."""
        self._known.clear()

    def of(self, frame: FrameType | None) -> int:
        """Text id of the stack that begins at ``frame`` and goes outwards; 0 if no user frame is on it.

        Where there is no room for it, the stack is left out.
        """
        try:
            key: list[int] = []
            add, owners = key.append, _owners
            start = frame
            while frame is not None:
                code = frame.f_code
                ident = id(code)
                owner = owners.get(ident)
                if owner is None:
                    owner = owner_of(code)
                if owner <= LIBRARY:
                    # one number for code and place: ids are multiples of 16 far apart, instructions of one function
                    # are not
                    add(ident + frame.f_lasti)
                    if len(key) == DEPTH:
                        break
                frame = frame.f_back
            if not key:
                return 0
            found = tuple(key)
            known = self._known.get(found)
            if known is None:
                known = self._intern(start, found)
            return known
        except (RecursionError, MemoryError):  # where the program is about to get its own
            return 0

    def _intern(self, frame: FrameType | None, key: tuple[int, ...]) -> int:
        ids: list[str] = []
        while frame is not None and len(ids) < DEPTH:
            owner = owner_of(frame.f_code)
            if owner <= LIBRARY:
                ids.append(str(self._frame(frame, owner)))
            frame = frame.f_back
        known = self._writer.text("S " + " ".join(ids))
        self._known[key] = known
        return known

    def _frame(self, frame: FrameType, owner: int) -> int:
        code = frame.f_code
        name: Any = getattr(code, "co_qualname", code.co_name)
        file = code.co_filename.replace("\t", " ")  # the separator
        tail = "\timport" if name == "<module>" and _is_imported(frame) else ""
        return self._writer.text(f"{'F' if owner == USER else 'L'}\t{file}\t{frame.f_lineno or 0}\t{name}{tail}")


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
