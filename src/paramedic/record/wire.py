"""The inner points of Paramiko where bytes and protocol messages pass: windows, ends of streams, answers.

Private names that are used here (``in_buffer._buffer``, ``_feed``, ``_set_transport`` …) exist in Paramiko 2.12 to 5.1;
one that is missing becomes a gap.

Threads: the probes run in any thread of the program's and do not block; making them is the recorder's start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from sys import _getframe
from time import monotonic_ns
from typing import Any

from paramedic.model.event import ERR, OUT, Kind, State
from paramedic.model.operations import NUMBER
from paramedic.record.births import QUIET
from paramedic.record.patches import Enter, Guard, Stored, Target
from paramedic.record.probe import EOF, MARK, SEND, Probes, describe

_EOF, _CLOSE = 96, 97  # RFC 4254 section 5.3
_TELLS_STATUS = b"\0\0\0\x0bexit-status"
"""In a message that tells an exit status (section 6.10): after its type and channel, before a bool and the number."""
_LENGTH = 5
"""Of these messages: type and channel. The cheap test of the length comes first, for every message."""
_FEED, _WIRE, _STATE, _CLOSING = (int(k) for k in (Kind.FEED, Kind.WIRE, Kind.STATE, Kind.CLOSING))
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

    channel, transport = homes["Channel"], homes["Transport"]
    over = f"_first.transport.{MARK} or _id_of(_first.transport)"
    comes = probes.begins("True", _WIRE, str(_EOF), over, "_first.chanid", "1")
    yield Target(channel, "_handle_eof", received(_EOF), stored=comes)
    comes = probes.begins("True", _WIRE, str(_CLOSE), over, "_first.chanid", "1")
    if probes.hold_back is None:
        yield from _ends(probes, channel, over, received(_CLOSE), comes)
        goes = probes.begins(
            f"_type(data) is _message and data.{_LOOK} and (_raw := data.packet.getvalue())",
            _WIRE, "_raw[0]", f"_first.{MARK} or _id_of(_first)", "_number_of(_raw[1:], 'big')",
            _type=type, _message=sys.modules["paramiko.message"].Message, _number_of=number_of,
        )  # fmt: skip
        yield Target(transport, "_send_message", sent, parameters=("data",), stored=goes)
    else:
        yield Target(channel, "_handle_close", received(_CLOSE), stored=comes)
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
    yield Target(channel, "_feed", None, fed, guard=seldom)
    yield Target(channel, "_feed_extended", None, fed_stderr)
    # as the message comes, before those are told who wait for it
    tells = "not _first.status_event._flag and (_raw := m.packet.getvalue())[4:19] == _tells_status"
    status = probes.begins(
        tells, _STATE, str(exit_status), f"_first.{MARK} or _id_of(_first)", "_number_of(_raw[20:24], 'big')",
        _tells_status=_TELLS_STATUS, _number_of=number_of,
    )  # fmt: skip
    yield Target(channel, "_handle_request", requested, parameters=("m",), stored=status)


_LOOK = "_paramedic_look_"
"""Attribute of a message: whether it is to be recorded as it goes out."""
_COMES = "_paramedic_comes_"
"""Attribute of the `in_buffer` of a channel: whether the peer's CLOSE has come, which is not recorded yet."""


def _ends(probes: Probes, channel: Any, over: str, received: Enter, comes: Stored) -> Iterator[Target]:
    """The messages that end a channel: nearly always one thread sends EOF and CLOSE, as its answer to the peer's CLOSE.

    That is one row. Where somebody else may have composed an EOF that has not gone out yet, it matters when CLOSE goes
    out: then each message is recorded as it does (see `paramedic.hazards.eof_after_close`).

    Args:
        over: expression of the id of the channel's transport.
        received: records that CLOSE has come.
        comes: the same, as rewritten code does it.
    """
    row, id_of, trouble = probes.row, probes.id_of, probes.trouble
    probes.defaults.append((sys.modules["paramiko.message"].Message, _LOOK))
    probes.defaults.append((sys.modules["paramiko.buffered_pipe"].BufferedPipe, _COMES))

    def closes(thing: Any) -> int | None:
        try:
            if thing.closed or not thing.active:
                return None
            given, has_come = (
                thing.transport._paramedic_id_ or id_of(thing.transport),
                thing.in_buffer._paramedic_comes_,
            )
            if not thing.eof_sent:
                row(_CLOSING, 0, given, 0, thing.remote_chanid | thing.chanid << 32, has_come)
                return None
            if has_come:
                row(_WIRE, _CLOSE, given, 0, thing.chanid, 1)
        except Exception as e:
            trouble("close", e)
        return 1

    def look(_: int, message: Any) -> Any:
        if message is not None:
            message._paramedic_look_ = 1
        return message

    def look_at_close(_: int, messages: Any) -> Any:
        look(_, messages[1])
        return messages

    # the answer follows at once, and tells it; unless somebody has the lock, or has closed already
    answers = "_first.active and not _first.closed and not _first.eof_sent and not _first.lock.locked()"
    waits = comes._replace(
        words=f"not ({answers})",
        otherwise=f"_set(_first.in_buffer, {_COMES!r}, 1)",
        values={**comes.values, "_set": setattr},
    )
    yield Target(channel, "_handle_close", received, stored=waits)
    goes = probes.stores(
        "_first.active and not _first.closed and ({row} if not _first.eof_sent else True)",
        _CLOSING, over, "(_first.remote_chanid | _first.chanid << 32)", f"_first.in_buffer.{_COMES}",
    )  # fmt: skip
    yield Target(channel, "_close_internal", closes, look_at_close, guard=goes)
    alone = Guard(
        "_getframe(1).f_code.co_name != '_close_internal'", {"_getframe": _getframe}, probes.notices["_send_eof"]
    )
    yield Target(channel, "_send_eof", None, lambda _, message: look(1, message), guard=alone)


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
