"""Rewritten code set into a function, and taken out again.

Apart from `paramedic.record.rewrite`, which makes it: where all comes from the cache, nothing of that is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import CodeType, FunctionType
from typing import Any

from paramedic.model.named_tuple import NamedTuple
from paramedic.trace import native

Enter = Callable[..., Any]
"""Called first, with the function's first argument and those that were asked for; its result is the token."""
Leave = Callable[[Any, Any], Any]
"""Called with the token and the result, if the token is not None; returns the result."""
Fail = Callable[[Any, BaseException], None]
"""Called with the token and the exception, if the token is not None."""

_PLACE = "\0paramedic "
_VALUE, _STAND_IN, _REAL = "value", "stand-in", "real"
ENTER, LEAVE, FAIL = _PLACE + "enter", _PLACE + "leave", _PLACE + "fail"
"""Constants of rewritten code, in whose place `with_probes` puts the probes."""
FIRST = "_first"
"""What a guard's words call the function's first parameter."""
CALLER = "_caller"
"""What a guard's words assign the caller's frame to. The probe then gets it second, or None if the guard raises."""
FIND_CALLER = f"({CALLER} := _getframe(1))"
"""How a guard's words do that, where rewritten code that knows the caller's frame already is to find it there."""
KEPT = ("_chunk", "_given", "_raw")
"""What a guard's words may assign, too."""


def placeholder(name: str) -> str:
    """The constant of rewritten code that stands for a value of a guard's.

    Threads: pure.
    """
    return f"{_PLACE}{_VALUE} {name}"


class Guard(NamedTuple):
    """A cheap question that rewritten code asks by itself, before it calls a probe.

    Most calls of watched functions are made by Paramiko and not recorded: not even calling the probe makes those cheap.

    Attributes:
        words: a Python expression; `Enter` is called where it is true, or raises. It may name ``_first``, the other
            parameters, and what ``values`` has, and assign ``_caller`` and those of `KEPT`.
        values: what the names in it mean.
        often: whether it mostly says no: a function whose calls are stored (`Span`) then has its body once more for
            that, in which nothing is asked any more.
        sure: whether the question fails only by what is the program's, such as its signal handlers' exceptions.
    """

    words: str
    values: Mapping[str, object]
    often: bool = False
    sure: bool = False


def makers(name: str) -> tuple[str, str]:
    """The constants of rewritten code that stand for what stands in for a function, and for the function.

    Threads: pure.
    """
    return f"{_PLACE}{_STAND_IN} {name}", f"{_PLACE}{_REAL} {name}"


def _nothing(*_: Any) -> None:
    return None


class Span(NamedTuple):
    """A call whose beginning and end rewritten code stores by itself, into one row of the recording.

    Attributes:
        words: an expression that is true where the call has no arguments that are recorded, "True" where it never has;
            see `Guard`.
        measure: a function of the result whose value is stored with the end, given as the words of an expression of
            ``_result``; "" if nothing is, None if `leave` is always called, which then has to store the end.
        values: what the names in both mean, and ``_current``, ``_pack``, ``_now``, ``_id_of`` and ``_begins``; where
            the hot paths are there in C, ``_begin`` is all.
        ends: the arguments of `_rows.End` after `leave`; None where Python does it.
        begins: makes the `_rows.Begin` of such an end.
    """

    words: str
    measure: str | None
    values: Mapping[str, object]
    ends: tuple[object, ...] | None = None
    begins: Callable[[object], object] | None = None


class Stored(NamedTuple):
    """A row of the recording that rewritten code stores by itself as the function begins.

    `Enter` is called where that fails, to do the same.

    Attributes:
        words: an expression that is true where there is a row to store; see `Guard`.
        fields: expressions of what the row consists of after its time, as the arguments of a call.
        values: what the names in both mean, and ``_current``, ``_pack`` and ``_now``.
        then: a statement that follows; if it fails `Enter` has to tell from what it has changed that a row is stored.
        otherwise: an expression, asked where the first is not true: whether `Enter` is to be called.
        native: does all this in C where it is looked up by the function's first parameter.
        item: the parameter that is then set at it, "" if it is only looked up.
    """

    words: str
    fields: str
    values: Mapping[str, object]
    then: str = "pass"
    otherwise: str = "False"
    native: object = None
    item: str = ""


def _pass(_: Any, result: Any) -> Any:
    return result


def _ignore(_: Any, __: BaseException) -> None:
    return None


_NO_MAKERS: Mapping[str, tuple[object, object]] = {}


class Target(NamedTuple):
    """What is to be watched.

    Attributes:
        owner: class or module.
        name: attribute of it, a plain function.
        enter: see `Enter`; None if the token is the function's first argument.
        leave: see `Leave`.
        fail: see `Fail`.
        parameters: those whose values `enter` gets after the first; those that the function has not are left out.
        guard: asked first, where there is one.
        makers: functions of `threading` that something of ours stands in for, by name: that and the real one, which the
            function is to call itself.
        only: nothing is put in but makers.
        span: the rewritten code stores the row. `enter` then is called where it cannot, with the caller's frame or None
            as its second argument, and returns a `paramedic.trace.chunks.Span`; `leave` and `fail` get that in place of
            the token, `leave` only what cannot be stored.
        stored: the rewritten code stores a row as it begins; there is no guard, `leave` and `fail` then.
    """

    owner: Any
    name: str
    enter: Enter | None = _nothing
    leave: Leave = _pass
    fail: Fail = _ignore
    parameters: tuple[str, ...] = ()
    guard: Guard | None = None
    makers: Mapping[str, tuple[object, object]] = _NO_MAKERS
    only: bool = False
    span: Span | None = None
    stored: Stored | None = None

    @property
    def ends(self) -> bool:
        """Whether anything is to be done when the function returns or raises."""
        return self.leave is not _pass or self.fail is not _ignore


class CannotRewrite(Exception):
    """A function cannot be given probes: it has no source, is a generator, or the source is not what was compiled."""


class Patch:
    """Probes in one function, which can be taken out again.

    Threads: apply and undo where no other thread does; calls that are under way finish with the code they began with.
    """

    __slots__ = ("function", "instrumented", "original")

    def __init__(self, function: FunctionType, original: CodeType, instrumented: CodeType) -> None:
        self.function = function
        self.original = original
        self.instrumented = instrumented

    def apply(self) -> None:
        """Switch the probes on."""
        self.function.__code__ = self.instrumented

    def undo(self) -> None:
        """Put the original code object back, unless somebody else has replaced the code meanwhile."""
        if self.function.__code__ is self.instrumented:
            self.function.__code__ = self.original


def with_probes(function: FunctionType, code: CodeType, target: Target) -> Patch:
    """The patch that sets the target's probes into the function.

    Threads: pure.
    """
    constants = tuple(_put_in(c, target) if type(c) is str and c.startswith(_PLACE) else c for c in code.co_consts)
    # the very same name: guards look at it at each call
    name = function.__code__.co_filename
    return Patch(function, function.__code__, code.replace(co_consts=constants, co_filename=name))


def _put_in(place: str, target: Target) -> object:
    """What belongs into this place of rewritten code."""
    kind, _, name = place.removeprefix(_PLACE).partition(" ")
    if kind == _VALUE:
        if name == "_begin" and target.span is not None and target.span.begins is not None:
            return target.span.begins(native.rows.End(None, target.leave, *(target.span.ends or ())))
        if name == "_native" and target.stored is not None:
            return target.stored.native
        asked = (target.stored, target.span, target.guard)
        return next(words.values[name] for words in asked if words is not None and name in words.values)
    if kind in (_STAND_IN, _REAL):
        return target.makers[name][kind == _REAL]
    probes = {ENTER: target.enter, LEAVE: target.leave, FAIL: target.fail}
    return probes[place]
