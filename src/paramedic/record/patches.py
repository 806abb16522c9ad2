"""Rewritten code set into a function, and taken out again.

Apart from `paramedic.record.rewrite`, which makes it: where all comes from the cache, nothing of that is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

Enter = Callable[..., Any]
"""Called first, with the function's first argument and those that were asked for; its result is the token."""
Leave = Callable[[Any, Any], Any]
"""Called with the token and the result, if the token is not None; returns the result."""
Fail = Callable[[Any, BaseException], None]
"""Called with the token and the exception, if the token is not None."""

ENTER, LEAVE, FAIL = "\0paramedic enter", "\0paramedic leave", "\0paramedic fail"
"""Constants of rewritten code, in whose place `with_probes` puts the probes."""


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


def with_probes(function: FunctionType, code: CodeType, enter: Enter, leave: Leave, fail: Fail) -> Patch:
    """The patch that sets these probes into the function.

    Threads: pure.
    """
    probes: dict[object, object] = {ENTER: enter, LEAVE: leave, FAIL: fail}
    constants = tuple(probes.get(c, c) if isinstance(c, str) else c for c in code.co_consts)
    return Patch(function, function.__code__, code.replace(co_consts=constants))
