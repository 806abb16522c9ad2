"""What each thread of a dump is doing: the shape of its stack."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from enum import StrEnum

from paramedic.dump.calls import CURE, Call, Layer, calls_of
from paramedic.dump.syntax import takes_lock
from paramedic.dump.waits import (
    CHANNEL_READS,
    CRITICAL,
    PARAMIKO_LOCKS,
    PARAMIKO_WAITS,
    PRIMITIVES,
    STDLIB_WAITS,
    SYSTEM_CALLS,
    UNPOLLED,
    Wait,
)
from paramedic.model.finding import Site, Step
from paramedic.model.snapshot import ThreadStack

_KERNEL_NAME_BYTES = 15
_LONG_S = 5.0
"""A wait with a shorter limit may be a round of a loop that polls."""
_OVER_SSH = frozenset("fabric invoke netmiko scp pysftp jumpssh nornir napalm paramiko_expect".split())
_PROGRAM = re.compile(r"python[\d.]*t?")
"""What the kernel calls the main thread of a Python program."""


class Callback(StrEnum):
    """How code that is not Paramiko's came onto a transport thread."""

    HANDLER = "a handler"
    LOGGING = "a logging handler"
    FINALIZER = "a finalizer"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activity:
    """One thread and what it does. Two of them are never the same one, however alike their stacks are.

    Attributes:
        thread: as the dump has it.
        name: for people; "thread 0x7f…" where the dump does not know the thread's name.
        calls: the stack, innermost first.
        wait: what it waits for.
        asks: index of the call that says so.
        lock: which of Paramiko's locks, for `Wait.PARAMIKO_LOCK`; else "".
        transport: index of ``Transport.run``, for a transport thread; else None.
        callback: how other code came onto this transport thread; None where there is none.
        entered: index of the outermost call of that other code.

    Threads: immutable; any thread.
    """

    thread: ThreadStack
    name: str
    calls: tuple[Call, ...]
    wait: Wait
    asks: int = 0
    lock: str = ""
    transport: int | None = None
    callback: Callback | None = None
    entered: int | None = None

    @property
    def users(self) -> tuple[Call, ...]:
        """The user's calls, innermost first; a library's where the user has none on the stack."""
        own = tuple(c for c in self.calls if c.layer is Layer.USER)
        return own or tuple(c for c in self.calls if c.layer is Layer.LIBRARY)

    @property
    def site(self) -> Site | None:
        """The innermost place in the user's code."""
        users = self.users
        return users[0].site if users else None

    @property
    def asking(self) -> Call | None:
        """The call that says what the thread waits for."""
        return self.calls[self.asks] if self.calls else None

    @property
    def as_transport(self) -> str:
        """The name of a transport thread in a sentence."""
        return f"transport thread {self.name.removeprefix('thread ')}"

    @property
    def is_main(self) -> bool:
        """Whether it is the main thread, as far as the dump says."""
        if self.thread.name == "MainThread" or self.thread.name.startswith("Dummy-"):
            return self.thread.name == "MainThread"
        started = any(c.at("threading", "_bootstrap", layer=Layer.STDLIB) for c in self.calls)
        return bool(self.calls) and not started and not self.thread.cut_off

    @property
    def pool(self) -> str | None:
        """The executor whose worker it is ("ThreadPoolExecutor-0"; "" where names are unknown); None for others."""
        if not any(c.at("concurrent.futures.thread", "_worker", layer=Layer.STDLIB) for c in self.calls):
            return None
        # faulthandler has the kernel's names since 3.14, which end after 15 bytes.
        name = re.sub(r"_\d+$", "", self.thread.name)
        return "" if name == self.thread.name and len(name) == _KERNEL_NAME_BYTES else name

    @property
    def remote_library(self) -> str:
        """The library whose call on a connection the user's innermost frame is in; "" where it is in none.

        Fabric and Netmiko poll while a command runs, so that nothing in their own frames waits.
        """
        inner = itertools.takewhile(lambda c: c.layer is not Layer.USER, self.calls)
        known = [c.module for c in inner if c.layer is Layer.LIBRARY and c.module in _OVER_SSH]
        return known[-1] if known and len(self.users) < len(self.calls) else ""

    @property
    def timeout(self) -> str | None:
        """The timeout of the wait as the dump prints it ("None", "3.0"), or None where it does not say."""
        for call in self.calls[: self.asks + 1]:
            value = call.variable("timeout")
            if value is not None:
                return "None" if value in ("-1", "-1.0") else value  # join() without a limit, up to 3.12
        return None

    @property
    def sleeps(self) -> bool:
        """Whether the wait is one long sleep: nothing but its end, or a part of it, wakes the thread."""
        if self.wait not in UNPOLLED:
            return False
        limit = self.timeout
        return limit in (None, "None") or not limit.replace(".", "", 1).isdigit() or float(limit) > _LONG_S

    @property
    def prefetches(self) -> bool:
        """Whether it is a thread of Paramiko's own that asks for a whole file ahead (SFTPFile.prefetch)."""
        return self.find("sftp_file", "_prefetch_thread") is not None

    def find(self, module: str, *functions: str, layer: Layer = Layer.PARAMIKO) -> Call | None:
        """The innermost call of one of these functions, or None."""
        return next((c for c in self.calls if c.at(module, *functions, layer=layer)), None)

    def address_of(self, cls: str) -> str | None:
        """The address of the innermost ``self`` of that class (or, for files, of its channel), or None."""
        modules = {"Channel": "channel", "Transport": "transport", "SFTPClient": "sftp_client", "SSHClient": "client"}
        for call in self.calls:
            printed = call.variable("self") or ""
            if call.layer is Layer.PARAMIKO and call.module == modules.get(cls, "") and _is_instance(printed, cls):
                return call.address()
        return None

    def step(self, what: str = "", *, site: Site | None = None, locks: tuple[str, ...] = ()) -> Step:
        """The thread's part of a story."""
        users = tuple(c.site for c in self.users)
        asking = self.asking
        where = f" ({_paramiko_place(asking)})" if asking is not None and asking.layer is Layer.PARAMIKO else ""
        age = self.thread.in_call_s
        return Step(
            thread=self.name,
            what=(what or f"waits for {self.wait}{where}") + (f" (for {age:.1f} s so far)" if age is not None else ""),
            site=site or self.site,
            stack=users[:20],
            locks=locks,
        )


def _is_instance(printed: str, cls: str) -> bool:
    """Whether the object is of the class or, as far as the method's module says, of one derived from it."""
    others = ("ChannelFile", "ChannelStdinFile", "ChannelStderrFile", "ChannelMap", "SFTP ")
    return printed.startswith("<") and not printed.startswith(tuple(f"<{o}" for o in others if o != cls))


def _paramiko_place(call: Call) -> str:
    name = f"{call.owner_class}.{call.function}" if call.owner_class else call.function
    return f"{name}, paramiko/{call.module}.py:{call.site.line}"


def activity_of(thread: ThreadStack, libraries: frozenset[str] = frozenset(), *, script: str = "") -> Activity:
    """Says what one thread is doing.

    Args:
        thread: as the dump has it.
        libraries: see `calls_of`.
        script: see `calls_of`.

    Threads: pure.
    """
    calls = calls_of(thread.frames, libraries, script=script)
    wait, asks, lock = _waiting(thread, calls)
    transport = next((i for i, c in enumerate(calls) if c.at("transport", "run")), None)
    callback, entered = _callback(calls, transport)
    return Activity(
        thread=thread,
        name=_name(thread, calls),
        calls=calls,
        wait=wait,
        asks=asks,
        lock=lock,
        transport=transport,
        callback=callback,
        entered=entered,
    )


def _name(thread: ThreadStack, calls: tuple[Call, ...]) -> str:
    if thread.name and not _PROGRAM.fullmatch(thread.name):
        return thread.name
    if calls and calls[-1].function == "<module>":
        return "the main thread"
    return f"thread {thread.ident}" if thread.ident else "a thread"


def _waiting(thread: ThreadStack, calls: tuple[Call, ...]) -> tuple[Wait, int, str]:
    if not calls:
        return Wait.NOTHING, 0, ""
    index = 0
    while index < len(calls) - 1 and _is_primitive(calls[index]):
        index += 1
    call = calls[index]
    if index > 0 and call.module == CURE and call.function == "start_client":
        return Wait.HANDSHAKE, index, ""  # it waits in Paramiko's place, which looks again and again
    if call.layer is Layer.PARAMIKO:
        return _paramiko_wait(calls, index, waits_below=index > 0, holds_gil=bool(thread.holds_gil))
    if call.layer is Layer.STDLIB:
        found = _stdlib_wait(calls, index)
        if found is not None:
            return found
    if index > 0:
        primitive = calls[index - 1]
        return (Wait.EVENT if "Event" in primitive.frame.site.function else _bare_wait(calls, index)), index, ""
    if thread.holds_gil or thread.state == "active":
        return Wait.NOTHING, 0, ""
    if thread.system_call:
        wait = SYSTEM_CALLS.get(thread.system_call, Wait.NOTHING)
    else:
        wait = _by_printed_line(call) if call.layer is not Layer.STDLIB else Wait.NOTHING
    if wait in _OF_SOCKET:
        outer = next((i for i, c in enumerate(calls) if c.layer is Layer.PARAMIKO), 0)
        if calls[outer].at("packet", *_AT_SOCKET):  # in a socket that is not the standard library's
            return _paramiko_wait(calls, outer, waits_below=True)
    return wait, 0, ""


def _is_primitive(call: Call) -> bool:
    if call.module == CURE:  # it has locks, conditions and events of its own
        return call.layer is Layer.LIBRARY and call.function in ("wait", "acquire")
    return call.layer is Layer.STDLIB and (call.module, call.function) in PRIMITIVES


_OF_TRANSPORTS = frozenset({CURE, "cryptography", "nacl", "bcrypt", "gssapi", "pyasn1"})
"""Libraries by which a transport's thread does its own work: they call nobody back."""
_AT_SOCKET = ("read_all", "readline", "_read_timeout", "write_all")
"""Packetizer's functions that call the connection's socket, which may be anybody's (``sock=``)."""
_OF_SOCKET = frozenset({Wait.OWN_CODE, Wait.SOCKET, Wait.SELECT, Wait.NOTHING})


_SLEEPS = re.compile(r"\bsleep\(")


def _by_printed_line(call: Call) -> Wait:
    """What a line of the user's that calls nothing visible waits for, where the dump prints the line itself."""
    if _SLEEPS.search(call.frame.source):
        return Wait.SLEEP
    return Wait.LOCK if takes_lock(call.frame.source) else Wait.OWN_CODE


def _bare_wait(calls: tuple[Call, ...], index: int) -> Wait:
    """Without class names: Event.wait calls Condition.wait, so two of them mean an event."""
    return Wait.EVENT if index > 1 and calls[0].function == "wait" and calls[1].function == "wait" else Wait.CONDITION


def _paramiko_wait(
    calls: tuple[Call, ...], index: int, *, waits_below: bool, holds_gil: bool = False
) -> tuple[Wait, int, str]:
    call = calls[index]
    key = (call.module, call.function)
    if key == ("buffered_pipe", "read") and waits_below:
        return _read_wait(calls, index)
    if not waits_below and calls[0].layer is Layer.PARAMIKO and holds_gil:
        return Wait.NOTHING, index, ""  # it runs
    if not waits_below and (lock := _reentered_lock(calls, index)):
        return Wait.PARAMIKO_LOCK, index, lock
    if waits_below or key not in PARAMIKO_LOCKS:
        wait = PARAMIKO_WAITS.get(key, Wait.NOTHING)
        if wait is Wait.PACKET:
            wait = _packet_wait(calls)
        return wait, index, ""
    return Wait.PARAMIKO_LOCK, index, PARAMIKO_LOCKS[key]


def _read_wait(calls: tuple[Call, ...], index: int) -> tuple[Wait, int, str]:
    """Who reads the channel's buffer: somebody for output, or an SFTP call for its reply."""
    for outer in range(index + 1, min(index + 8, len(calls))):
        call = calls[outer]
        if call.at("channel", *CHANNEL_READS):
            reply = next(
                (i for i in range(outer, min(outer + 8, len(calls))) if calls[i].at("sftp_client", "_read_response")),
                None,
            )
            if reply is not None:
                return Wait.SFTP_REPLY, reply, ""
            return CHANNEL_READS[call.function], outer, ""
    return Wait.OUTPUT, index, ""


def _packet_wait(calls: tuple[Call, ...]) -> Wait:
    return Wait.BANNER if any(c.at("transport", "_check_banner") for c in calls) else Wait.PACKET


_LOOPS = {
    ("asyncio.base_events", "_run_once"),
    ("asyncio.windows_events", "_poll"),
}


def _stdlib_wait(calls: tuple[Call, ...], index: int) -> tuple[Wait, int, str] | None:
    for outer in range(index, min(index + 6, len(calls))):
        call = calls[outer]
        if call.layer is Layer.PARAMIKO:
            # A socket call of Paramiko's, for example through a proxy's or gevent's socket.
            return _paramiko_wait(calls, outer, waits_below=True)
        if call.layer is not Layer.STDLIB:
            return None
        if (call.module, call.function) in _LOOPS:
            return Wait.LOOP, outer, ""
        if call.at("threading", "run", layer=Layer.STDLIB) and "Timer" in call.frame.site.function:
            return Wait.TIMER, outer, ""
        wait = STDLIB_WAITS.get((call.module, call.function))
        if wait is not None:
            return _widened(calls, outer, wait)
        if call.function == "run" and call.module == "threading" and outer > index:
            return None
        if call.function == "run" and call.module == "threading":
            # faulthandler has no class names: Event.wait called by threading's own run is a Timer
            return Wait.TIMER, outer, ""
    return None


def _widened(calls: tuple[Call, ...], index: int, wait: Wait) -> tuple[Wait, int, str]:
    """A call further out may say better what the wait is for."""
    for outer in range(index + 1, min(index + 8, len(calls))):
        call = calls[outer]
        if call.layer is not Layer.STDLIB:
            if call.at("transport", "stop_thread"):
                return Wait.TRANSPORT_END, outer, ""
            break
        if (call.module, call.function) in _LOOPS:
            return Wait.LOOP, outer, ""
        better = STDLIB_WAITS.get((call.module, call.function))
        if better in (Wait.SHUTDOWN, Wait.FUTURE, Wait.PROCESS):
            return better, outer, ""
    return wait, index, ""


def _callback(calls: tuple[Call, ...], transport: int | None) -> tuple[Callback | None, int | None]:
    if transport is None:
        return None, None
    inner = range(transport - 1, -1, -1)  # from the outermost inwards
    at_socket = False
    for i in inner:
        call = calls[i]
        at_socket = at_socket or call.at("packet", *_AT_SOCKET)
        if call.function == "__del__":
            return Callback.FINALIZER, i
        if at_socket or call.layer is Layer.LIBRARY and call.module in _OF_TRANSPORTS:
            continue  # what the connection's own socket, packetizer or cipher does is Paramiko's reading and writing
        if call.layer is Layer.STDLIB and call.module == "logging" and call.function == "emit":
            # A handler of the standard library; one of the user's own is found as the user's call below.
            continue
        if call.layer in (Layer.USER, Layer.LIBRARY):
            logged = any(calls[k].layer is Layer.STDLIB and calls[k].module == "logging" for k in range(i, transport))
            return (Callback.LOGGING if logged else Callback.HANDLER), i
    return None, None


def holds_inside(activity: Activity, lock: str) -> Call | None:
    """The outer call of the same stack that is in the middle of a section under that lock of Paramiko's, or None.

    Threads: pure.
    """
    return _holder(activity.calls, activity.asks, lock)


def may_hold(activity: Activity, lock: str) -> bool:
    """Whether a thread is somewhere in a section under that lock of Paramiko's, of whatever object.

    Threads: pure.
    """
    functions = CRITICAL.get(lock, frozenset())
    for index, call in enumerate(activity.calls):
        if call.layer is Layer.PARAMIKO and (call.module, call.function) in functions:
            inner = activity.calls[index - 1] if index else None
            waits = inner is not None and inner.layer is Layer.STDLIB and (inner.module, inner.function) in PRIMITIVES
            stands_at_it = activity.wait is Wait.PARAMIKO_LOCK and activity.lock == lock and index == activity.asks
            if not waits and not stands_at_it:
                return True
    return activity.thread.cut_off


def logs_inside(activity: Activity) -> Call | None:
    """The innermost call in which Paramiko logs and so has called other code, for a thread that came back to it.

    Threads: pure.
    """
    user = next((i for i, c in enumerate(activity.calls) if c.layer in (Layer.USER, Layer.LIBRARY)), 0)
    logs = (c for c in activity.calls[user:] if c.layer is Layer.PARAMIKO and c.function == "_log")
    return next(logs, None) if user else None


def _holder(calls: tuple[Call, ...], asks: int, lock: str) -> Call | None:
    functions = CRITICAL.get(lock, frozenset())
    other_code = False
    for index in range(asks + 1, len(calls)):
        call, inner = calls[index], calls[index - 1]
        other_code = other_code or call.layer is not Layer.PARAMIKO or call.function == "__del__"
        if not other_code or call.layer is not Layer.PARAMIKO or (call.module, call.function) not in functions:
            continue
        if inner.layer is Layer.STDLIB and (inner.module, inner.function) in PRIMITIVES:
            continue  # waiting on a condition lets go of its lock
        mine, theirs = calls[asks].address(), call.address()
        if mine is None or theirs is None or mine == theirs:
            return call
    return None


def _reentered_lock(calls: tuple[Call, ...], index: int) -> str:
    """A lock that the innermost function takes and that the same stack holds further out; "" if there is none."""
    key = (calls[index].module, calls[index].function)
    return next((lock for lock, within in CRITICAL.items() if key in within and _holder(calls, index, lock)), "")
