"""From lines to snapshots: streaming, with bounded memory, whatever stands between the dumps.

`read_snapshots` takes the lines of a log or of a dump and yields each thread dump as soon as it is complete. Lines of
different streams (containers, processes) are put together apart from each other.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from paramedic.dump.forms import FORMS, GUESSED, Age, CutOff, Form, Head, Native, Part, Source, Variable
from paramedic.dump.native import waits_in
from paramedic.dump.prefix import Unwrapper
from paramedic.model.report import Gap
from paramedic.model.snapshot import Frame, ObjectState, Snapshot, ThreadStack

MAX_FRAMES = 400
"""Frames that are kept of each end of a stack; endless recursion says nothing more with the rest."""
MAX_VARIABLES = 200
MAX_THREADS = 100_000
MAX_LINE = 20_000
MAX_STREAMS = 64
MAX_COMMAND = 4096
MAX_FOREIGN = 8
"""So many lines of somebody else's in the middle of a thread end it."""

ROOTS = frozenset({"<module>", "_bootstrap", "__bootstrap", "_shutdown", "_python_exit"})
"""Functions at the outer end of a stack that is whole."""

_HEAD = re.compile(r"hread (?:0x)?[\da-f]+(?:/\S+)? \(|Process \d+: ")
_WORDS = ("most recent call", "Stack dump", "LWP ", "Timeout (", "Fatal Python", "# Thread", "<FrameSummary ")
_FILES = (
    'File "',
    'File: "',
    'File \\"',
    'File: \\"',
    "File &quot;",
    "File: &quot;",
    '"MESSAGE":[',
    '"MESSAGE": [',
    '"MESSAGE" : [',
)
"""What the first certain line of a dump has; the rest of a log is passed over at this price."""


def _may_begin(line: str) -> bool:
    if any(w in line for w in _WORDS) or (line[:1] in _INDENTS and ".py:" in line):
        return True
    if ("File" in line or "MESSAGE" in line) and any(w in line for w in _FILES):
        return True
    return ("hread " in line or "Process " in line) and bool(_HEAD.search(line))


_INDENTS = (" ", "\t")
_BEFORE = 4
"""So many lines before that may be its head: what stands above the first frame where that is printed by hand."""
_BEGINS = re.compile(r"Process (?P<process>\d+): |Timeout \(\d+:\d\d:\d\d|Fatal Python error: ")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*")


def bare(function: str) -> str:
    """The function's own name: ``recv`` for ``Channel.recv``, ``pump`` for ``main.<locals>.pump``.

    Threads: pure.
    """
    return function if function.endswith(">") and "." not in function else function.rpartition(".")[2]


@dataclass(slots=True)
class _Thread:
    """A thread whose lines are still coming."""

    head: Head
    form: Form
    first: list[Frame] = field(default_factory=list)
    last: list[Frame] = field(default_factory=list)
    left_out: int = 0
    cut_off: bool = False
    in_call_s: float | None = None
    native: list[str] = field(default_factory=list)
    variables: list[tuple[str, str]] = field(default_factory=list)  # of the last frame, which are still coming

    def add(self, frame: Frame) -> None:
        if self.variables:
            self._settle()
        if len(self.first) < MAX_FRAMES:
            self.first.append(frame)
            return
        self.last.append(frame)
        if len(self.last) > 2 * MAX_FRAMES:
            self.left_out += MAX_FRAMES
            del self.last[:MAX_FRAMES]

    def take(self, part: Part) -> None:
        """The next line of the thread."""
        if isinstance(part, Variable):
            if self.first and len(self.variables) < MAX_VARIABLES:
                self.variables.append((part.name, part.value))
        elif isinstance(part, Frame):
            self.add(part)
        elif isinstance(part, Age):
            self.in_call_s = part.seconds
        elif isinstance(part, Native):
            if not self.first:  # what the innermost frame has called
                self.native.append(part.name)
        elif isinstance(part, CutOff):
            self.cut_off = True
        elif isinstance(part, Source):
            frames = self.last or self.first
            if frames:
                frames[-1] = replace(frames[-1], source=frames[-1].source or part.text)

    def _settle(self) -> None:
        """The last frame has all its variables. (One at a time it would be made anew for each.)"""
        frames = self.last or self.first
        frames[-1] = Frame(site=frames[-1].site, variables=tuple(self.variables), source=frames[-1].source)
        self.variables.clear()

    def done(self) -> ThreadStack:
        if self.variables:
            self._settle()
        frames = [*self.first, *self.last]
        if frames:
            ends = [bare(frames[0].site.function) in ROOTS, bare(frames[-1].site.function) in ROOTS]
            oldest_first = self.form.oldest_first if ends[0] == ends[1] else ends[0]
            if oldest_first:
                frames.reverse()
        head = self.head
        return ThreadStack(
            ident=head.ident,
            name=head.name,
            frames=tuple(frames),
            holds_gil=head.holds_gil,
            state=head.state,
            cut_off=self.cut_off,
            in_call_s=self.in_call_s,
            system_call=waits_in(self.native),
        )


_TORN = re.compile(
    r"(?:Current )?Thread (?:0x[\da-fA-F]*|\d*)(?:/\S*)?(?: [(\[].*)?|Traceback for thread (?:\d.*)?"  # a head
    r"|\s+(?:\(Python\) )?(?:File:? .*|[\w.<>]+(?: \([^)]*)?)?"  # a frame
)
_HEADS = ("Thread ", "Current thread ", "Traceback for thread ")


def _is_torn(line: str) -> bool:
    """Whether an unfinished last line of the input is the beginning of a line of a dump's.

    A log line that the program itself left without its end says nothing of the kind.
    """
    return bool(line) and (bool(_TORN.fullmatch(line)) or any(h.startswith(line) for h in _HEADS))


class _Stream:
    """The lines of one stream (one container, one process), put together."""

    def __init__(self, key: str) -> None:
        self.complete: list[Snapshot] = []
        self._key = key
        self._start_again()

    def _start_again(self) -> None:
        self._threads: list[ThreadStack] = []
        self._idents: set[str] = set()
        self._thread: _Thread | None = None
        self._form: Form | None = None
        self._process: int | None = None
        self._command = ""
        self._at = ""
        self._first_line = 0
        self._gaps: list[Gap] = []
        self._objects: list[ObjectState] = []
        self._blank_before = False
        self._spaced = False  # this dump has an empty line before each thread but the first
        self._foreign = 0
        self._before = ("", 0)  # the last line that belongs to no thread, and its number
        self._broken = False  # such a line came since the last frame
        self._trailing = ""  # the last line, if it belongs to nothing

    def feed(self, number: int, line: str) -> None:
        """The next line; what it completes is in `complete`."""
        text = line.rstrip()
        if not text:
            self._blank_before = True
            return
        head, form = self._head(text)
        self._trailing = ""
        if head is not None and form is not None:
            self._begin(number, head, form)
        elif not self._part(number, text):
            self._trailing = text
            self._foreign_line(number, text)
        self._blank_before = False

    @property
    def idle(self) -> bool:
        """Whether it has nothing that later lines could belong to."""
        return self._thread is None and not self._threads and not self._first_line

    def finish(self, *, input_ended: bool, in_a_line: bool = False) -> None:
        """What is there becomes a snapshot; the input may have ended in the middle of it, or even of a line."""
        thread = self._thread
        self._close_thread()
        if input_ended and thread is not None and self._threads:
            last = self._threads[-1]
            whole = last.frames and bare(last.frames[-1].site.function) in ROOTS
            if thread.form.oldest_first and last.frames:
                whole = True  # it begins with the root; whether the end is missing cannot be seen
            if not whole and not (last.frames == () and thread.form.name == "faulthandler"):
                name = last.name or last.ident or "the last thread"
                self._threads[-1] = replace(last, cut_off=True)
                self._gaps.append(Gap(reason="cut-off", detail=f"the dump ends in the middle of thread {name}"))
        if in_a_line and self._threads and _is_torn(self._trailing) and not self._gaps:
            self._gaps.append(Gap(reason="cut-off", detail="the dump ends in the middle of a line"))
        if self._threads and any(t.frames for t in self._threads):
            self.complete.append(
                Snapshot(
                    form=self._form.name if self._form else "",
                    threads=tuple(self._threads),
                    process=self._process,
                    command=self._command,
                    at=self._at,
                    first_line=self._first_line,
                    stream=self._key,
                    gaps=tuple(self._gaps),
                    objects=tuple(self._objects),
                )
            )
        self._start_again()

    def _head(self, text: str) -> tuple[Head | None, Form | None]:
        if "hread" in text or "Stack" in text:
            for form in FORMS:
                head = form.head(text)
                if head is not None:
                    return head, form
        return None, None

    def _begin(self, number: int, head: Head, form: Form) -> None:
        if self._thread is not None and not self._thread.first:
            self._idents.discard(self._thread.head.ident)  # faulthandler's of a thread that starts: it is its maker's
        open_frames = self._thread is not None or bool(self._threads)
        unspaced = self._spaced and not self._blank_before and self._foreign == 0
        if open_frames and (
            self._form is not form
            or (head.ident and head.ident in self._idents)
            or (unspaced and form.name == "faulthandler")
            or (head.process is not None)
            or len(self._threads) >= MAX_THREADS
        ):
            fresh = not self._threads and self._thread is None
            process, command = (self._process, self._command) if fresh else (None, "")
            self.finish(input_ended=False)
            self._process, self._command = process, command
        elif open_frames and self._blank_before:
            self._spaced = True
        self._close_thread()
        if not self._first_line:
            self._first_line = number
        self._form = form
        self._process = head.process or self._process
        self._thread = _Thread(head, form)
        if head.ident:
            self._idents.add(head.ident)
        self._foreign = 0
        self._broken = False

    def _part(self, number: int, text: str) -> bool:
        thread = self._thread
        form = thread.form if thread is not None else GUESSED
        part = form.part(text)
        if form is GUESSED and isinstance(part, Frame):
            return self._printed_frame(number, part)
        if thread is None or part is None:
            return False
        if form is GUESSED and self._blank_before and not text[:1].isspace():
            return False
        if isinstance(part, ObjectState):
            self._objects.append(part)
        else:
            thread.take(part)
        self._foreign = 0
        return True

    def _printed_frame(self, number: int, frame: Frame) -> bool:
        """A frame as `traceback` prints it: of the thread that is open, or the first of one whose head is a guess.

        A head is believed if it speaks of a thread, or if the stack begins where every thread's begins. Exceptions'
        tracebacks do not: they lack the frame of ``_bootstrap``, and words of their own stand before them.
        """
        thread = self._thread
        root = bare(frame.site.function) == "_bootstrap" and frame.site.file.endswith("threading.py")
        if root and thread is not None and thread.first:  # newest first it ends a stack
            root = bare((thread.last or thread.first)[-1].site.function) != "_bootstrap_inner"
        if thread is not None and thread.form is GUESSED and not self._broken and not (root and thread.first):
            thread.add(frame)
            self._foreign = 0
            return True
        line, at = self._before
        near = number - at <= _BEFORE
        head = GUESSED.head(line) if near else None
        if head is None and (root or (frame.site.function == "<module>" and self._form is GUESSED and self._threads)):
            head = GUESSED.head_of_root(line if near else "")
        if head is None:
            self._close_thread()
            return False
        self._begin(number, head, GUESSED)
        assert self._thread is not None
        self._thread.add(frame)
        return True

    def taken(self) -> list[Snapshot]:
        """The snapshots that are complete; they are forgotten here."""
        complete, self.complete = self.complete, []
        return complete

    def _foreign_line(self, number: int, text: str) -> None:
        begins = _BEGINS.search(text) if "Process" in text or "Timeout" in text or "Fatal" in text else None
        if begins:
            self.finish(input_ended=False)
            process = begins["process"]
            self._process = int(process) if process and len(process) < 10 else None
            self._command = text[begins.end() :].strip()[:MAX_COMMAND] if process else ""
            self._at = text.strip()[:200] if not process else ""
            self._first_line = number
            return
        if text.strip() == "..." and self._form is not None and self._form.name == "faulthandler":
            detail = "faulthandler stops after 100 threads; the others are not shown"
            self._gaps.append(Gap(reason="threads-left-out", detail=detail))
            return
        if text.startswith("<Cannot show all threads"):
            detail = "without a GIL faulthandler shows the current thread alone"
            self._gaps.append(Gap(reason="threads-left-out", detail=detail))
            return
        # A rule between two threads says nothing, nor does what `traceback` writes between a head and its frames.
        if GUESSED.announces(self._before[0]) and "(most recent call last)" in text and self._before[1] == number - 1:
            self._before = (self._before[0], number)
        elif any(c.isalnum() for c in text):
            self._before = (text, number)
        self._broken = True
        if self._thread is not None or self._threads:
            self._foreign += 1
            if self._foreign >= MAX_FOREIGN:
                self.finish(input_ended=False)
        elif not self._at and "ump" in text and (stamp := _STAMP.search(text)):
            self._at = stamp[0]

    def _close_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        stack = thread.done()
        if thread.left_out:
            self._gaps.append(
                Gap(
                    reason="frames-left-out",
                    detail=f"the middle of the stack of thread {stack.name or stack.ident} (recursion?)",
                    count=thread.left_out,
                )
            )
        self._threads.append(stack)


def read_snapshots(lines: Iterable[str]) -> Iterator[Snapshot]:
    """Yields every thread dump that the lines contain, in the order in which they end.

    Text that is no dump is passed over. A dump that is cut off comes with what is there and a gap that says so.

    Args:
        lines: with or without their line ends; may be endless. An empty last one says that the one before is whole.

    Threads: for one thread; blocks only as ``lines`` does. Memory: one dump for each stream.
    """
    streams: dict[str, _Stream] = {}
    wrapping = Unwrapper()
    record, indent = "", 0  # the stream of the last record with a prefix, and how long that was
    recent: deque[tuple[int, str]] = deque(maxlen=_BEFORE + 1)
    end = ""  # the stream of the last line
    for last in enumerate(lines, 1):
        recent.append(last)
        if not streams:
            if not _may_begin(last[1]):
                continue
        dressed = (
            wrapping.has_learned or "\x1b" in last[1] or "&" in last[1] or "\\n" in last[1]
        )  # in colours or escapes
        if len(streams) == 1 and "" in streams and last[1][:1] in _INDENTS and not dressed:
            # By far the most lines of a big dump: they have no prefix, and there is one stream to which they belong.
            end = ""
            only = streams[""]
            only.feed(last[0], last[1][:MAX_LINE].replace("#011", "\t"))
            if only.complete:
                yield from only.taken()
            if only.idle:
                streams.clear()
            continue
        # Where nothing is open, what stood before is read once more: it left no trace.
        for number, raw in [last] if streams else [*recent]:
            line = raw[:MAX_LINE].rstrip("\r\n")
            for key, text in wrapping.lines(line):
                if key:
                    record, indent = key, len(line) - len(text)
                elif record in streams and "" not in streams and text[:1].isspace():
                    # journalctl writes a record of several lines with spaces in place of the prefix.
                    key, text = record, text if text[:indent].strip() else text[indent:]
                stream = streams.pop(key, None) or _Stream(key)
                if len(streams) >= MAX_STREAMS:
                    oldest = streams.pop(next(iter(streams)))
                    oldest.finish(input_ended=False)
                    yield from oldest.taken()
                stream.feed(number, text[:MAX_LINE])
                yield from stream.taken()
                streams[key] = stream
                end = key
        for key in [k for k, stream in streams.items() if stream.idle]:
            del streams[key]
    torn = bool(recent) and bool(recent[-1][1]) and not recent[-1][1].endswith("\n")
    for key, stream in streams.items():
        stream.finish(input_ended=True, in_a_line=torn and key == end)
        yield from stream.taken()
