"""What is watched in Paramiko: the user's calls, and the inner points of `births` and `wire`.

Threads: the probes run in any thread of the program's and do not block; `targets` in the recorder's start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dis import get_instructions
from opcode import opmap
from os.path import isabs
from sys import _getframe
from time import monotonic_ns
from types import CodeType
from typing import Any

from paramedic.model.event import Kind, State
from paramedic.model.operations import NUMBER, OPERATIONS
from paramedic.record.births import Births, finalizers
from paramedic.record.frames import PARAMIKO
from paramedic.record.inner_calls import OFTEN, with_real_locks
from paramedic.record.interrupts import is_on_way_out
from paramedic.record.patches import Target
from paramedic.record.probe import (
    FILE_TIMEOUT,
    GIVEN_PATH,
    GIVEN_TIMEOUT,
    NOTHING,
    OTHERS,
    OWN_TIMEOUT,
    Probes,
    Recorded,
    called_by,
    milliseconds,
    number,
)
from paramedic.record.wake_ups import wake_ups
from paramedic.record.wire import wire

_ALWAYS = PARAMIKO + 1
_CALL = opmap.get("CALL", -1)
_STATE = int(Kind.STATE)
_NO_TIMEOUT = (-1, 0)
_FAR_BYTES = 16 << 20


def targets(paramiko: Any, probes: Probes, record_commands: bool) -> Iterator[Target]:
    """All that is to be watched in this Paramiko."""
    return with_real_locks(_watched(paramiko, probes, record_commands), paramiko, probes.makers)


def _watched(paramiko: Any, probes: Probes, record_commands: bool) -> Iterator[Target]:
    from paramiko import (
        agent,
        channel,
        file,
        hostkeys,
        proxy,
        sftp_client,
        sftp_file,
    )  # the program's own, loaded by now

    homes = {
        "SSHClient": paramiko.SSHClient,
        "Transport": paramiko.Transport,
        "Channel": channel.Channel,
        "File": file.BufferedFile,
        "ChannelFile": channel.ChannelFile,
        "ChannelStdinFile": getattr(channel, "ChannelStdinFile", None),
        "SFTPClient": sftp_client.SFTPClient,
        "SFTPFile": sftp_file.SFTPFile,
        "HostKeys": hostkeys.HostKeys,
        "AgentKey": agent.AgentKey,
        "ProxyCommand": proxy.ProxyCommand,
    }
    for name, home in homes.items():
        if home is not None and f"{name}.__init__" in NUMBER:
            probes.classes[home] = NUMBER[f"{name}.__init__"]
    words = _Words(probes, record_commands)
    births = Births(homes, probes)
    around = births.leaves()
    for op, full in enumerate(OPERATIONS):
        name, _, method = full.partition(".")
        home = homes.get(name)
        if home is None:
            continue
        if method in ("__init__", "__del__") or full in _ELSEWHERE:
            continue  # see `Births`, `finalizers`, `_line_reads` and `_listings`
        always = full in _INNER
        if always:
            yield Target(
                home, method, *probes.call(op, None, words.arguments(full), _ALWAYS), _PARAMETERS.get(full, ())
            )
            continue
        what = _recorded(full, homes["ChannelFile"], record_commands)
        enter, leave, fail, span = probes.span(op, _MEASURES.get(method), words.arguments(full), what, full in _ASKED)
        if full in around:
            leave, span = around[full](leave), births.told(full, span)
        guard = probes.by_user(full in OFTEN)
        yield Target(home, method, enter, leave, fail, _PARAMETERS.get(full, ()), guard, span=span)
    yield from _line_reads(homes, probes)
    yield from _listings(homes, probes)
    yield from _asked_ahead(homes, probes)
    yield from births.targets()
    yield from finalizers(homes, probes)
    yield from wire(homes, probes)
    yield from wake_ups(paramiko, homes, probes)


_ELSEWHERE = frozenset(("File.__next__", "File.readline", "ProxyCommand.recv", "SFTPClient.listdir_iter"))
_INNER = frozenset(
    {
        "Transport.run",
        "SSHClient.save_host_keys",
        "HostKeys.load",
        "HostKeys.save",
        "HostKeys.add",
        "AgentKey.sign_ssh_data",
        "Channel.get_pty",
        "ProxyCommand.close",
    }
)
"""Recorded also when Paramiko itself calls them (a host key policy saves what it has added)."""

_PARAMETERS: dict[str, tuple[str, ...]] = {
    "SSHClient.connect": ("timeout", "hostname", "port"),
    "SSHClient.exec_command": ("timeout", "command"),
    "Channel.exec_command": ("command",),
    "SSHClient.set_missing_host_key_policy": ("policy",),
    "SSHClient.load_host_keys": ("filename",),
    "SSHClient.save_host_keys": ("filename",),
    "HostKeys.load": ("filename",),
    "HostKeys.save": ("filename",),
    "Transport.connect": ("hostkey", "password", "pkey"),
    "Transport.open_channel": ("timeout", "kind"),
    "Transport.open_session": ("timeout",),
    "Transport.accept": ("timeout",),
    "Transport.global_request": ("wait",),
    "Channel.settimeout": ("timeout",),
    "Channel.setblocking": ("blocking",),
    "Transport.request_port_forward": ("handler",),
    "Transport.set_keepalive": ("interval",),
    "SFTPClient.chdir": ("path",),
    **dict.fromkeys(
        (
            f"SFTPClient.{m}"
            for m in "listdir listdir_attr remove mkdir rmdir stat lstat chmod chown utime truncate".split()
        ),
        ("path",),
    ),
    "SFTPClient.open": ("filename",),
    "SFTPClient.put": ("remotepath",),
    "SFTPClient.putfo": ("remotepath",),
    "SFTPClient.get": ("remotepath",),
    "SFTPClient.getfo": ("remotepath",),
    "SFTPFile.prefetch": ("file_size", "max_concurrent_requests"),
    "SFTPFile.seek": ("offset", "whence"),
}

_ASKED = frozenset(("SSHClient.close", "Transport.close", "Channel.exit_status_ready", "Channel.fileno"))
"""Those that have something to be recorded besides their parameters."""

_MEASURES: dict[str, Callable[[Any], int]] = {
    **dict.fromkeys(("recv", "recv_stderr", "read", "readline", "__next__"), len),
    **dict.fromkeys(("send", "send_stderr", "recv_exit_status", "exit_status_ready", "recv_ready", "fileno"), number),
    **dict.fromkeys(("recv_stderr_ready", "send_ready", "request_port_forward", "readinto"), number),
}


_STILL_NS = 1_000_000_000
"""Within this time a name from which keys are read is still that of the same file: to look at it is a good part of what
it costs us that a client reads them, which each connect does."""
_ONLY_TIMED = frozenset(("Channel.settimeout", "Transport.open_session", "SSHClient.exec_command"))
_NOTES = frozenset(
    "add append warning warn info debug error log print put format get_name get_base64 get_fingerprint hexlify hex "
    "decode encode get_host_keys save_host_keys save join write flush getLogger asbytes b64encode rstrip strip md5 "
    "sha1 sha256 sha512 new digest hexdigest str repr bytes upper lower now isoformat strftime setdefault open "
    "dump dumps".split()
)
"""What a host key policy calls to tell of a key, or to keep it."""
_BLIND = frozenset(("AutoAddPolicy", "WarningPolicy", "MissingHostKeyPolicy"))
"""Paramiko's own: the last does nothing at all."""
_UPWARDS = ("super", "missing_host_key")
_TIMED = "recv recv_stderr send send_stderr sendall sendall_stderr".split()


def _recorded(full: str, stream: type, record_commands: bool) -> Recorded:
    """What `_Words.arguments` would make of a call's arguments."""
    name, _, method = full.partition(".")
    if name == "File":
        words = "(_first.channel.timeout if _isinstance(_first, _stream) else None) is None"
        return Recorded(FILE_TIMEOUT, words, {"_isinstance": isinstance, "_stream": stream})
    if name == "Channel" and method in _TIMED:
        return Recorded(OWN_TIMEOUT, "_first.timeout is None")
    if full in _ONLY_TIMED and not (full == "SSHClient.exec_command" and record_commands):
        return Recorded(GIVEN_TIMEOUT, "timeout is None")
    if name == "SFTPClient" and full in _PARAMETERS:
        return Recorded(GIVEN_PATH, "False")
    return Recorded(OTHERS, "False") if full in _PARAMETERS or full in _ASKED else Recorded(NOTHING, "True")


class _Words:
    """From arguments to ``a`` (a timeout in ms) and ``b`` (a text) of a call."""

    def __init__(self, probes: Probes, record_commands: bool) -> None:
        self.probes = probes
        self.text = probes.writer.text
        self.record_commands = record_commands
        self._latest_file: tuple[str | None, int, str, int] = (None, 0, "", 0)
        self.special: dict[str, Callable[..., tuple[int, int]]] = {
            "SSHClient.connect": self.connect,
            "SSHClient.exec_command": self.command,
            "Channel.exec_command": self.channel_command,
            "SSHClient.set_missing_host_key_policy": self.policy,
            "Transport.connect": self.bare_connect,
            "Transport.open_channel": self.open_channel,
            "Transport.open_session": lambda _, timeout: (milliseconds(timeout), 0),
            "Transport.accept": lambda _, timeout: (milliseconds(timeout), 0),
            "Transport.global_request": lambda _, wait: (int(bool(wait)), 0),
            "Transport.request_port_forward": lambda _, handler: (_which(handler), 0),
            "Transport.set_keepalive": lambda link, interval: (milliseconds(interval), _is_safe(link)),
            "AgentKey.sign_ssh_data": lambda key: (id(getattr(key, "agent", None)), 0),
            **dict.fromkeys(("SSHClient.close", "Transport.close"), _why_now),
            "SFTPFile.seek": lambda file, offset, whence=0: (_is_far(file, offset, whence), 0),
            "Channel.exit_status_ready": lambda _, frame: (_knows_end(frame), 0),
            "Channel.fileno": lambda _, frame: (_positional_arguments(frame), 0),
            "Channel.settimeout": lambda _, timeout: (milliseconds(timeout), 0),
            "Channel.setblocking": lambda _, blocking: (-1 if blocking else 0, 0),
            "SFTPFile.prefetch": lambda _, size, most=0: (size or -1, most or 0),
            **dict.fromkeys(("SSHClient.load_host_keys", "HostKeys.load"), self.read_file),
            **dict.fromkeys(("SSHClient.save_host_keys", "HostKeys.save"), self.file_name),
        }

    def arguments(self, full: str) -> Callable[..., tuple[int, int]] | None:
        name, _, method = full.partition(".")
        if full in self.special:
            return self.special[full]
        if name == "Channel" and method in _TIMED:
            return lambda channel: _NO_TIMEOUT if channel.timeout is None else (milliseconds(channel.timeout), 0)
        if name == "File":
            return _file_timeout
        if name == "SFTPClient" and full in _PARAMETERS:
            return _relative
        return None

    def connect(self, client: Any, timeout: Any, hostname: Any, port: Any) -> tuple[int, int]:
        monkey = sys.modules.get("gevent.monkey")
        if monkey is not None and monkey.is_module_patched("socket") and not monkey.is_module_patched("threading"):
            self.probes.row(_STATE, State.GEVENT, self.probes.id_of(client), 0, 1, 0)
        limit = -1 if timeout is None else milliseconds(timeout)
        return limit, self.text(f"{hostname}" if port == 22 else f"{hostname}:{port}")

    def bare_connect(self, _: Any, hostkey: Any, password: Any, pkey: Any) -> tuple[int, int]:
        # without either nobody is logged in yet: there is time to look at the key
        logs_in = password is not None or pkey is not None
        return -1, self.text("no host key") if logs_in and hostkey is None else 0

    def command(self, _: Any, timeout: Any, command: Any) -> tuple[int, int]:
        return milliseconds(timeout), self.text(f"{command}") if self.record_commands else 0

    def channel_command(self, _: Any, command: Any = "") -> tuple[int, int]:
        return -1, self.text(f"{command}") if self.record_commands else 0

    def policy(self, _: Any, policy: Any) -> tuple[int, int]:
        kind: Any = policy if isinstance(policy, type) else type(policy)
        return -1, self.text(f"{kind.__name__}{' accepts all' if _is_blind(kind.__mro__) else ''}")

    def open_channel(self, _: Any, timeout: Any, kind: Any) -> tuple[int, int]:
        return milliseconds(timeout), self.text(str(kind))

    def file_name(self, _: Any, filename: Any) -> tuple[int, int]:
        # which file it is matters, its name does not leave: only equality within this run is kept
        which, node = hash(str(filename)) & 0x7FFFFFFF, _node(filename)
        # nobody else's object is kept alive, and what a name means that does not begin at the root changes with chdir()
        if type(filename) is str and node and isabs(filename):
            self._latest_file = filename, which, node, monotonic_ns()
        return which, self.text(node)

    def read_file(self, client: Any, filename: Any) -> tuple[int, int]:
        name, which, node, looked_ns = self._latest_file
        if type(filename) is str and filename == name and monotonic_ns() - looked_ns < _STILL_NS:
            return which, self.text(node)
        return self.file_name(client, filename)


def _is_blind(classes: Sequence[type]) -> bool:
    """Whether the first of a policy's classes that has a say takes any key; it may leave that to the next one."""
    for place, kind in enumerate(classes):
        if "missing_host_key" not in vars(kind):
            continue
        if kind.__module__.partition(".")[0] == "paramiko":
            return kind.__name__ in _BLIND
        code = getattr(kind.missing_host_key, "__code__", None)  # type: ignore[attr-defined]
        if code is None or not _accepts_all(code, *_UPWARDS):
            return False
        if "missing_host_key" not in code.co_names:
            return True
        return "super" in code.co_names and _is_blind(classes[place + 1 :])
    return False


def _accepts_all(code: CodeType, *others: str) -> bool:
    """Whether a policy's function never raises, and calls nothing that could decide about a key, but perhaps others."""
    called, function, begins, last = set(), "", False, ""
    for i in get_instructions(code):
        if i.opname == "RAISE_VARARGS":
            return False
        if i.opname == "PUSH_NULL" and sys.version_info >= (3, 13):  # after what is called, before that version ahead
            called.add(last)
            continue
        begins = begins or "NULL" in i.argrepr or i.opname in ("PUSH_NULL", "LOAD_METHOD")
        if i.opname.startswith("LOAD_"):
            last = str(i.argval)
            if begins or function and i.opname == "LOAD_ATTR":  # logging.getLogger is loaded in two steps
                function, begins = last, False
                continue
        called.add(function)
        function = ""
    return called <= {"", *_NOTES, *others}


def _node(filename: Any) -> str:
    """Which file it is, to other processes too; empty if it is not there."""
    try:
        found = os.stat(filename)
    except (OSError, TypeError, ValueError):
        return ""
    return f"{found.st_dev:x}:{found.st_ino:x}"


def _is_safe(transport: Any) -> int:
    """Whether it is one of paramedic.safe's, which looks for answers, and whose streams do not wait for each other."""
    return int(bool(getattr(transport, "is_paramedic_safe", False)))


def _which(handler: Any) -> int:
    """What tells one handler from another: each look at an object's method makes a new one."""
    function = getattr(handler, "__func__", None)
    return 0 if handler is None else id(handler) if function is None else id(handler.__self__) ^ id(function) << 1


def _knows_end(frame: Any) -> int:
    """1 if the function that makes a call looks at the end of a channel's stream, too; else 0."""
    names = frame.f_code.co_names if frame is not None else ()  # C alone has called: a thread's first function
    return int("eof_received" in names or "closed" in names)


def _why_now(_: Any, frame: Any) -> tuple[int, int]:
    """1 if a deadline of an event loop's makes a call, 3 if a signal has the thread leave all that it does; else -1."""
    events = sys.modules.get("asyncio.events")
    if events is not None and events._get_running_loop() is not None and _is_deadline(frame, events):
        return 1, 0
    return (3 if sys.exc_info()[1] is not None and is_on_way_out() else -1), 0


def _is_deadline(frame: Any, events: Any) -> bool:
    """Whether a timer of an asyncio loop makes the call, as ``loop.call_later(30, client.close)`` does.

    A task that slept is no timer's: the loop resumes it by a handle of another kind.
    """
    runs, here = events.Handle._run.__code__, frame
    while here is not None:
        if here.f_code is runs:
            return isinstance(here.f_locals.get("self"), events.TimerHandle)
        here = here.f_back
    return False


def _is_far(file: Any, offset: Any, whence: Any) -> int:
    """1 if much of a file lies between where it is read and where it is to be read next; else -1."""
    ahead = offset if whence == 1 else offset - file._realpos
    return 1 if whence == 2 or ahead >= _FAR_BYTES else -1


def _positional_arguments(frame: Any) -> int:
    """How many arguments the call has that a frame is about to make; -1 if that cannot be told.

    ``select.select([channel], [], [])`` asks for ``fileno()`` from C, so the frame is that of the call of select().
    """
    if frame is None:
        return -1
    raw, at = frame.f_code.co_code, frame.f_lasti
    return raw[at + 1] if raw[at] == _CALL else -1


def _file_timeout(thing: Any) -> tuple[int, int]:
    # not through its __dict__: making that would slow the file down
    channel = getattr(thing, "channel", None)
    return _NO_TIMEOUT if channel is None or channel.timeout is None else (milliseconds(channel.timeout), 0)


def _relative(_: Any, path: Any = "") -> tuple[int, int]:
    """Whether a path depends on the client's working directory; the path itself does not leave."""
    if isinstance(path, bytes):
        return int(not path.startswith(b"/")), 0
    return int(not str(path).startswith("/")), 0


def _line_reads(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """``for line in stdout`` and ``readline()``: recorded where they go to the channel, not for each line.

    Most lines come out of the file's own buffer, and a probe there would cost more than the line. So the inner
    ``_read`` is watched, and is the user's call when ``readline`` (file.py) is its caller.
    """
    row, stack_of, id_of, trouble = probes.row, probes.stacks.of, probes.id_of, probes.trouble
    op = NUMBER["File.readline"]
    call = int(Kind.CALL)
    _, leave, fail = probes.call(op, len)

    def enter(thing: Any) -> int | None:
        try:
            given: int = id_of(thing)
            row(call, op, given, stack_of(_getframe(2)), _file_timeout(thing)[0], 0)
            return given
        except Exception as e:
            trouble("readline", e)
            return None

    by_readline = called_by(homes["File"].readline)
    for home in (homes["ChannelFile"], *homes["ChannelFile"].__subclasses__(), homes["SFTPFile"]):
        if "_read" in vars(home):
            yield Target(home, "_read", enter, leave, fail, guard=by_readline)


def _listings(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """``listdir_iter()``: recorded where it asks the peer and waits for its answers, as calls of whoever iterates.

    Its call alone does nothing, and a generator cannot be given probes. So the inner ``_request`` and ``_read_packet``
    are watched, and are the user's calls when ``listdir_iter`` (sftp_client.py) is their caller.
    """
    enter, leave, fail = probes.call(NUMBER["SFTPClient.listdir_iter"], None, None, _ALWAYS)
    iterated = called_by(homes["SFTPClient"].listdir_iter)
    for method in ("_request", "_read_packet"):
        home = next((c for c in homes["SFTPClient"].__mro__ if method in vars(c)), None)
        if home is not None:
            yield Target(home, method, enter, leave, fail, guard=iterated)


def _asked_ahead(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """How much a ``prefetch()`` asks for: where the program does not say the file's size, only Paramiko knows it."""
    row, id_of, trouble = probes.row, probes.id_of, probes.trouble
    asked = int(State.ASKED_AHEAD)

    def enter(file: Any, chunks: Any) -> None:
        try:
            row(_STATE, asked, id_of(file), 0, sum(size for _, size in chunks), 0)
        except Exception as e:
            trouble("_start_prefetch", e)

    if "_start_prefetch" in vars(homes["SFTPFile"]):
        yield Target(homes["SFTPFile"], "_start_prefetch", enter, parameters=("chunks",))
