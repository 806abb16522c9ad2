"""What is done once for many hosts, against what Paramiko does for each."""

from __future__ import annotations

import contextlib
import dis
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import paramiko
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paramiko.message import Message

from paramedic.safe import handshake
from paramedic.safe.key_login import _Patient
from paramedic.safe.link import Link
from paramedic.safe.signal_safe import SignalSafeEvent

COOKIE = bytes(range(16))
FOUND = ("kex_engine", "remote_kex_init", *handshake._AGREED)
OURS = {kind: tuple(getattr(paramiko.Transport, f"_preferred_{kind}")) for kind in ("kex", "keys", "ciphers", "macs")}


@pytest.fixture(autouse=True)
def nothing_is_kept() -> None:
    handshake._OFFERS.clear()
    handshake._AGREEMENTS.clear()


@contextlib.contextmanager
def link_that_offers(**disabled: list[str]) -> Iterator[tuple[Link, list[bytes]]]:
    here, there = socket.socketpair()
    with there:
        link = Link(here, disabled_algorithms=disabled or None)
        sent: list[bytes] = []
        link._send_message = lambda message: sent.append(message.asbytes())
        link._send_kex_init()
        yield link, sent
        link.wire.close()


def server_says(lists: dict[str, list[str]], *, seqno: int = 0, more: bytes = b"", cookie: bytes = COOKIE) -> Message:
    message = Message()
    message.add_bytes(cookie)
    message.add_list(lists["kex"])
    message.add_list(lists["keys"])
    for kind in ("ciphers", "ciphers", "macs", "macs"):
        message.add_list(lists[kind])
    for words in (["none", "zlib@openssh.com"], ["none"], [], []):
        message.add_list(words)
    message.add_boolean(False)
    message.add_int(0)
    message.add_bytes(more)
    message.rewind()
    message.seqno = seqno
    return message


def agreed(message: Message, **disabled: list[str]) -> dict[str, Any] | str:
    with link_that_offers(**disabled) as (link, _):
        try:
            link._parse_kex_init(message)
        except paramiko.SSHException as error:
            return f"{type(error).__name__}: {error}"
        return {name: getattr(link, name, None) for name in FOUND} | {"kex_engine": type(link.kex_engine)}


def some(names: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from((*names, "something@else")), unique=True, max_size=4)


LISTS = st.fixed_dictionaries(
    {
        "kex": st.tuples(
            some(OURS["kex"]), st.sampled_from([[], ["ext-info-s"], ["kex-strict-s-v00@openssh.com"]])
        ).map(lambda both: both[0] + both[1]),
        **{kind: some(OURS[kind]) for kind in ("keys", "ciphers", "macs")},
    }
)


@settings(max_examples=60, deadline=None)
@given(lists=LISTS, more=st.sampled_from([b"", b"\0"]), cookie=st.binary(min_size=16, max_size=16))
def test_what_is_agreed_on_is_what_paramiko_finds(lists: dict[str, list[str]], more: bytes, cookie: bytes) -> None:
    handshake._AGREEMENTS.clear()
    first = agreed(server_says(lists, more=more))
    again = agreed(server_says(lists, more=more, cookie=cookie))
    handshake._AGREEMENTS.clear()
    assert again == agreed(server_says(lists, more=more, cookie=cookie))
    if isinstance(first, dict) and isinstance(again, dict):
        assert {**first, "remote_kex_init": again["remote_kex_init"]} == again
        assert again["remote_kex_init"] == b"\x14" + server_says(lists, cookie=cookie).asbytes()


def usual() -> dict[str, list[str]]:
    return {kind: list(names) for kind, names in OURS.items()}


def test_the_lists_are_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name in ("_send_kex_init", "_parse_kex_init"):
        real = getattr(paramiko.Transport, name)
        monkeypatch.setattr(paramiko.Transport, name, lambda *given, r=real, n=name: (asked.append(n), r(*given))[1])
    for _ in range(3):
        assert isinstance(agreed(server_says(usual())), dict)
    assert asked == ["_send_kex_init", "_parse_kex_init"]


def test_who_wants_to_read_what_was_compared_does(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "paramiko.transport"):
            agreed(server_says(usual()))
        assert "Key exchange possibilities" in caplog.text or "kex algos" in caplog.text


def test_what_is_not_wanted_is_not_agreed_on_because_another_wanted_it() -> None:
    mac, other = OURS["macs"][:2]
    first = agreed(server_says(usual()))
    second = agreed(server_says(usual()), macs=[mac])
    assert isinstance(first, dict) and isinstance(second, dict)
    assert (first["local_mac"], second["local_mac"]) == (mac, other)


def test_each_offer_has_a_cookie_of_its_own_and_says_the_same() -> None:
    offers = []
    for _ in range(2):
        with link_that_offers() as (link, sent):
            assert sent == [link.local_kex_init] == [link._latest_kex_init]
            assert link.in_kex and not link.clear_to_send.is_set()
            offers += sent
    assert offers[0][1:17] != offers[1][1:17]
    assert offers[0][:1] + offers[0][17:] == offers[1][:1] + offers[1][17:]


@pytest.mark.skipif(not hasattr(paramiko.Transport(socket.socket()), "advertise_strict_kex"), reason="since 3.4")
def test_a_strict_server_whose_list_is_not_the_first_packet_is_refused_each_time() -> None:
    lists = usual()
    lists["kex"].append("kex-strict-s-v00@openssh.com")
    assert isinstance(agreed(server_says(lists)), dict)
    for _ in range(2):
        assert "MessageOrderError" in agreed(server_says(lists, seqno=1))


def test_servers_that_say_ever_new_things_fill_no_memory() -> None:
    for number in range(3 * handshake._MOST_KEPT):
        lists = usual()
        lists["kex"].append(f"new-{number}@example.com")
        assert isinstance(agreed(server_says(lists)), dict)
    assert len(handshake._AGREEMENTS) <= handshake._MOST_KEPT


def test_all_that_paramiko_finds_out_is_known_here() -> None:
    code = paramiko.Transport._parse_kex_init
    assert {step.argval for step in dis.get_instructions(code) if step.opname == "STORE_ATTR"} <= set(FOUND)


def ended(job: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=job, daemon=True)
    thread.start()
    return thread


def test_who_waits_for_a_handshake_is_told_when_somebody_closes() -> None:
    here, there = socket.socketpair()
    with there:
        link, said = Link(here), []

        def wait() -> None:
            with pytest.raises(paramiko.SSHException) as caught:
                link.start_client(timeout=600)
            said.append(caught.value)

        waits = ended(wait)
        there.recv(1)  # the reader runs
        link.close()
        waits.join(30)
        assert said


def test_who_waits_for_a_login_is_told_when_somebody_closes() -> None:
    here, there = socket.socketpair()
    with there:
        link = Link(here)
        link.start_client(event=SignalSafeEvent())
        there.recv(1)
        link.auth_handler = handler = paramiko.auth_handler.AuthHandler(link)
        handler.auth_event = done = _Patient(600)
        waits = ended(lambda: done.wait(0.1) or None)
        link.close()
        waits.join(30)
        assert not waits.is_alive()


def test_a_client_that_is_not_told_of_waits_for_its_own_limit() -> None:
    here, there = socket.socketpair()
    with there:
        link = Link(here)
        link.start_client(timeout=0.05)  # it goes on, as Paramiko's does; nobody has answered
        assert link.active and not link.initial_kex_done
        link.close()
        link.join(30)
        assert not link.is_alive()
