"""A thread dump as a value: what each thread of one process was doing at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from paramedic.model.finding import Site
from paramedic.model.report import Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame of one stack.

    Attributes:
        site: file, line and function; the function is qualified ("Channel.recv") where the dump says so.
        variables: printed local variables, where the dump has them (py-spy and pystack with ``--locals``).
    """

    site: Site
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadStack:
    """One thread of a dump.

    Attributes:
        ident: what the dump calls it, as text (a hexadecimal ident, a native id); "" where it does not say.
        name: the thread's name; "" where the dump does not say.
        frames: innermost first, whatever the dump's own order is.
        holds_gil: True, False, or None where the dump does not say.
        state: the dump's own word ("idle", "active"), or "".
        cut_off: the stack ends before its outermost frame.
    """

    ident: str
    name: str = ""
    frames: tuple[Frame, ...] = ()
    holds_gil: bool | None = None
    state: str = ""
    cut_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All threads of one process at one moment.

    Attributes:
        form: which reader made it: ``faulthandler``, ``py-spy``, ``py-spy-json``, ``pystack``, ``traceback``, ``gdb`` …
        threads: in the order of the dump.
        process: process id, where the dump says so.
        at: the dump's own words about when, or "".
        first_line: 1-based line of its input at which it starts; 0 where it has none.
        gaps: what is missing from it.
    """

    form: str
    threads: tuple[ThreadStack, ...]
    process: int | None = None
    at: str = ""
    first_line: int = 0
    gaps: tuple[Gap, ...] = field(default=())
