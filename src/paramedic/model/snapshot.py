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
        source: the source line as the dump printed it, stripped; "" where it did not.
    """

    site: Site
    variables: tuple[tuple[str, str], ...] = ()
    source: str = ""


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
        system_call: the system call that the kernel says the thread is in ("futex", "recvfrom" …); "" where unknown.
        switches: how often the thread gave up the processor of its own accord since it began; None where unknown.
        cpu_ticks: processor time that it used since it began, in clock ticks; None where unknown.
        in_call_s: for how long at least it has been in its call, in seconds, where somebody measured that.
    """

    ident: str
    name: str = ""
    frames: tuple[Frame, ...] = ()
    holds_gil: bool | None = None
    state: str = ""
    cut_off: bool = False
    system_call: str = ""
    switches: int | None = None
    cpu_ticks: int | None = None
    in_call_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectState:
    """What somebody who could look said of one object at the moment of the dump.

    Attributes:
        kind: its class ("Channel", "Transport", "ProxyCommand").
        address: hexadecimal, as in the variables of the frames ("0x7f1d999d1010").
        values: what is known of it; for a channel ``unread_bytes``, ``unread_stderr_bytes``, ``window_bytes``,
            ``timeout_s``, ``eof_received``, ``closed`` and so on.
        channels: attributes that are channels or files of channels: name and the channel's address.
    """

    kind: str
    address: str
    values: tuple[tuple[str, str | int | float | bool | None], ...] = ()
    channels: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | int | float | bool | None:
        """The value of that name, or None.

        Threads: pure.
        """
        return next((v for n, v in self.values if n == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All threads of one process at one moment.

    Attributes:
        form: which reader made it: ``faulthandler``, ``py-spy``, ``py-spy-json``, ``pystack``, ``traceback``, ``gdb`` …
        threads: in the order of the dump.
        process: process id, where the dump says so.
        command: how the process was started, where the dump says so.
        at: the dump's own words about when, or "".
        first_line: 1-based line of its input at which it starts; 0 where it has none.
        stream: which of the input's streams it is from: a container, a process of a log; "" where there is one.
        gaps: what is missing from it.
        objects: what is known of the objects that the frames name, where somebody could look into them.
    """

    form: str
    threads: tuple[ThreadStack, ...]
    process: int | None = None
    command: str = ""
    at: str = ""
    first_line: int = 0
    stream: str = ""
    gaps: tuple[Gap, ...] = field(default=())
    objects: tuple[ObjectState, ...] = ()
