"""A stand-in for a function that is written in C, which does something before.

Threads: any; a call blocks as the original does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paramedic.record.interrupts import reaches_program, without_us


class CFunction:
    """Looks like the function that it calls: a Python function would be another type, and bind to instances.

    Args:
        real: the function.
        before: called before it; an error of its own goes no further.
    """

    __slots__ = ("_before", "_real")

    def __init__(self, real: Any, before: Callable[[], None]) -> None:
        self._real = real
        self._before = before

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        try:
            try:
                self._before()
            except BaseException as e:
                if reaches_program(e):
                    raise
            return self._real(*arguments, **keywords)
        except BaseException as e:
            without_us(e)
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __repr__(self) -> str:
        return repr(self._real)

    def __hash__(self) -> int:
        return hash(self._real)

    def __eq__(self, other: object) -> bool:
        return other is self or other is self._real

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._real.__reduce_ex__(protocol)

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self._real.__doc__

    @property
    def __module__(self) -> Any:  # type: ignore[override]
        return self._real.__module__

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # so isinstance and inspect say what they said
        return type(self._real)
