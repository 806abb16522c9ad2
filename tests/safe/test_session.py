"""What a session makes of a server's messages, in any order, without a server."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.safe import packets
from paramedic.safe.aside import run_aside
from paramedic.safe.session import Outcome, Phase, Session
from paramedic.safe.sink import STDERR, STDOUT, Collector

NUMBER, REMOTE = 1 << 24, 7


class Link:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.round_trip_s = math.inf
        self.sent: list[bytes] = []
        self.retired: list[int] = []

    def send(self, messages: Any) -> None:
        for packet in messages:
            data = packet.asbytes()
            if not packet.sender.close_sent:
                packet.sender.close_sent = data[0] == packets.CHANNEL_CLOSE
                self.sent.append(data)

    def retire(self, number: int) -> None:
        self.retired.append(number)


class Owner:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def session_started(self, session: Session) -> None:
        self.told.append("started")

    def session_ended(self, session: Session) -> None:
        self.told.append("ended")


def string(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def message(kind: int, rest: bytes = b"") -> bytes:
    return struct.pack(">BI", kind, NUMBER) + rest


def asked(kind: bytes, rest: bytes, *, reply: bool = False) -> bytes:
    return message(packets.CHANNEL_REQUEST, string(kind) + bytes([reply]) + rest)


OPENED = message(packets.CHANNEL_OPEN_CONFIRMATION, struct.pack(">III", REMOTE, 1 << 21, 32768))
REFUSED = message(packets.CHANNEL_OPEN_FAILURE, struct.pack(">I", 2) + string(b"open failed") + string(b""))
ACCEPTED = message(99)
FAILED = message(packets.CHANNEL_FAILURE)
EOF = message(packets.CHANNEL_EOF)
CLOSE = message(packets.CHANNEL_CLOSE)
OUT = message(packets.CHANNEL_DATA, string(b"out"))
ERR = message(packets.CHANNEL_EXTENDED_DATA, struct.pack(">I", 1) + string(b"err"))
ODD = message(packets.CHANNEL_EXTENDED_DATA, struct.pack(">I", 9) + string(b"odd"))
STATUS = asked(b"exit-status", struct.pack(">I", 3))
SIGNAL = asked(b"exit-signal", string(b"KILL") + b"\x01" + string(b"killed") + string(b"en"))
ROOM = message(packets.CHANNEL_WINDOW_ADJUST, struct.pack(">I", 1000))

STORIES: dict[str, tuple[list[bytes], dict[str, Any]]] = {
    "a command runs and exits": (
        [OPENED, ACCEPTED, OUT, ERR, OUT, EOF, STATUS, CLOSE],
        {"outcome": Outcome.CLOSED, "exit_status": 3, "exit_signal": None},
    ),
    "a command is killed": (
        [OPENED, ACCEPTED, SIGNAL, CLOSE],
        {"outcome": Outcome.CLOSED, "exit_signal": "KILL", "core_dumped": True, "exit_message": "killed"},
    ),
    "the channel is closed without a word": (
        [OPENED, ACCEPTED, CLOSE],
        {"outcome": Outcome.CLOSED, "exit_status": None, "exit_signal": None},
    ),
    "the session is refused": ([REFUSED], {"outcome": Outcome.REFUSED, "command_sent": False}),
    "the command is refused": ([OPENED, FAILED], {"outcome": Outcome.EXEC_REFUSED, "exit_status": None}),
    "what runs is refused afterwards": (
        [OPENED, ACCEPTED, REFUSED, FAILED, OUT, STATUS, CLOSE],
        {"outcome": Outcome.CLOSED, "command_sent": True, "exit_status": 3},
    ),
    "output of a kind that nobody knows is left out": ([OPENED, ODD, CLOSE], {"outcome": Outcome.CLOSED}),
    "nothing is heard after the end": ([OPENED, STATUS, CLOSE, OUT, CLOSE], {"outcome": Outcome.CLOSED}),
}


def session_of(**more: Any) -> tuple[Session, Link, Owner, Collector]:
    link, owner, sink = Link(), Owner(), Collector()
    session = Session(b"true", sink, owner, **more)
    session.attach(link, NUMBER)  # type: ignore[arg-type]
    return session, link, owner, sink


@pytest.mark.parametrize("form", [bytes, memoryview])
@pytest.mark.parametrize("story", STORIES)
def test_stories(story: str, form: Any) -> None:
    messages, expected = STORIES[story]
    session, link, owner, sink = session_of()
    for one in messages:
        session.receive(one[0], form(one))
    assert {name: getattr(session, name) for name in expected} == expected
    assert owner.told.count("ended") == 1
    assert session.phase is Phase.ENDED
    assert link.sent.count(packets.close(REMOTE)) == (OPENED in messages)
    heard = messages[: messages.index(CLOSE)] if CLOSE in messages else messages
    assert (sink.collected(STDOUT), sink.collected(STDERR)) == (b"out" * heard.count(OUT), b"err" * heard.count(ERR))


def test_a_request_that_we_do_not_know_is_answered() -> None:
    session, link, _, _ = session_of()
    for one in (OPENED, asked(b"who-are-you", b"", reply=True), asked(b"never-mind", b"")):
        session.receive(one[0], one)
    assert link.sent.count(packets.request_failure(REMOTE)) == 1


def test_what_was_withdrawn_is_closed_and_never_sent() -> None:
    session, link, owner, _ = session_of()
    assert session.withdraw()
    session.receive(OPENED[0], OPENED)
    assert link.sent == [packets.close(REMOTE)]
    assert (session.outcome, session.command_sent, owner.told) == (Outcome.ABANDONED, False, ["ended"])
    assert not session.withdraw()


def test_a_session_that_is_closed_while_its_command_is_being_sent_does_not_stay_open() -> None:
    session, link, owner, _ = session_of(hold_input=True)
    send = link.send

    def closed_meanwhile(messages: Any) -> None:
        if messages[0].asbytes()[0] == packets.CHANNEL_REQUEST:
            session.close()
        send(messages)

    link.send = closed_meanwhile  # type: ignore[method-assign]
    session.receive(OPENED[0], OPENED)
    assert (session.outcome, owner.told[-1]) == (Outcome.ABANDONED, "ended")
    assert link.sent[-1] == packets.close(REMOTE)


def test_input_waits_for_room() -> None:
    session, link, _, _ = session_of(input=b"x" * 2500)
    small = message(packets.CHANNEL_OPEN_CONFIRMATION, struct.pack(">III", REMOTE, 1000, 32768))
    for one in (small, ROOM, ROOM):
        session.receive(one[0], one)
    sizes = [len(sent) - 9 for sent in link.sent if sent[0] == packets.CHANNEL_DATA]
    assert sizes == [1000, 1000, 500]
    assert link.sent[-1] == packets.eof(REMOTE)


MESSAGES = [OPENED, REFUSED, ACCEPTED, FAILED, EOF, CLOSE, OUT, ERR, ODD, STATUS, SIGNAL, ROOM]


@given(st.lists(st.sampled_from(MESSAGES), max_size=12))
def test_no_order_of_messages_breaks_it(messages: list[bytes]) -> None:
    session, link, owner, _ = session_of(input=b"abc")
    for one in messages:
        session.receive(one[0], one)
    session.abandon()
    assert owner.told.count("ended") == 1
    assert session.phase is Phase.ENDED
    sent = packets.execute(REMOTE, b"true") in link.sent
    assert session.command_sent == sent
    if session.outcome is Outcome.REFUSED:
        assert not sent, "what was refused is run again"
    if session.outcome is Outcome.EXEC_REFUSED:
        assert ACCEPTED not in messages[messages.index(OPENED) : messages.index(FAILED, messages.index(OPENED))]


@given(st.sampled_from(MESSAGES), st.integers(0, 30))
def test_a_message_that_is_cut_off_is_an_error_or_harmless(one: bytes, at: int) -> None:
    session, _, _, _ = session_of()
    session.receive(OPENED[0], OPENED)
    cut = one[: max(5, at)]
    try:
        session.receive(cut[0], cut)
    except (ValueError, struct.error, IndexError):
        pass  # the connection ends: its reader is Paramiko's loop, which takes any exception for a broken peer


class Refuses:
    """A connection whose only session is somebody's."""

    launched = 0

    def launch(self, session: Session) -> None:
        self.launched += 1
        session._end(Outcome.REFUSED)


def test_a_session_that_cannot_come_free_is_not_asked_for_again_and_again() -> None:
    link = Refuses()
    assert run_aside(link, "ps", 5.0, room=lambda: False) is None  # type: ignore[arg-type]
    assert link.launched < 10
    link.launched = 0
    assert run_aside(link, "ps", 0.6, room=lambda: True) is None  # type: ignore[arg-type]
    assert link.launched > 10
