"""The line forms of thread dumps: what each tool prints, line by line.

A form knows two things: the line that begins a thread, and the lines that belong to one. Nothing here keeps state, so a
dump may be interleaved with anything; `paramedic.dump.assembly` puts the lines together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from paramedic.dump.native import native_name
from paramedic.model.finding import Site
from paramedic.model.snapshot import Frame, ObjectState


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The line that begins a thread."""

    ident: str = ""
    name: str = ""
    state: str = ""
    holds_gil: bool | None = None
    process: int | None = None


class Variable(NamedTuple):
    """A local variable of the frame before it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The source line of the frame before it, as the dump prints it."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A line that belongs to the thread and says nothing that we use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """For how long the thread has been in its call, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """The tool itself says that it left out the rest of this stack."""


@dataclass(frozen=True, slots=True)
class Native:
    """A frame of C, by its function's name; "" where that is not known."""

    name: str


Part = Frame | Variable | Source | Skip | CutOff | ObjectState | Age | Native
"""What a line inside a thread is."""

SKIP = Skip()
CUT_OFF = CutOff()


class Form(Protocol):
    """One tool's way to write a thread.

    Attributes:
        name: goes into `Snapshot.form`.
        oldest_first: the tool prints the outermost frame first.
    """

    @property
    def name(self) -> str:
        """Goes into `Snapshot.form`."""

    @property
    def oldest_first(self) -> bool:
        """Whether the outermost frame is printed first."""

    def head(self, line: str) -> Head | None:
        """The thread that this line begins, or None.

        Threads: pure.
        """

    def part(self, line: str) -> Part | None:
        """What the line is inside a thread, or None where it does not belong to one.

        Threads: pure.
        """


def _number(text: str) -> int:
    """A line number; 0 for ``???`` and for nonsense of more digits than any file has lines."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _frame(file: str, line: str, function: str) -> Frame:
    return Frame(site=Site(file=file, line=_number(line), function=function.strip()))


_WORDS: dict[str, bool | None] = {"None": None, "True": True, "False": False}


def _state(kind: str, address: str, told: str) -> ObjectState:
    values: list[tuple[str, str | int | float | bool | None]] = []
    for item in told.split():
        name, _, value = item.partition("=")
        if value in _WORDS:
            values.append((name, _WORDS[value]))
        else:
            values.append((name, _number(value) if value.isdigit() else value))
    return ObjectState(kind=kind, address=address, values=tuple(values))


@dataclass(frozen=True, slots=True)
class Faulthandler:
    """``faulthandler.dump_traceback`` of CPython 3.11 to 3.15, thread names (3.14) included.

    Threads: pure.
    """

    name: str = "faulthandler"
    oldest_first: bool = False

    _head = re.compile(
        r"(?P<current>Current thread|Thread) (?P<ident>0x[0-9a-fA-F]+)(?: \[(?P<name>.*)\])?"
        r" \(most recent call first(?P<more>[^)]*)\):?\s*$"
    )
    _alone = re.compile(r"\s*Stack \(most recent call first\):\s*$")  # with all_threads=False, or without a GIL
    _part = re.compile(r'\s*File (?:"(?P<file>.*)"|\?\?\?), line (?P<line>\d+|\?\?\?) in (?P<function>.*)$')
    _ends = re.compile(r"\s+\.\.\.$|plus \d+ frames$|\s+<(?:invalid|freed) frame>$")
    _skipped = re.compile(
        r"\s*<(?:no Python frame|freed interpreter|tstate is freed|freed thread state)>$|\s*Garbage-collecting$"
        # The section of 3.14 about the C stack of the current thread (traceback.c, _Py_DumpStack)
        r"|Current thread's C stack trace |\s+Binary file [\"']"
        r"|\s+<(?:truncated rest of calls|cannot get C stack|system ret)"
    )

    def head(self, line: str) -> Head | None:
        """See `Form`."""
        if "most recent call first" not in line:
            return None
        match = self._head.search(line)
        if match is None:
            return Head(state="current") if self._alone.match(line) else None
        return Head(
            ident=match["ident"],
            name=(match["name"] or "").strip(),
            state="current" if match["current"].startswith("Current") else "",
        )

    def part(self, line: str) -> Part | None:
        """See `Form`."""
        match = self._part.match(line)
        if match:
            return _frame(match["file"] or "", match["line"], match["function"])
        if self._ends.match(line):
            return CUT_OFF
        # (the collector at work is said by the __del__ frame as well, where there is one)
        return SKIP if self._skipped.match(line) else None


@dataclass(frozen=True, slots=True)
class PySpy:
    """``py-spy dump`` as text, with or without ``--locals`` and ``--native``.

    Threads: pure.
    """

    name: str = "py-spy"
    oldest_first: bool = False

    _head = re.compile(
        r"\s*Thread (?P<ident>0x[0-9a-fA-F]+|\d+)(?:/\S+)? \((?P<state>[a-z+]+)\)(?:: \"(?P<name>.*)\")?\s*$"
    )
    _part = re.compile(r"\s+(?P<function>\S.*?) \((?P<file>.+):(?P<line>\d+)\)\s*$")
    _variable = re.compile(r"\s{8,}(?P<name>[^\s:]+): (?P<value>.*)$")
    _object = re.compile(r"Object (?P<kind>\w+) at (?P<address>0x[0-9a-f]+): (?P<values>.*)$")  # paramedic.watch()'s
    _age = re.compile(r"\s{8}in one call for (?P<seconds>\d{1,9}(?:\.\d{1,3})?) s$")  # the same

    def head(self, line: str) -> Head | None:
        """See `Form`."""
        if "Thread " not in line:
            return None
        match = self._head.match(line)
        if match is None:
            return None
        state = match["state"]
        return Head(
            ident=match["ident"],
            name=match["name"] or "",
            state=state.partition("+")[0],
            holds_gil="+gil" in state,
        )

    def part(self, line: str) -> Part | None:
        """See `Form`."""
        if not line[:1].isspace():
            match = self._object.match(line)
            return _state(match["kind"], match["address"], match["values"]) if match else None
        if line.startswith("        "):  # frames are indented by four
            variable = self._variable.match(line)
            if variable:
                return Variable(variable["name"], variable["value"].strip())
            age = self._age.match(line)
            if age:
                return Age(seconds=float(age["seconds"]))
            if line.strip() in ("Arguments:", "Locals:"):
                return SKIP
        native = native_name(line)
        if native is not None:
            return Native(native)
        match = self._part.match(line)
        return _frame(match["file"], match["line"], match["function"]) if match else None


@dataclass(frozen=True, slots=True)
class Pystack:
    """``pystack remote`` and ``pystack core``, with or without ``--locals`` and ``--native``.

    Threads: pure.
    """

    name: str = "pystack"
    oldest_first: bool = True

    _head = re.compile(
        r"Traceback for thread (?P<ident>\d+)(?: \((?P<name>[^)]*)\))? \[(?P<state>[^\]]*)\] \(most recent call last\)"
    )
    _part = re.compile(r'\s+\(Python\) File "(?P<file>.*)", line (?P<line>\d+), in (?P<function>.*)$')
    _variable = re.compile(r"\s{8,}(?P<name>[A-Za-z_]\w*): (?P<value>.*)$")

    def head(self, line: str) -> Head | None:
        """See `Form`."""
        if "Traceback for thread" not in line:
            return None
        match = self._head.search(line)
        if match is None:
            return None
        # The name in brackets is the kernel's (pthread's), "python" for most: not the name that Python knows.
        return Head(ident=match["ident"], state=match["state"].lower(), holds_gil="Has the GIL" in match["state"])

    def part(self, line: str) -> Part | None:
        """See `Form`."""
        match = self._part.match(line)
        if match:
            return _frame(match["file"], match["line"], match["function"])
        if not line[:1].isspace():
            return None
        text = line.strip()
        if text in ("Arguments:", "Locals:") or text.startswith(("(C)", "(Other)", "(Garbage")):
            return SKIP
        variable = self._variable.match(line)
        if variable and not text.endswith(":"):
            return Variable(variable["name"], variable["value"].strip())
        return Source(text=text)


@dataclass(frozen=True, slots=True)
class Gdb:
    """gdb's ``thread apply all py-bt`` (and ``py-bt-full``, as far as its frames go).

    Threads: pure.
    """

    name: str = "gdb"
    oldest_first: bool = False

    _head = re.compile(
        r"Thread (?P<number>\d+) \((?:Thread 0x[0-9a-f]+ )?\(?LWP (?P<ident>\d+)\)?"
        r"(?: \"(?P<name>[^\"]*)\")?(?: \([^)]*\))?\):"
    )
    _part = re.compile(r'\s*(?:#\d+ )?(?:Frame 0x[0-9a-f]+, for file |File ")(?P<rest>.*)$')
    _file = re.compile(r'(?P<file>.*?)"?, line (?P<line>\d+|\?),? in (?P<function>[^\s(]+)')

    def head(self, line: str) -> Head | None:
        """See `Form`."""
        if "LWP" not in line:
            return None
        match = self._head.match(line)
        return Head(ident=match["ident"]) if match else None

    def part(self, line: str) -> Part | None:
        """See `Form`."""
        if "Traceback (most recent call first)" in line:
            return SKIP
        match = self._part.match(line)
        if match:
            found = self._file.match(match["rest"])
            return _frame(found["file"], found["line"], found["function"]) if found else SKIP
        text = line.strip()
        if text.startswith(("#", "<built-in", "Waiting for", "(frame information", "Garbage", "Unable to locate")):
            return SKIP
        return Source(text=text) if line[:1].isspace() and text else None


@dataclass(frozen=True, slots=True)
class Profiling:
    """``python -m profiling.sampling dump`` (3.15).

    Threads: pure.
    """

    name: str = "profiling.sampling"
    oldest_first: bool = True

    _head = re.compile(
        r"Stack dump(?: for PID (?P<process>\d+))?(?:, thread (?P<ident>\d+))? \((?P<state>.*)most recent call last\):"
    )
    _part = re.compile(r'\s*File "(?P<file>.*)"(?:, line (?P<line>\d+))?, in (?P<function>.*?)(?:\s\sopcode=.*)?$')

    def head(self, line: str) -> Head | None:
        """See `Form`."""
        if "Stack dump" not in line:
            return None
        match = self._head.search(line)
        if match is None:
            return None
        state = match["state"]
        process = match["process"]
        return Head(
            ident=match["ident"] or "",
            name="MainThread" if "main thread" in state else "",
            state="idle" if "idle" in state else "active",
            holds_gil="has GIL" in state,
            process=int(process) if process and len(process) < 10 else None,
        )

    def part(self, line: str) -> Part | None:
        """See `Form`."""
        match = self._part.match(line)
        if match:
            return _frame(match["file"], match["line"] or "", match["function"])
        text = line.strip()
        return Source(text=text) if line[:1].isspace() and text else None


@dataclass(frozen=True, slots=True)
class Traceback:
    """What people print from ``sys._current_frames`` with the module `traceback`, and tools that do the same.

    Covers the recipe of many answers (``# ThreadID: …``, ``File: "…"``), pytest-timeout's and hanging_threads' blocks.
    Its head is a guess: the line that a block of frames stands under and that speaks of a thread.

    Threads: pure.
    """

    name: str = "traceback"
    oldest_first: bool = True

    _part = re.compile(r'\s*File:? "(?P<file>.*)", line (?P<line>\d+), in (?P<function>.*)$')
    _short = re.compile(
        r"\s+(?P<file>\S.*\.pyw?|<[\w .-]+>):(?P<line>\d+)(?:,? in|:)? (?P<function>[A-Za-z_<][\w.<>]*)(?:\(\))?$"
    )
    _speaks = re.compile(r"\bthread|\bstack of\b|\bMainThread\b|Thread-\d|Thread\(", re.IGNORECASE)
    _not = re.compile(r"Exception (?:in|ignored)|most recent call|[Tt]raceback \(|^\s*File\b")
    _ident = re.compile(r"0x[0-9a-fA-F]+|\b\d{4,}\b")
    _name = re.compile(
        r'"(?P<quoted>[^"]+)"|\bname[=:] ?\'?(?P<named>[\w. -]+)'
        r"|<[\w.]*\((?P<repr>[^,()]+), (?:started|stopped|initial)"
        r"|\b(?P<known>(?:MainThread|Dummy-\d+|[\w.-]*Thread-\d+(?: \((?!daemon\))[^)]*\))?|[\w.-]+_\d+))"
        r"|[Ss]tack of (?P<of>.+?) \(\d"
        r"|[Tt]hread\W+\d+\W*\((?P<brackets>[^()]+)\)"
        r"|[Tt]hread:?\W{1,3}(?!(?:id|ident|name|stack|dump|trace|traceback|for|of|is|at)\b)(?P<after>[A-Za-z_][\w.-]*)"
    )
    _alone = re.compile(r"[A-Za-z_][\w.() -]{0,79}")
    _for = re.compile(r"(?:Traceback|Stack) (?:for|of) (?P<name>\S.{0,99}?) \(most recent call (?:last|first)\):?$")
    _json = re.compile(r'"[^"]+": ?\[|\],?')  # {"MainThread": [ … ], "Thread-1": [ … ]}, written over many lines
    _announces = re.compile(r"\b(?:stack|trace|traceback|frames)\W*$", re.IGNORECASE)

    def head(self, line: str) -> Head | None:
        """See `Form`; the caller must see frames follow before it believes it."""
        whose = self._for.search(line)
        if whose is not None:
            return Head(name=whose["name"])
        if len(line) > 300 or not self._speaks.search(line) or self._not.search(line):
            return None
        ident = self._ident.search(line)
        name = self._name.search(line)
        found = next((g for g in name.groups() if g), "") if name else ""
        return Head(ident=ident[0] if ident else "", name=found.strip())

    def announces(self, line: str) -> bool:
        """Whether a line speaks of a thread and says that its stack follows.

        Threads: pure.
        """
        return bool(line) and bool(self._announces.search(line)) and self.head(line) is not None

    def head_of_root(self, line: str) -> Head | None:
        """The thread whose stack begins at its root right after this line; None after an exception's words.

        Threads: pure.
        """
        if self._not.search(line):
            return None
        return self.head(line) or Head(name=line.strip() if self._alone.fullmatch(line.strip()) else "")

    def part(self, line: str) -> Part | None:
        """See `Form`."""
        match = self._part.match(line) or self._short.match(line)
        if match:
            return _frame(match["file"], match["line"], match["function"])
        text = line.strip()
        if self._for.search(text) or self._json.fullmatch(text):
            return None
        if "(most recent call last)" in text or (not text and line):
            return SKIP
        return Source(text=text) if line[:1].isspace() and text else None


FORMS: tuple[Form, ...] = (Faulthandler(), PySpy(), Pystack(), Gdb(), Profiling())
"""Forms whose heads are certain. `Traceback` is tried when none of these knows the line."""

GUESSED = Traceback()
