"""The recorder's hot paths in C (`paramedic.trace.native` says where they are used).

Each probe is given the function in Python that does the same, and calls it where anything is not as expected: a page
that is full, a stack that is new, an attribute that is missing. What that function returns or raises is the result.
A subscription ``probe[x]`` or ``probe[x] = y`` is four bytecodes, and CPython looks for no signal before its result is
assigned.

Threads: any, with the GIL; nothing blocks.
"""

from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any, TypeVar

_Result = TypeVar("_Result")

STATE: int
"""`paramedic.trace.native.STATE` of the source that this was built from."""

class Page(Iterator[int]):
    """Places of a mapping, as numbers of rows, which are taken one by one; by `put` in C without an iteration.

    Raises:
        ValueError: they do not lie in the mapping.
    """

    def __init__(self, mapping: Any, first: int, end: int) -> None: ...
    def __next__(self) -> int: ...
    @staticmethod
    def forget() -> None:
        """Which pages threads have: one gets another, or none, while there is room in the one that it had."""
    def call(self, place: int) -> Call:
        """The call whose row is stored at a place."""
    def close(self) -> None:
        """Calls that are under way shall not write into it any more when they end."""

class Call:
    """A call that is under way: where its row is. The one that stands for all that are not recorded is false."""

    def __bool__(self) -> bool: ...
    def __getitem__(self, result: _Result) -> _Result:
        """It has returned this, which is stored as the `End` of the `Begin` says."""

    def end(self, size: int) -> bool:
        """It has returned: store the time, and the measure of its result; False if that is no such number."""
    def ended_otherwise(self) -> int:
        """A row of its own says how it ended; returns the object that it was of, 0 if the page is closed."""

class Row:
    """`paramedic.trace.writer.TraceWriter.row`."""

    def __init__(self, current: Any, row: Callable[..., None]) -> None: ...
    def __call__(self, kind: int, op: int, obj: int, site: int, a: int, b: int) -> None: ...

class Span:
    """`paramedic.trace.writer.TraceWriter.span`."""

    def __init__(self, current: Any, span: Callable[..., Any]) -> None: ...
    def __call__(self, kind: int, op: int, obj: int, site: int) -> Call | None: ...

class Walker:
    """The walkers of `paramedic.record.frames.Stacks`: the stack at a frame, where its place in the tree is known."""

    def __init__(
        self,
        kept: list[Any],
        stack_of: Callable[[FrameType | None], int],
        outermost: Mapping[int, Any],
        silent: int,
    ) -> None: ...
    def __call__(self, frame: FrameType | None) -> int: ...

class Text:
    """`paramedic.trace.writer.TraceWriter.text`."""

    def __init__(self, current: Any, text: Callable[[str], int]) -> None: ...
    def __call__(self, words: str) -> int: ...

class Begin:
    """``[first]``, or ``[first, *passed]``: the call begins; the caller's frame is who called the calling function.

    Args:
        current: see `paramedic.trace.chunks.Current`.
        enter: called with ``first``, the caller's frame or None, and what is passed.
        inside: calls from there are not recorded; None: there is no such place.
        stream: a class whose objects have a ``channel`` with a ``timeout``, or None.
        arguments: called with ``first`` and what is passed, returns what is recorded of it; or None, then ``enter`` is
            called where ``what`` does not tell it.
        failed: called with what ``arguments`` raises; the call is not recorded then.
        end: what is done as the call returns.
        last: the row's last field: op, flags and kind.
        what: what is recorded of the arguments (`paramedic.record.probe.NOTHING` and the others).
        asks_caller: whether ``arguments`` is given the caller's frame instead.
        call: as ``last``, of the row with what is recorded of the arguments, where that has no room in the flags.
        later: as ``last``, of the row after it.
    """

    def __init__(
        self,
        current: Any,
        enter: Callable[..., Any],
        inside: Inside | None,
        stream: type | None,
        arguments: Callable[..., tuple[int, int]] | None,
        failed: Callable[[Exception], None],
        end: End | None,
        last: int,
        what: int,
        asks_caller: int,
        call: int,
        later: int,
    ) -> None: ...
    def __getitem__(self, key: Any) -> Call: ...

class End:
    """What is done as a call returns.

    Args:
        current: None.
        leave: called with the call and the result.
        stdin: class of a command's first file, for `STREAMS`.
        stdout: … of its second.
        measure: what of the result is recorded (`paramedic.record.probe.UNMEASURED` and the others).
        most: for `STREAMS`: ids of channels below this leave room for those of their files.
    """

    def __init__(
        self,
        current: None,
        leave: Callable[[Any, Any], Any],
        stdin: type | None,
        stdout: type | None,
        measure: int,
        most: int = 0,
    ) -> None: ...

class Enter:
    """``(thing, *values)``: a call begins that is recorded whoever makes it; the id of the thing, or None.

    Args:
        current: see `paramedic.trace.chunks.Current`.
        enter: called with the same.
        walk: see `Walker`.
        arguments: called with the same, returns what is recorded of it; or None.
        failed: called with what ``arguments`` raises; the call is not recorded then.
        last: the row's last field.
    """

    def __init__(
        self,
        current: Any,
        enter: Callable[..., int | None],
        walk: Callable[[FrameType | None], int],
        arguments: Callable[..., tuple[int, int]] | None,
        failed: Callable[[Exception], None],
        last: int,
    ) -> None: ...
    def __call__(self, thing: Any, *values: Any) -> int | None: ...

class Leave:
    """``(id, result)``: it has returned; the result.

    Args:
        current: see `paramedic.trace.chunks.Current`.
        leave: called with the same.
        last: the row's last field.
        measure: see `End`.
    """

    def __init__(self, current: Any, leave: Callable[[Any, Any], Any], last: int, measure: int) -> None: ...
    def __call__(self, token: int, result: Any) -> Any: ...

class ThreadBegins:
    """``(thread)``: it runs, and is the calling one; None if it is not to be told (`paramedic.record.threads`)."""

    def __init__(
        self, current: Any, begin: Callable[[Any], Any], text: Callable[[str], int], owner: int, begins: int
    ) -> None: ...
    def __call__(self, thread: Any) -> Any: ...

class ThreadEnds:
    """``(thread, result)``: it is about to end; the result."""

    def __init__(self, current: Any, end: Callable[[Any, Any], Any], last: int) -> None: ...
    def __call__(self, thread: Any, result: Any) -> Any: ...

class EndOf:
    """``(thing, id)``: have the end of a thing told to ``gone`` (`paramedic.record.ends`)."""

    def __init__(
        self,
        nothing: None,
        of: Callable[[Any, int], None],
        gone: Callable[[Any], None],
        kept: dict[int, tuple[Any, int]],
    ) -> None: ...
    def __call__(self, thing: Any, given: int) -> None: ...

class Gone:
    """``(weak reference)``: what it referred to is gone."""

    def __init__(
        self, current: Any, gone: Callable[[Any], None], kept: dict[int, tuple[Any, int]], last: int
    ) -> None: ...
    def __call__(self, weak: Any) -> None: ...

class Inside:
    """``[anything]``: whether the Python function that asks is called by code from one of the files.

    Args:
        files: names of source files.
        passing_on: files whose ``__exit__`` calls for whoever called that.
        ours: code below this folder, and any override that passes on, does so, too; None: neither.
    """

    def __init__(self, files: set[str], passing_on: set[str], ours: str | None = None) -> None: ...
    def __getitem__(self, anything: object) -> bool: ...

class CalledBy:
    """``[anything]``: whether the Python function that asks is called by this one."""

    def __init__(self, function: Callable[..., Any]) -> None: ...
    def __getitem__(self, anything: object) -> bool: ...

class Fed:
    """``[channel]``: whether it is to be noted how much of what has come is unread (`paramedic.record.wire`)."""

    def __getitem__(self, channel: Any) -> bool: ...

class Received:
    """``[channel]``: EOF or CLOSE has come (`paramedic.record.wire`)."""

    def __init__(self, current: Any, received: Callable[[Any], None], last: int) -> None: ...
    def __getitem__(self, channel: Any) -> None: ...

class Sent:
    """``[transport] = message``: stored if it is EOF or CLOSE (RFC 4254 section 5.3)."""

    def __init__(self, current: Any, sent: Callable[[Any, Any], None], last: int) -> None: ...
    def __setitem__(self, transport: Any, message: Any) -> None: ...

class Requested:
    """``[channel] = message``: stored if it is the first exit status (RFC 4254 section 6.10)."""

    def __init__(self, current: Any, requested: Callable[[Any, Any], None], last: int) -> None: ...
    def __setitem__(self, channel: Any, message: Any) -> None: ...

class Confirmed:
    """``[channel] = number``: the peer has opened it (`paramedic.record.births`); gives it its id."""

    def __init__(
        self,
        current: Any,
        confirmed: Callable[[Any, int], None],
        asked: set[int],
        new_id: Callable[[], int],
        last: int,
        marks_event: int,
    ) -> None: ...
    def __setitem__(self, channel: Any, number: int) -> None: ...

class Adopt:
    """`paramedic.record.probe.Probes.adopt`."""

    def __init__(
        self,
        current: Any,
        adopt: Callable[..., int],
        classes: dict[type, int],
        new_id: Callable[[], int],
        stack_of: Callable[[FrameType | None], int],
        last: int,
    ) -> None: ...
    def __call__(self, thing: Any, parent: int, number: int, frame: FrameType | None, given: int = 0) -> int: ...

class Born:
    """``[thing]``: it comes to be in the calling function; true where that is left to Python.

    Args:
        nothing: None.
        adopt: see `Adopt`.
        ends: called with the thing and its new id; or None.
        failed: called with what these raise.
    """

    def __init__(
        self,
        nothing: None,
        adopt: Callable[..., int],
        ends: Callable[[Any, int], None] | None,
        failed: Callable[[Exception], None],
    ) -> None: ...
    def __getitem__(self, thing: Any) -> bool: ...

class ChannelEnds:
    """``[channel]``: its finalizer runs; stores the row, or is true where somebody is to look."""

    def __init__(self, current: Any, nothing: None, last: int) -> None: ...
    def __getitem__(self, channel: Any) -> bool: ...

class FileEnds:
    """``[file]``: its finalizer runs; how many refer to it where that matters, else 0."""

    def __init__(self, current: None, nothing: None, unheld: Any, stdin: type | None, streams: int) -> None: ...
    def __getitem__(self, file: Any) -> int: ...
