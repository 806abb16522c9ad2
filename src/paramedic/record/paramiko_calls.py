"""What is watched in Paramiko: the user's calls, and the few inner points where bytes and protocol messages pass.

Private names that are used here (``in_buffer._buffer``, ``_feed``, ``_set_transport`` …) exist in Paramiko 2.12 to 5.1;
one that is missing becomes a gap.

Threads: the probes run in any thread of the program's and do not block; `targets` in the recorder's start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from opcode import opmap
from sys import _getframe, getrefcount
from typing import Any

from paramedic.model.event import ERR, IN, OUT, Kind, State
from paramedic.model.operations import NUMBER, OPERATIONS
from paramedic.record.frames import OURS, SYNC
from paramedic.record.patches import Enter, Fail, Leave
from paramedic.record.probe import MARK, Probes, describe, length, milliseconds, number

Target = tuple[Any, str, Enter, Leave, Fail, tuple[str, ...]]
"""Owner (class), attribute, the three probes, parameters that `Enter` gets."""

_CALL = opmap.get("CALL", -1)
_EOF, _CLOSE = 96, 97  # RFC 4254 section 5.3
_ALWAYS = SYNC + 1
_LINK, _FEED, _WIRE, _STATE, _NEW, _FINAL = (
    int(k) for k in (Kind.LINK, Kind.FEED, Kind.WIRE, Kind.STATE, Kind.NEW, Kind.FINAL)
)


def targets(paramiko: Any, probes: Probes, record_commands: bool) -> Iterator[Target]:
    """All that is to be watched in this Paramiko."""
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
    for op, full in enumerate(OPERATIONS):
        name, _, method = full.partition(".")
        home = homes.get(name)
        if home is None:
            continue
        if method in ("__init__", "__del__") or full in ("File.__next__", "File.readline", "ProxyCommand.recv"):
            continue  # see `_births`, `_finalizers` and `_line_reads`
        enter, leave, fail = probes.call(
            op, _MEASURES.get(method), words.arguments(full), _ALWAYS if full in _INNER else OURS + 1
        )
        yield home, method, enter, leave, fail, _PARAMETERS.get(full, _PARAMETERS.get("*." + method, ()))
    yield from _line_reads(homes, probes)
    yield from _births(homes, probes)
    yield from _finalizers(homes, probes)
    yield from _wire(homes, probes)


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
}

_MEASURES: dict[str, Callable[[Any], int]] = {
    **dict.fromkeys(("recv", "recv_stderr", "read", "readline", "__next__"), length),
    **dict.fromkeys(("send", "send_stderr", "recv_exit_status", "exit_status_ready", "recv_ready", "fileno"), number),
    **dict.fromkeys(("recv_stderr_ready", "send_ready", "request_port_forward", "readinto"), number),
}


class _Words:
    """From arguments to ``a`` (a timeout in ms) and ``b`` (a text) of a call."""

    def __init__(self, probes: Probes, record_commands: bool) -> None:
        self.probes = probes
        self.text = probes.writer.text
        self.record_commands = record_commands

    def arguments(self, full: str) -> Callable[..., tuple[int, int]] | None:
        name, _, method = full.partition(".")
        special: dict[str, Callable[..., tuple[int, int]]] = {
            "SSHClient.connect": self.connect,
            "SSHClient.exec_command": self.command,
            "Channel.exec_command": self.channel_command,
            "SSHClient.set_missing_host_key_policy": self.policy,
            "Transport.open_channel": self.open_channel,
            "Transport.open_session": lambda _, timeout: (milliseconds(timeout), 0),
            "Transport.accept": lambda _, timeout: (milliseconds(timeout), 0),
            "Transport.global_request": lambda _, wait: (int(bool(wait)), 0),
            "Transport.request_port_forward": lambda _, handler: (id(handler) if handler is not None else 0, 0),
            "Transport.set_keepalive": lambda _, interval: (milliseconds(interval), 0),
            "AgentKey.sign_ssh_data": lambda key: (id(getattr(key, "agent", None)), 0),
            "Channel.fileno": lambda _: (_positional_arguments(_getframe(3)), 0),
            "Channel.settimeout": lambda _, timeout: (milliseconds(timeout), 0),
            "Channel.setblocking": lambda _, blocking: (-1 if blocking else 0, 0),
            "SFTPFile.prefetch": lambda _, size, most: (size or -1, most or 0),
            **dict.fromkeys(
                ("SSHClient.load_host_keys", "SSHClient.save_host_keys", "HostKeys.load", "HostKeys.save"),
                self.file_name,
            ),
        }
        if full in special:
            return special[full]
        if name == "Channel" and method in ("recv", "recv_stderr", "send", "send_stderr", "sendall", "sendall_stderr"):
            return lambda channel: (milliseconds(channel.timeout), 0)
        if name == "File":
            return _file_timeout
        if name == "SFTPClient" and full in _PARAMETERS:
            return _relative
        return None

    def connect(self, client: Any, timeout: Any, hostname: Any, port: Any) -> tuple[int, int]:
        monkey = sys.modules.get("gevent.monkey")
        if monkey is not None and monkey.is_module_patched("socket") and not monkey.is_module_patched("threading"):
            self.probes.row(_STATE, State.GEVENT, self.probes.id_of(client), 0, 1, 0)
        return milliseconds(timeout), self.text(f"{hostname}" if port == 22 else f"{hostname}:{port}")

    def command(self, _: Any, timeout: Any, command: Any) -> tuple[int, int]:
        return milliseconds(timeout), self.text(f"{command}") if self.record_commands else 0

    def channel_command(self, _: Any, command: Any = "") -> tuple[int, int]:
        return -1, self.text(f"{command}") if self.record_commands else 0

    def policy(self, _: Any, policy: Any) -> tuple[int, int]:
        kind: Any = policy if isinstance(policy, type) else type(policy)
        decides = getattr(kind.missing_host_key, "__code__", None)
        blind = decides is not None and not decides.co_names and kind.__module__.partition(".")[0] != "paramiko"
        return -1, self.text(f"{kind.__name__}{' accepts all' if blind else ''}")

    def open_channel(self, _: Any, timeout: Any, kind: Any) -> tuple[int, int]:
        return milliseconds(timeout), self.text(str(kind))

    def file_name(self, _: Any, filename: Any) -> tuple[int, int]:
        # which file it is matters, its name does not leave: only equality within this run is kept
        return hash(str(filename)) & 0x7FFFFFFF, 0


def _positional_arguments(frame: Any) -> int:
    """How many arguments the call has that a frame is about to make; -1 if that cannot be told.

    ``select.select([channel], [], [])`` asks for ``fileno()`` from C, so the frame is that of the call of select().
    """
    raw, at = frame.f_code.co_code, frame.f_lasti
    return raw[at + 1] if raw[at] == _CALL else -1


def _file_timeout(thing: Any) -> tuple[int, int]:
    channel = thing.__dict__.get("channel")
    return (-1 if channel is None else milliseconds(channel.timeout)), 0


def _relative(_: Any, path: Any = "") -> tuple[int, int]:
    """Whether a path depends on the client's working directory; the path itself does not leave."""
    if isinstance(path, bytes):
        return int(not path.startswith(b"/")), 0
    return int(not str(path).startswith("/")), 0


def _no_leave(_: Any, result: Any) -> Any:
    return result


def _no_fail(_: Any, __: BaseException) -> None:
    return None


def _line_reads(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """``for line in stdout`` and ``readline()``: recorded where they go to the channel, not for each line.

    Most lines come out of the file's own buffer, and a probe there would cost more than the line. So the inner
    ``_read`` is watched, and is the user's call when ``readline`` (file.py) is its caller.
    """
    row, stack_of, id_of, trouble = probes.row, probes.stacks.of, probes.id_of, probes.trouble
    readline = homes["File"].readline
    op = NUMBER["File.readline"]
    call = int(Kind.CALL)
    _, leave, fail = probes.call(op, length)

    def enter(thing: Any) -> int | None:
        try:
            frame = _getframe(2)
            # the code object is looked at each time: it is our own rewritten one only while somebody has patched it
            if frame.f_code is not readline.__code__:
                return None
            given: int = id_of(thing)
            row(call, op, given, stack_of(frame), _file_timeout(thing)[0], 0)
            return given
        except Exception as e:
            trouble("readline", e)
            return None

    for home in (homes["ChannelFile"], *homes["ChannelFile"].__subclasses__(), homes["SFTPFile"]):
        if "_read" in vars(home):
            yield home, "_read", enter, leave, fail, ()


def _births(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    channel_type = homes["Channel"]
    stdin, stderr = homes["ChannelStdinFile"], None
    id_of, adopt, trouble = probes.id_of, probes.adopt, probes.trouble
    stderr = next((c for c in homes["ChannelFile"].__subclasses__() if c.__name__ == "ChannelStderrFile"), None)

    def born(parent: Callable[..., tuple[int, int]] | None, placed: bool) -> Callable[..., None]:
        def enter(thing: Any, *values: Any) -> None:
            try:
                if MARK not in thing.__dict__:
                    over, which = parent(thing, *values) if parent is not None else (0, 0)
                    adopt(thing, over, which, _getframe(2) if placed else None)
            except Exception as e:
                trouble("birth", e)

        return enter

    def of_socket(_: Any, sock: Any) -> tuple[int, int]:
        return (id_of(sock), 0) if isinstance(sock, channel_type) else (0, 0)

    def of_channel_file(thing: Any, channel: Any, mode: str) -> tuple[int, int]:
        kind = type(thing)
        stream = IN if kind is stdin or ("w" in mode and "r" not in mode) else ERR if kind is stderr else OUT
        return id_of(channel), stream

    plans: list[tuple[str, Callable[..., tuple[int, int]] | None, tuple[str, ...]]] = [
        ("SSHClient", None, ()),
        ("Transport", of_socket, ("sock",)),
        ("Channel", lambda _, chanid: (0, chanid), ("chanid",)),
        ("ChannelFile", of_channel_file, ("channel", "mode")),
        ("SFTPClient", of_socket, ("sock",)),
        ("SFTPFile", lambda _, sftp: (id_of(sftp), 0), ("sftp",)),
        ("HostKeys", None, ()),
        ("ProxyCommand", None, ()),
    ]
    for name, parent, parameters in plans:
        # channels and their files are many, and known by their number and by the call that opened them
        placed = name not in ("Channel", "ChannelFile")
        yield homes[name], "__init__", born(parent, placed), _no_leave, _no_fail, parameters


def _finalizers(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    row = probes.row

    channel, stdin = homes["Channel"], homes["ChannelStdinFile"]
    unheld: list[int] = []

    dropped_type: Any = type("Dropped", (homes["File"],), {"close": lambda self: None})

    def enter(thing: Any) -> int | None:
        given: int | None = thing.__dict__.get(MARK)
        if given is None:
            if type(thing) is dropped_type:
                unheld.append(getrefcount(thing))
            return None
        b = int(bool(thing.__dict__.get("_closed")))
        if stdin is not None and type(thing) is stdin and not b:
            # whoever drops the last reference leaves none but ours; what the collector finds is still in its cycle
            if not unheld:
                dropped = object.__new__(dropped_type)
                del dropped
            b = 2 * bool(unheld and getrefcount(thing) > unheld[0])
        row(_FINAL, 0, given, 0, 0, b)
        # the end matters only where a finalizer sends something, and so may never end
        return given if isinstance(thing, (channel, stdin)) else None

    def leave(token: int, result: Any) -> Any:
        row(_FINAL, 0, token, 0, 1, 0)
        return result

    for name in ("Channel", "File", "SFTPFile"):
        yield homes[name], "__del__", enter, leave, _no_fail, ()


def _wire(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    row, id_of, trouble = probes.row, probes.id_of, probes.trouble

    def guarded(where: str, tell: Callable[..., None]) -> Callable[..., None]:
        def enter(*values: Any) -> None:
            try:
                tell(*values)
            except Exception as e:
                trouble(where, e)

        return enter

    asked: set[int] = set()

    def linked(channel: Any, transport: Any) -> None:
        given = id_of(transport)
        row(_LINK, 0, id_of(channel), 0, given, channel.chanid)
        if given not in asked:  # with its first channel the program has had its chance to set the option
            asked.add(given)
            option = getattr(transport.sock, "getsockopt", None)
            if option is not None:
                row(_STATE, State.NO_DELAY, given, 0, int(bool(option(6, 1))), 0)  # IPPROTO_TCP, TCP_NODELAY

    def window(channel: Any, window_size: Any) -> None:
        row(_STATE, State.WINDOW, id_of(channel), 0, window_size, 0)

    def remote(channel: Any, chanid: Any, window_size: Any) -> None:
        row(_STATE, State.REMOTE_CHANNEL, id_of(channel), 0, chanid, window_size & 0xFFFFFFFF)

    def received(message: int) -> Callable[..., None]:
        def tell(channel: Any) -> None:
            row(_WIRE, message, id_of(channel.transport), 0, channel.chanid, 1)

        return tell

    def sent(transport: Any, data: Any) -> None:
        # EOF and CLOSE are 5 bytes: type and channel; the cheap test of the length comes first, for every message
        packet = getattr(data, "packet", None)
        if packet is not None and packet.tell() == 5:
            raw = packet.getvalue()
            if raw[0] in (_EOF, _CLOSE):
                row(_WIRE, raw[0], id_of(transport), 0, int.from_bytes(raw[1:5], "big"), 0)

    def whole(thing: Any, *_: Any) -> Any:
        return thing

    def fed(channel: Any, result: Any) -> Any:
        try:
            row(_FEED, OUT, id_of(channel), 0, len(channel.in_buffer._buffer), channel.in_window_size)
        except Exception as e:
            trouble("feed", e)
        return result

    def fed_stderr(channel: Any, result: Any) -> Any:
        try:
            if not channel.combine_stderr:
                row(_FEED, ERR, id_of(channel), 0, len(channel.in_stderr_buffer._buffer), channel.in_window_size)
        except Exception as e:
            trouble("feed", e)
        return result

    def request(channel: Any, *_: Any) -> Any:
        return None if channel.status_event.is_set() else channel

    def requested(channel: Any, result: Any) -> Any:
        try:
            if channel.status_event.is_set():
                row(_STATE, State.EXIT_STATUS, id_of(channel), 0, channel.exit_status, 0)
        except Exception as e:
            trouble("exit status", e)
        return result

    channel, transport = homes["Channel"], homes["Transport"]
    plain: list[tuple[Any, str, Callable[..., None], tuple[str, ...]]] = [
        (channel, "_set_transport", linked, ("transport",)),
        (channel, "_set_window", window, ("window_size",)),
        (channel, "_set_remote_channel", remote, ("chanid", "window_size")),
        (channel, "_handle_eof", received(_EOF), ()),
        (channel, "_handle_close", received(_CLOSE), ()),
        (transport, "_send_message", sent, ("data",)),
    ]
    for home, name, tell, parameters in plain:
        yield home, name, guarded(name, tell), _no_leave, _no_fail, parameters
    in_kex = NUMBER["Transport.send_in_kex"]
    call, returned, raised = int(Kind.CALL), int(Kind.RETURN), int(Kind.RAISE)

    def sends(thing: Any, data: Any) -> Any:
        if probes.hold_back is not None and _is_eof(data):
            probes.hold_back()
        if thing.clear_to_send.is_set():
            return None
        given = id_of(thing)
        row(call, in_kex, given, 0, -1, 0)  # has to wait until the keys are exchanged
        return given

    def has_sent(given: int, result: Any) -> Any:
        row(returned, in_kex, given, 0, 0, 0)
        return result

    def has_failed(given: int, error: BaseException) -> None:
        row(raised, in_kex, given, 0, 0, probes.writer.text(describe(error)))

    yield transport, "_send_user_message", sends, has_sent, has_failed, ("data",)

    yield from _proxies(homes, probes)
    yield channel, "_feed", whole, fed, _no_fail, ()
    yield channel, "_feed_extended", whole, fed_stderr, _no_fail, ()
    yield channel, "_handle_request", request, requested, _no_fail, ()


def _is_eof(data: Any) -> bool:
    packet = getattr(data, "packet", None)
    return packet is not None and packet.tell() == 5 and packet.getvalue()[0] == _EOF


def _proxies(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """How full the stderr pipe of a ProxyCommand is, looked at now and then as data comes through it."""
    row, id_of, trouble = probes.row, probes.id_of, probes.trouble
    looked: dict[int, int] = {}
    processes: dict[int, int] = {}

    def at_exit() -> None:
        for given, process in list(processes.items()):
            try:  # WNOWAIT: whoever waits for it after us finds it as it was
                os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:  # somebody has waited for it
                continue
            except OSError as e:
                trouble("proxy", e)
            row(_STATE, State.PROXY_LEFT, given, 0, 1, 0)

    probes.at_exit.append(at_exit)

    def enter(proxy: Any) -> None:
        try:
            import fcntl
            import termios

            given = id_of(proxy)
            if given not in processes:
                processes[given] = proxy.process.pid
            stderr = proxy.process.stderr
            if stderr is None:
                return
            unread = int.from_bytes(fcntl.ioctl(stderr.fileno(), termios.FIONREAD, b"\0\0\0\0"), sys.byteorder)
            # a row for each kilobyte that has come since, not for each read
            if unread >= looked.get(given, 0) + 1024:
                looked[given] = unread
                row(_STATE, State.PROXY_STDERR, given, 0, unread, 0)
        except (ImportError, OSError, ValueError):
            pass
        except Exception as e:
            trouble("proxy", e)

    yield homes["ProxyCommand"], "recv", enter, _no_leave, _no_fail, ()
