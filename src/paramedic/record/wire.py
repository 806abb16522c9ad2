"""The inner points of Paramiko where bytes and protocol messages pass: windows, ends of streams, answers.

Private names that are used here (``in_buffer._buffer``, ``_feed``, ``_set_transport`` …) exist in Paramiko 2.12 to 5.1;
one that is missing becomes a gap.

Threads: the probes run in any thread of the program's and do not block; making them is the recorder's start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from time import monotonic_ns
from typing import Any

from paramedic.model.event import ERR, OUT, Kind, State
from paramedic.model.operations import NUMBER
from paramedic.record.births import QUIET
from paramedic.record.patches import Enter, Guard, Target
from paramedic.record.probe import EOF, MARK, SEND, Probes, describe
from paramedic.trace import native
from paramedic.trace.layout import KIND_SHIFT

_EOF, _CLOSE = 96, 97  # RFC 4254 section 5.3
_ENDS = frozenset((_EOF, _CLOSE))
_TELLS_STATUS = b"\0\0\0\x0bexit-status"
"""In a message that tells an exit status (section 6.10): after its type and channel, before a bool and the number."""
_LENGTH = 5
"""Of these messages: type and channel. The cheap test of the length comes first, for every message."""
_FEED, _WIRE, _STATE = int(Kind.FEED), int(Kind.WIRE), int(Kind.STATE)
_PERIOD_NS = 200_000_000
"""How often it is noted that data comes for somebody who reads it."""


def wire(homes: dict[str, Any], probes: Probes) -> Iterator[Target]:
    """The inner points where bytes and protocol messages pass.

    Threads: the thread that starts a recording; the probes in any thread, without blocking.
    """
    row, id_of, trouble = probes.row, probes.id_of, probes.trouble

    def received(message: int) -> Enter:
        def enter(channel: Any) -> None:
            try:
                transport = channel.transport
                row(_WIRE, message, transport._paramedic_id_ or id_of(transport), 0, channel.chanid, 1)
            except Exception as e:
                trouble("received", e)

        return enter

    number_of = int.from_bytes

    def sent(transport: Any, data: Any) -> None:
        try:
            raw = data.packet.getvalue()
            message = raw[0]
            if message == _EOF or message == _CLOSE:
                if len(raw) == _LENGTH:
                    row(_WIRE, message, transport._paramedic_id_ or id_of(transport), 0, number_of(raw[1:], "big"), 0)
        except AttributeError:
            return  # a session of paramedic.safe, which is no Channel, and whose number may have been one's before
        except Exception as e:
            trouble("sent", e)

    def held_back(transport: Any, data: Any) -> None:
        try:
            if probes.hold_back is not None:  # the lock clear_to_send_lock is held now
                probes.hold_back(SEND)
        except Exception as e:
            trouble("sent", e)
        sent(transport, data)

    def fed(channel: Any, result: Any) -> Any:
        try:
            given, pipe = channel._paramedic_id_ or id_of(channel), channel.in_buffer
            row(_FEED, OUT, given, 0, len(pipe._buffer), channel.in_window_size)
            if pipe._paramedic_quiet_ or channel.in_window_sofar:  # SFTP, whose client reads all, or somebody reads
                pipe._paramedic_quiet_ = monotonic_ns() + _PERIOD_NS
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

    exit_status = int(State.EXIT_STATUS)

    def requested(channel: Any, message: Any) -> None:
        try:
            raw = message.packet.getvalue()
            if raw[4:19] == _TELLS_STATUS and not _is_set(channel.status_event):
                row(_STATE, exit_status, id_of(channel), 0, number_of(raw[20:24], "big"), 0)
        except Exception as e:
            trouble("exit status", e)

    channel, transport, current = homes["Channel"], homes["Transport"], probes.writer.current
    for name, message in (("_handle_eof", _EOF), ("_handle_close", _CLOSE)):
        over = f"_first.transport.{MARK} or _id_of(_first.transport)"
        comes = probes.begins("True", _WIRE, str(message), over, "_first.chanid", "1")
        enter = received(message)
        if native.rows is not None:
            comes = comes._replace(native=native.rows.Received(current, enter, message + (_WIRE << KIND_SHIFT)))
        yield Target(channel, name, enter, stored=comes)
    if probes.hold_back is None:
        ends = f"data.packet.tell() == {_LENGTH} and _ends((_raw := data.packet.getvalue())[0])"
        number = "_number_of(_raw[1:], 'big')"
        goes = probes.begins(
            ends, _WIRE, "_raw[0]", f"_first.{MARK} or _id_of(_first)", number,
            _ends=_ENDS.__contains__, _number_of=number_of,
        )  # fmt: skip
        if native.rows is not None:
            goes = goes._replace(native=native.rows.Sent(current, sent, _WIRE << KIND_SHIFT), item="data")
        yield Target(transport, "_send_message", sent, parameters=("data",), stored=goes)
    else:
        yield Target(transport, "_send_message", held_back, parameters=("data",))
    in_kex = NUMBER["Transport.send_in_kex"]
    call, returned, raised = int(Kind.CALL), int(Kind.RETURN), int(Kind.RAISE)

    def sends(thing: Any, data: Any) -> Any:
        try:
            if probes.hold_back is not None and _is_eof(data):
                probes.hold_back(EOF)
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
    # what is unread matters where it comes near to filling the window, or where nobody has begun to read
    seldom = Guard(
        f"_first.in_buffer.{QUIET} < _now() or _len(_first.in_buffer._buffer) > _first.in_window_size >> 2",
        {"_now": monotonic_ns, "_len": len},
    )
    if native.rows is not None:
        seldom = Guard("_fed[_first]", {"_fed": native.rows.Fed()}, sure=True)
    yield Target(channel, "_feed", None, fed, guard=seldom)
    yield Target(channel, "_feed_extended", None, fed_stderr)
    # as the message comes, before those are told who wait for it
    tells = "not _first.status_event._flag and (_raw := m.packet.getvalue())[4:19] == _tells_status"
    status = probes.begins(
        tells, _STATE, str(exit_status), f"_first.{MARK} or _id_of(_first)", "_number_of(_raw[20:24], 'big')",
        _tells_status=_TELLS_STATUS, _number_of=number_of,
    )  # fmt: skip
    if native.rows is not None:
        tells_it = native.rows.Requested(current, requested, exit_status + (_STATE << KIND_SHIFT))
        status = status._replace(native=tells_it, item="m")
    yield Target(channel, "_handle_request", requested, parameters=("m",), stored=status)


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
                # an account with very many pipes gets small ones (pipe(7), /proc/sys/fs/pipe-user-pages-soft)
                size = getattr(fcntl, "F_GETPIPE_SZ", 0)
                row(_STATE, State.PROXY_STDERR, given, 0, unread, fcntl.fcntl(stderr.fileno(), size) if size else 0)
        except (ImportError, OSError, ValueError, TypeError):  # TypeError: a test has put a mock there
            pass
        except Exception as e:
            trouble("proxy", e)

    yield Target(homes["ProxyCommand"], "recv", enter)
