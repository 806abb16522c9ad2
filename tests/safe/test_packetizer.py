"""Our packets against Paramiko's, and against OpenSSH with each kind of cipher, new keys and compression."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import socket
import types
from collections.abc import Callable, Iterator
from typing import Any

import paramiko
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paramiko.message import Message
from paramiko.packet import Packetizer as ParamikoPacketizer

from paramedic.safe.link import Link
from paramedic.safe.packetizer import Packetizer
from paramedic.safe.packets import Packet
from paramedic.safe.wire import Wire

GCM = "aes128-gcm@openssh.com" in paramiko.Transport._preferred_ciphers
needs_gcm = pytest.mark.skipif(not GCM, reason="this Paramiko has no AES-GCM (3.5 and later do)")
KEY, IV = bytes(range(16)), bytes([0, 1, 2, 3, 0]) + b"\xff" * 6 + b"\xfe"  # the counter carries


@contextlib.contextmanager
def two_ends(
    ours: Callable[[int, Any], bool] = lambda kind, message: False, other: Any = ParamikoPacketizer, iv: bytes = IV
) -> Iterator[tuple[Packetizer, Any, socket.socket]]:
    """Our packetizer, Paramiko's, and the socket below Paramiko's, with keys in place."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    here, there = socket.socketpair()
    there.settimeout(20)
    mine = Packetizer(Wire(here, poll_s=20), ours)
    theirs = other(there) if other is ParamikoPacketizer else other(Wire(there, poll_s=20), ours)
    for end in (mine, theirs):
        end.set_outbound_cipher(AESGCM(KEY), 16, None, 16, b"", aead=True, iv_out=iv)
        end.set_inbound_cipher(AESGCM(KEY), 16, None, 16, b"", aead=True, iv_in=iv)
    try:
        yield mine, theirs, there
    finally:
        mine.close()
        theirs.close()


@pytest.mark.parametrize("count", [1, 16, 20, 32, 33, 64, 128])
@pytest.mark.parametrize("secret", [0, 127, 1 << 255, (1 << 256) - 1])
def test_keys_are_those_that_paramiko_derives(secret: int, count: int) -> None:
    here, there = socket.socketpair()
    with there:
        link = Link(here)
        link.kex_engine = types.SimpleNamespace(hash_algo=hashlib.sha256)
        for link.K in (secret, secret + 1):  # new keys have a new secret
            link.H, link.session_id = hashlib.sha256(b"H").digest(), hashlib.sha256(b"id").digest()
            for letter in "ABCDEF":
                theirs = paramiko.Transport._compute_key(link, letter, count)
                assert link._compute_key(letter, count) == theirs and len(theirs) == count
        link.close()


@needs_gcm
@given(st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=3000)), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_what_one_writes_the_other_reads(messages: list[tuple[int, bytes]]) -> None:
    with two_ends() as (mine, theirs, _):
        for writer, reader in ((mine, theirs), (theirs, mine)):
            for kind, rest in messages:
                writer.send_message(Packet(bytes((kind,)) + rest))
            read = [reader.read_message() for _ in messages]
            assert [(kind, message.asbytes()) for kind, message in read] == messages
            assert [message.seqno for _, message in read] == list(range(len(messages)))


@needs_gcm
def test_what_is_for_our_sessions_is_routed_past_paramiko() -> None:
    seen: list[tuple[int, bytes]] = []

    def route(kind: int, message: Any) -> bool:
        seen.append((kind, bytes(message)))
        return bytes(message[1:]) == b"ours"

    with two_ends(route) as (mine, theirs, _):
        for text in (b"\x5eours", b"\x5eours", b"\x5etheirs", b"\x02ours"):
            theirs.send_message(Packet(text))
        assert [mine.read_message()[1].asbytes() for _ in range(2)] == [b"theirs", b"ours"]
    assert seen == [(94, b"\x5eours"), (94, b"\x5eours"), (94, b"\x5etheirs")]


@needs_gcm
def test_the_counter_wraps() -> None:
    with two_ends(other=Packetizer, iv=bytes(4) + b"\xff" * 8) as (mine, theirs, _):
        for text in (b"\x02before", b"\x02after"):
            mine.send_message(Packet(text))
        assert [theirs.read_message()[1].asbytes() for _ in range(2)] == [b"before", b"after"]


@needs_gcm
@pytest.mark.parametrize("at", [0, 3, 4, 20, -1])
def test_a_packet_that_was_changed_on_its_way_is_noticed(at: int) -> None:
    with two_ends() as (mine, theirs, there):
        sent = bytearray()
        theirs._Packetizer__socket = Recorder(sent)
        theirs.send_message(Packet(b"\x5e" + b"x" * 40))
        sent[at] ^= 0x10
        there.sendall(sent)
        there.shutdown(socket.SHUT_WR)
        with pytest.raises((paramiko.SSHException, EOFError)):  # EOFError: a larger size was waited for
            mine.read_message()


class Recorder:
    """A socket that keeps what is sent."""

    def __init__(self, sent: bytearray) -> None:
        self.sent = sent

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def close(self) -> None:
        pass


CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr"]


def talk(pool: Any) -> None:
    """Short commands, and much in both directions, at once."""
    data = bytes(range(256)) * 4000
    echoes = [pool.submit("cat", input=io.BytesIO(data), timeout=60) for _ in range(3)]
    assert [r.text for r in pool.map([f"echo {n}" for n in range(40)])] == [f"{n}\n" for n in range(40)]
    assert [echo.result().stdout == data for echo in echoes] == [True] * 3


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("who", ["the server", "we"])
def test_new_keys_under_way_with_each_cipher(
    start_host: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, cipher: str, who: str
) -> None:
    if "gcm" in cipher and not GCM:
        pytest.skip("this Paramiko has no AES-GCM")
    exchanges: list[Any] = []

    def counted(self: Any, *args: Any, **more: Any) -> None:
        exchanges.append(self)
        ParamikoPacketizer.set_inbound_cipher(self, *args, **more)

    monkeypatch.setattr(Packetizer, "set_inbound_cipher", counted)
    options = [f"Ciphers {cipher}"]
    if who == "we":
        monkeypatch.setattr(Packetizer, "REKEY_BYTES", 300_000)
    else:
        options.append("RekeyLimit 300K")
    with start_host(*options).pool(connections=2, sessions=8) as pool:
        talk(pool)
        assert pool.statistics().lost_connections == 0
    assert len(exchanges) > len(set(exchanges)), "no keys were exchanged under way"


def test_compressed_connections(start_host: Callable[..., Any], tmp_path: Any) -> None:
    config = tmp_path / "config"
    config.write_text("Host *\n  Compression yes\n")
    with start_host("Compression yes").pool(config=str(config)) as pool:
        talk(pool)


def test_packets_can_be_dumped_in_the_middle(pool: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pool.client() as client, caplog.at_level(logging.DEBUG, "paramiko.transport"):
        transport = client.get_transport()
        for dumping in (False, True, False):
            transport.set_hexdump(dumping)
            assert client.exec_command("echo x")[1].read() == b"x\n"
        assert transport.is_active()
    assert any("OUT: " in record.getMessage() for record in caplog.records)


def test_a_peer_that_does_not_read_is_given_up() -> None:
    here, there = socket.socketpair()
    with there:
        wire = Wire(here, stall_s=0.2)
        with pytest.raises(EOFError):
            wire.send(bytes(10_000_000))
        wire.close()


def test_messages_are_read_alike_as_bytes_and_views() -> None:
    from paramedic.safe.packets import number_at, string_at

    message = Message()
    message.add_int(7)
    message.add_string(b"abc")
    for form in (message.asbytes(), memoryview(message.asbytes())):
        assert (number_at(form, 0), string_at(form, 4)) == (7, b"abc")
        with pytest.raises(ValueError, match="longer than its message"):
            string_at(form[:9], 4)
