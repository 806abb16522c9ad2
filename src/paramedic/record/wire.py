"""The inner points of Paramiko where bytes and protocol messages pass: windows, ends of streams, answers.

Private names that are used here (``in_buffer._buffer``, ``_feed``, ``_set_transport`` …) exist in Paramiko 2.12 to 5.1;
one that is missing becomes a gap.

Threads: the probes run in any thread of the program's and do not block; making them is the recorder's start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from paramedic.model.event import ERR, OUT, Kind, State
from paramedic.model.operations import NUMBER
from paramedic.record.patches import Guard, Target
from paramedic.record.probe import Probes, describe

_EOF, _CLOSE = 96, 97  # RFC 4254 section 5.3
_LENGTH = 5
"""Of these messages: type and channel. The cheap test of the length comes first, for every message."""
_LINK, _FEED, _WIRE, _STATE = int(Kind.LINK), int(Kind.FEED), int(Kind.WIRE), int(Kind.STATE)


def wire(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """The inner points where bytes and protocol messages pass.

    Threads: the thread that starts a recording; the probes in any thread, without blocking.
    """
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
        if probes.hold_back is not None:  # the lock clear_to_send_lock is held now
            probes.hold_back(True)
        packet = getattr(data, "packet", None)
        if packet is not None and packet.tell() == _LENGTH:
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
        try:
            return None if _is_set(channel.status_event) else channel
        except Exception as e:
            trouble("exit status", e)
            return None

    def requested(channel: Any, result: Any) -> Any:
        try:
            if _is_set(channel.status_event):
                row(_STATE, State.EXIT_STATUS, id_of(channel), 0, channel.exit_status, 0)
        except Exception as e:
            trouble("exit status", e)
        return result

    channel, transport = homes["Channel"], homes["Transport"]
    short = Guard(f"data.packet.tell() == {_LENGTH}", {}) if probes.hold_back is None else None
    plain: list[tuple[Any, str, Callable[..., None], tuple[str, ...], Guard | None]] = [
        (channel, "_set_transport", linked, ("transport",), None),
        (channel, "_set_window", window, ("window_size",), None),
        (channel, "_set_remote_channel", remote, ("chanid", "window_size"), None),
        (channel, "_handle_eof", received(_EOF), (), None),
        (channel, "_handle_close", received(_CLOSE), (), None),
        (transport, "_send_message", sent, ("data",), short),
    ]
    for home, name, tell, parameters, guard in plain:
        yield Target(home, name, guarded(name, tell), parameters=parameters, guard=guard)
    in_kex = NUMBER["Transport.send_in_kex"]
    call, returned, raised = int(Kind.CALL), int(Kind.RETURN), int(Kind.RAISE)

    def sends(thing: Any, data: Any) -> Any:
        try:
            if probes.hold_back is not None and _is_eof(data):
                probes.hold_back(False)
            if _is_set(thing.clear_to_send):
                return None
            given = id_of(thing)
            row(call, in_kex, given, 0, -1, 0)  # has to wait until the keys are exchanged
            return given
        except Exception as e:
            trouble("send", e)
            return None

    def has_sent(given: int, result: Any) -> Any:
        try:
            row(returned, in_kex, given, 0, 0, 0)
        except Exception as e:
            trouble("send", e)
        return result

    def has_failed(given: int, error: BaseException) -> None:
        try:
            row(raised, in_kex, given, 0, 0, probes.writer.text(describe(error)))
        except Exception as e:
            trouble("send", e)

    waits = Guard("not _first.clear_to_send._flag", {}) if probes.hold_back is None else None
    yield Target(transport, "_send_user_message", sends, has_sent, has_failed, ("data",), waits)

    yield from _proxies(homes, probes)
    yield Target(channel, "_feed", whole, fed)
    yield Target(channel, "_feed_extended", whole, fed_stderr)
    yield Target(channel, "_handle_request", request, requested, guard=Guard("not _first.status_event._flag", {}))


def _is_set(event: Any) -> bool:
    try:
        return event._flag  # type: ignore[no-any-return]  # is_set() may be one of our probes
    except AttributeError:  # gevent's
        return bool(event.is_set())


def _is_eof(data: Any) -> bool:
    packet = getattr(data, "packet", None)
    return packet is not None and packet.tell() == _LENGTH and packet.getvalue()[0] == _EOF


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
        except (ImportError, OSError, ValueError, TypeError):  # TypeError: a test has put a mock there
            pass
        except Exception as e:
            trouble("proxy", e)

    yield Target(homes["ProxyCommand"], "recv", enter)
