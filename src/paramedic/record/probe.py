"""What runs when a watched function is called, returns or raises.

A call is recorded unless Paramiko itself made it: ``stdout.read()`` is one call of the user's, however often Paramiko's
own code then calls ``Channel.recv``. Calls that user code makes from inside a callback are recorded, because their
caller is not Paramiko. An error in here switches that probe off, becomes a gap in the recording and goes no further.

Threads: the probes run in any thread of the program's, also in signal handlers and finalizers, and do not block.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from time import monotonic_ns
from types import FrameType, FunctionType
from typing import Any, TypeVar

from paramedic.model.event import Kind
from paramedic.model.named_tuple import NamedTuple
from paramedic.record.frames import PARAMIKO, SAFE, SYNC, Stacks, owner_of_file
from paramedic.record.interrupts import NO_ROOM, reaches_program
from paramedic.record.patches import FIND_CALLER, Guard, Span, Stored
from paramedic.trace import native
from paramedic.trace.chunks import NO_SPAN, end_call, ended_otherwise
from paramedic.trace.chunks import Span as Begun
from paramedic.trace.layout import FLAGS_SHIFT, KIND_SHIFT, MOST_IN_FLAGS, SHORT_ROW, SPAN_ROW, STORED_ROW
from paramedic.trace.writer import TraceWriter

_getframe = sys._getframe
_set: Callable[[Any, str, object], None] = object.__setattr__
_CALL, _RETURN, _RAISE, _NEW, _GAP = (int(k) for k in (Kind.CALL, Kind.RETURN, Kind.RAISE, Kind.NEW, Kind.GAP))
_SPAN, _LATER = int(Kind.SPAN), int(Kind.LATER)
_NOTHING = (-1, 0)
NOTHING, OTHERS, OWN_TIMEOUT, FILE_TIMEOUT, GIVEN_TIMEOUT, GIVEN_PATH = range(6)
"""Of `_rows.Begin`: what is recorded of a call besides its stack; of the others only Python knows it."""
UNMEASURED, LENGTH, NUMBER, TOLD, STREAMS = range(5)
"""Of `_rows.End`: what of a result is recorded."""
_Probe = TypeVar("_Probe", bound=Callable[..., Any])
EOF, SEND, PIPE, CLOSE = "eof", "send", "pipe", "close"
"""Inner points of Paramiko at which a run with traps may stop: see `Probes.hold_back`."""
MARK = "_paramedic_id_"
"""Attribute that carries an object's id; gone with the object, copied with a copy (which is then the same to us)."""

Measure = Callable[[Any], int]
Arguments = Callable[..., tuple[int, int]]
Adopt = Callable[..., int]
"""Called with an object, its parent's id, a number, the frame that made it or None, and the id, or 0 for a new one.

Returns the id; 0 if the object does not take it."""


class Recorded(NamedTuple):
    """What is recorded of a call besides its stack, where that is told without `Arguments`.

    Attributes:
        kind: `NOTHING` and the others.
        plain: a Python expression that is true where there is nothing; see `paramedic.record.patches.Guard`.
        values: what the names in it mean.
    """

    kind: int
    plain: str
    values: Mapping[str, object] = {}


class Probes:
    """Makes the probes of one recording.

    Threads: the probes run in any thread; making them happens before or while the program runs, too.
    """

    def __init__(self, writer: TraceWriter, stacks: Stacks) -> None:
        self.writer = writer
        self.stacks = stacks
        self.row = writer.row
        self.new_id = iter(range(1, 1 << 32)).__next__
        """A fresh object id."""
        self.classes: dict[type, int] = {}
        self.adopt: Adopt = self._adopt
        """Give an object its id and record its birth: see `_adopt`."""
        if native.rows is not None:
            self.adopt = native.rows.Adopt(
                writer.current, self._adopt, self.classes, self.new_id, stacks.of, _NEW << KIND_SHIFT
            )
        self.broken: dict[str, str] = {}
        self.early = "paramiko" not in sys.modules
        """Whether the recording began before the program: then no object was born unseen."""
        self.unseen: Callable[[Any], int] = self.adopt_alone
        """Gives an id to an object whose creation was not seen."""
        self.defaults: list[tuple[type, str]] = []
        """Attributes that classes are to have as long as they are watched, with the value 0."""
        self.at_exit: list[Callable[[], None]] = []
        """Called when the interpreter ends in an orderly way; they note what is left over."""
        self.hold_back: Callable[[str], None] | None = None
        """Called before an EOF goes out, while anything is sent, before a wake-up pipe is emptied, and with a channel's
        lock held as it is closed, in a run with traps."""
        self.called: Callable[[int], None] | None = None
        """Called when it has been recorded that a call begins, with its stack, in a run with traps."""
        self._span_probes: Callable[..., tuple[Callable[..., Any], ...]] | None = None
        self._paramikos: set[str] = set()
        self._inner: set[str] = set()
        self._passing_on: set[str] = set()
        self._by_user = _called_from_outside(self._paramikos, self._passing_on, SAFE, FIND_CALLER)
        self.makers: dict[str, tuple[object, object]] = {}
        """What stands in for functions of `threading`, by name, with the real ones."""
        self.by_program = _called_from_outside(self._inner, set(), None, "_getframe(1)")
        """… or from `threading`, `queue` and executors."""
        self.is_known = Guard(f"_first.{MARK}", {})
        """Asks whether an object has an id."""

    def by_user(self, often: bool = False) -> Guard:
        """Asks whether a call comes from anywhere but Paramiko.

        Args:
            often: see `Guard`.
        """
        return self._by_user._replace(often=often)

    def stores(self, words: str, kind: int, obj: str, a: int) -> Guard:
        """A guard that stores a row itself; its probe, which stores the same, is called where that fails.

        Args:
            words: where the row is stored is where ``{row}`` in them is evaluated, which is None.
            kind: of the row.
            obj: an expression.
            a: of the row.
        """
        row = (
            "_pack((_chunk := _current.local.chunk).mapping, _next(_chunk.rows) * 32,"
            f" _now(), {a}, {obj}, {kind << KIND_SHIFT})"
        )
        known = {"_current": self.writer.current, "_pack": SHORT_ROW.pack_into, "_next": next, "_now": monotonic_ns}
        return Guard(words.format(row=row), known)

    def begins(
        self, words: str, kind: int, op: str, obj: str, a: str, b: str = "0", site: str = "0", **values: object
    ) -> Stored:
        """A row that a function stores as it begins; its probe, which stores the same, is called where that fails.

        Args:
            words: an expression: whether it is stored.
            kind: of the row.
            op: an expression of the row's ``op``, as are the others of what they are called.
            obj: as ``op``.
            a: as ``op``.
            b: as ``op``.
            site: as ``op``.
            values: what names in all these mean.
        """
        short = b == site == "0"
        known: dict[str, object] = {"_pack": (SHORT_ROW if short else STORED_ROW).pack_into, "_id_of": self.id_of}
        known |= {"_current": self.writer.current, "_now": monotonic_ns, **values}
        site_and_b = "" if short else f"{site}, {b}, "
        return Stored(words, f"{a}, {obj}, {site_and_b}{op} + {kind << KIND_SHIFT}", known)

    def inside(self, files: Iterable[str]) -> None:
        """Some of these files may be Paramiko's or those of `by_program`: a short cut, the probes look again."""
        for file in files:
            owner = owner_of_file(file)
            if owner == PARAMIKO and file.endswith(_PASSES_ON):
                self._passing_on.add(file)
            elif owner == PARAMIKO:
                self._paramikos.add(file)
                self._inner.add(file)
            elif owner == SYNC:
                self._inner.add(file)

    def gap(self, slug: str, detail: str) -> None:
        """Say in the recording that something is not seen."""
        try:
            self.row(_GAP, 0, 0, 0, 0, self.writer.text(f"{slug}\t{detail}"))
        except Exception:  # nothing more can be done, and the program comes first
            self.broken[slug] = detail

    def trouble(self, where: str, error: BaseException) -> None:
        """An error of ours: note it once. What a signal handler raises in the middle of a probe goes on."""
        try:
            ours = not reaches_program(error)
            if ours and where not in self.broken and type(error) not in NO_ROOM:
                self.broken[where] = f"{type(error).__name__}: {error}"
                self.gap("recorder-error", f"{where}: {type(error).__name__}: {error}")
        except NO_ROOM:
            return
        if not ours:
            raise error

    def id_of(self, thing: Any) -> int:
        """The object's id; one whose creation was not seen gets one now."""
        try:
            return thing._paramedic_id_ or self.unseen(thing)
        except AttributeError:
            return self.unseen(thing)

    def adopt_alone(self, thing: Any) -> int:
        """Give an id to an object of which nothing is known."""
        return self.adopt(thing, 0, 0, None)

    def _adopt(self, thing: Any, parent: int, number: int, frame: FrameType | None, given: int = 0) -> int:
        given = given or self.new_id()
        if not self.mark(thing, given):
            return 0
        op = self.classes.get(type(thing), 0)
        if not op:
            op = next((n for c in type(thing).__mro__ if (n := self.classes.get(c, 0))), 0)
            self.classes[type(thing)] = op
        self.row(_NEW, op, given, self.stacks.of(frame) if frame is not None else 0, parent, number)
        return given

    def mark(self, thing: Any, given: int) -> bool:
        """Write its id on an object; returns whether that could be done."""
        try:
            _set(thing, MARK, given)  # not through its __dict__: making that would slow the object down
        except (AttributeError, TypeError):
            return False
        return True

    def call(
        self,
        op: int,
        measure: Measure | None = None,
        arguments: Arguments | None = None,
        silent: int = PARAMIKO,
        framed: bool = False,
    ) -> tuple[Callable[..., Any], Callable[[Any, Any], Any], Callable[[Any, BaseException], None]]:
        """The three probes of a call: begun, returned, raised.

        Args:
            op: number of the operation.
            measure: of the result.
            arguments: from the object and the arguments that were asked for to ``a`` and ``b`` of the event.
            silent: callers of this owner (see `paramedic.record.frames`) and beyond are not recorded.
            framed: whether the first one gets the caller's frame second, as from a probe that has asked for it.
        """
        id_of, trouble, row = self.id_of, self.trouble, self.row
        text = self.writer.text
        stack_of, kept = self.stacks.walker(silent), self.stacks.kept

        def enter(thing: Any, frame: Any, *values: Any) -> int | None:
            try:
                try:
                    lines = frame.f_trace  # see `Stacks.walker`; of None if the call comes from C alone, as atexit's
                    stack = lines.sites[frame.f_lasti] if type(lines) is kept[0] else stack_of(frame)
                    if stack is None:
                        stack = stack_of(frame)
                except (IndexError, AttributeError) as e:
                    if e.__traceback__ is not None and e.__traceback__.tb_next is not None:
                        raise  # a signal handler's
                    stack = stack_of(frame)
                if stack < 0:
                    return None
                a, b = arguments(thing, *values) if arguments is not None else _NOTHING
                given: int = thing._paramedic_id_ or id_of(thing)
                row(_CALL, op, given, stack, a, b)  # which is where a run with traps delays it
                return given
            except Exception as e:
                trouble(f"enter {op}", e)
                return None

        def enter_from(thing: Any, *values: Any) -> int | None:
            return enter(thing, _caller(), *values)

        def leave(token: int, result: Any) -> Any:
            try:
                row(_RETURN, op, token, 0, _measured(measure, result), 0)
            except Exception as e:
                trouble(f"leave {op}", e)
            return result

        def fail(token: int, error: BaseException) -> None:
            try:
                row(_RAISE, op, token, 0, _code(error), text(describe(error)))
            except Exception as e:
                trouble(f"fail {op}", e)

        begin, end = own(enter) if framed else own(enter_from), own(leave)
        if native.rows is not None and self.called is None:
            current = self.writer.current
            if not framed:
                walk = self.stacks.walker(silent)
                begin = native.rows.Enter(
                    current, begin, walk, arguments, lambda e: trouble(f"enter {op}", e), op + (_CALL << KIND_SHIFT)
                )
            if measure is None or measure is len:
                how = UNMEASURED if measure is None else LENGTH
                end = native.rows.Leave(current, end, op + (_RETURN << KIND_SHIFT), how)
        return begin, end, fail

    def span(
        self, op: int, measure: Measure | None, arguments: Arguments | None, what: Recorded, asks_caller: bool
    ) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any], Span]:
        """The probes of a call of the user's, and how rewritten code does without them.

        Args:
            op: number of the operation.
            measure: of the result: `number`, ``len`` or none.
            arguments: as of `call`.
            what: as ``arguments``, without much ado.
            asks_caller: ``arguments`` is given the caller's frame second.
        """
        called = self.called
        if self._span_probes is None:  # not in __init__: `row` and `called` are set after it
            self._span_probes = _makes_span_probes(self)
        enter, leave, fail, failed = self._span_probes(op, measure, arguments, asks_caller)
        begins = op + (_SPAN << KIND_SHIFT)
        if native.rows is not None:
            asked, how = (arguments, what.kind) if called is None else (None, OTHERS)
            inside, stream = self._by_user.values["_inside"], what.values.get("_stream")
            things = (self.writer.current, enter, inside, stream, asked, failed)
            numbers = (begins, how, int(asks_caller), op + (_CALL << KIND_SHIFT), op + (_LATER << KIND_SHIFT))

            def begin(end: object) -> object:
                return native.rows.Begin(*things, end, *numbers)

            ends = (None, None, UNMEASURED if measure is None else LENGTH if measure is len else NUMBER)
            return enter, leave, fail, Span("True", "", {"_begin": None}, ends, begin)
        values = {
            **what.values,
            "_current": self.writer.current,
            "_pack": SPAN_ROW.pack_into,
            "_now": monotonic_ns,
            "_id_of": self.id_of,
            "_begins": begins,
            "_len": len,
        }
        stored = "" if measure is None else "_len(_result)" if measure is len else "_result"
        return enter, leave, fail, Span(what.plain if called is None else "False", stored, values)


def _makes_span_probes(probes: Probes) -> Callable[..., tuple[Callable[..., Any], ...]]:
    """Makes the probes of calls. What all use they share: there are many, and the collector looks at each cell."""
    id_of, trouble, called, row, span = probes.id_of, probes.trouble, probes.called, probes.row, probes.writer.span
    text, stack_of = probes.writer.text, probes.stacks.walker(PARAMIKO)

    def made(
        op: int, measure: Measure | None, arguments: Arguments | None, asks_caller: bool
    ) -> tuple[Callable[..., Any], ...]:
        def enter(thing: Any, frame: Any, *values: Any) -> Begun:
            try:
                if frame is None:
                    frame = _caller()
                stack = stack_of(frame)
                if stack < 0:
                    return NO_SPAN
                if asks_caller:
                    values = (frame,)
                a, b = arguments(thing, *values) if arguments is not None else _NOTHING
                given: int = thing._paramedic_id_ or id_of(thing)
                if b == 0 and -1 <= a < MOST_IN_FLAGS:
                    begun = span(_SPAN, op + (a + 1 << FLAGS_SHIFT), given, stack)
                    if called is not None:
                        called(stack)
                else:
                    row(_CALL, op, given, stack, a, b)
                    begun = span(_LATER, op, given, 0)
                return begun
            except Exception as e:
                trouble(f"enter {op}", e)
                return NO_SPAN

        def failed(error: Exception) -> None:
            trouble(f"enter {op}", error)

        def leave(begun: Begun, result: Any) -> None:
            try:
                a = _measured(measure, result)
                if 0 <= a < 1 << 32:
                    end_call(begun, a)
                elif obj := ended_otherwise(begun):
                    row(_RETURN, op, obj, 0, a, 0)
            except Exception as e:
                trouble(f"leave {op}", e)

        def fail(begun: Begun, error: BaseException) -> None:
            try:
                if obj := ended_otherwise(begun):
                    row(_RAISE, op, obj, 0, _code(error), text(describe(error)))
            except Exception as e:
                trouble(f"fail {op}", e)

        return enter, leave, fail, failed

    return made


def _caller() -> FrameType | None:
    """Who has called a watched function, asked by a probe of it."""
    try:
        return _getframe(3)
    except ValueError:
        return None


def _measured(measure: Measure | None, result: Any) -> int:
    try:
        return measure(result) if measure is not None else 0
    except TypeError as e:
        if measure is not len or e.__traceback__ is None or e.__traceback__.tb_next is not None:
            raise
        return 0  # something that has no length


def _code(error: BaseException) -> int:
    return error.args[0] if error.args and type(error.args[0]) is int else 0


def own(probe: _Probe) -> _Probe:
    """The same probe with a code object of its own.

    The interpreter learns, in the code object, what the things are like that pass there; probes that were made by one
    ``def`` share it, and things of too many classes pass there for anything to be learned.

    Threads: pure.
    """
    made: Any = probe
    copied: Any = FunctionType(
        made.__code__.replace(), made.__globals__, made.__name__, made.__defaults__, made.__closure__
    )
    return copied  # type: ignore[no-any-return]


_PASSES_ON = "util.py"
"""Its ClosingContextManager closes for whoever wrote the ``with``."""


def _called_from_outside(files: set[str], passing_on: set[str], ours: str | None, frame: str) -> Guard:
    if native.rows is not None:
        return Guard("not _inside[_first]", {"_inside": native.rows.Inside(files, passing_on, ours)}, sure=True)
    # the set's method, not the set: a constant of a code object must be hashable, and no class of ours is looked at
    words = f"not _inside({frame}.f_code.co_filename)"
    return Guard(words, {"_getframe": _getframe, "_inside": files.__contains__})


def called_by(function: Any) -> Guard:
    """Asks whether a call comes from this function.

    Threads: pure.
    """
    if native.rows is not None:
        return Guard("_called_by[_first]", {"_called_by": native.rows.CalledBy(function)}, sure=True)
    # the code object is looked at each time: it is our own rewritten one only while somebody has patched it
    return Guard("_getframe(1).f_code is _by.__code__", {"_getframe": _getframe, "_by": function})


_TELLING = ("AttributeError", "EOFError", "RuntimeError", "TimeoutError")


def describe(error: BaseException) -> str:
    """``Type: message``. Messages that may carry file names or other data of the program's are left out.

    Kept are the words of Paramiko's exceptions, of a few built-in ones, and the system's words for an errno.
    """
    kind = type(error)
    words = ""
    try:
        if isinstance(error, OSError):
            words = error.strerror or (str(error) if len(error.args) == 1 and not error.filename else "")
        elif kind.__module__.startswith("paramiko") or kind.__name__ in _TELLING:
            words = str(error)
    except Exception:  # a broken __str__ of the program's
        words = ""
    name = kind.__qualname__ if kind.__module__ in _PLAIN_MODULES else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name}: {words[:200]}" if words else name


_PLAIN_MODULES = ("builtins", "socket", "paramiko.ssh_exception")


def number(result: Any) -> int:
    """A result that is a number."""
    return result if type(result) is int else -1 if result is None else int(bool(result))


def milliseconds(timeout: Any) -> int:
    """A timeout argument in ms; -1 for none."""
    try:
        return -1 if timeout is None else max(0, int(float(timeout) * 1000))
    except (TypeError, ValueError, OverflowError):
        return -1
