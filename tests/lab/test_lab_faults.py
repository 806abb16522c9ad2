"""Each misbehaviour, seen by Paramiko as a user's program sees it."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import paramiko
import pytest

from paramedic.lab import LabError, Manners, Server

LabWith = Callable[..., Server]


def opened(client: paramiko.SSHClient) -> paramiko.Channel:
    """A session, or the refusal."""
    return client.get_transport().open_session(timeout=10)


@pytest.mark.parametrize("code", [2, 1])
def test_sessions_beyond_the_limit_are_refused(code: int, lab_with: LabWith, connect: Any) -> None:
    """The limit counts what is open at once, for each connection, and the refusal has the code that was asked for."""
    server = lab_with(max_sessions=2, session_refusal_code=code)
    client = connect(server)
    first, second = opened(client), opened(client)
    with pytest.raises(paramiko.ChannelException) as refusal:
        opened(client)
    assert refusal.value.code == code
    opened(connect(server)).close()  # another connection has sessions of its own
    first.exec_command("true")
    assert first.recv_exit_status() == 0
    first.close()  # as with sshd, the session is free a moment later than the client believes
    wait_until(lambda: can_open(client))
    second.close()


@pytest.mark.parametrize("drop", ["reset", "close"])
def test_startups_beyond_the_limit_are_dropped(drop: str, lab_with: LabWith, connect: Any) -> None:
    """Whoever has not logged in counts; whoever has, or has gone, does not."""
    server = lab_with(max_startups=1, drop=drop)
    client = connect(server)
    with socket.create_connection((server.host, server.port), timeout=10) as waiting:
        assert waiting.recv(4) == b"SSH-"
        with pytest.raises(paramiko.SSHException, match="Error reading SSH protocol banner"):
            connect(server)
    wait_until(lambda: can_connect(server, connect))
    assert client.get_transport().is_active()


def test_connections_beyond_the_limit_are_dropped(lab_with: LabWith, connect: Any) -> None:
    """Logged in or not, each connection counts until it ends."""
    server = lab_with(max_connections=1)
    client = connect(server)
    with pytest.raises((paramiko.SSHException, OSError)):
        connect(server)
    client.close()
    wait_until(lambda: can_connect(server, connect))


def test_a_reset_is_a_reset_and_a_close_is_none(lab_with: LabWith) -> None:
    """What the socket sees is what was asked for."""
    with socket.create_connection(("127.0.0.1", lab_with(max_startups=0, drop="reset").port), timeout=10) as sock:
        sock.sendall(b"SSH-2.0-test\r\n")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    with socket.create_connection(("127.0.0.1", lab_with(max_startups=0, drop="close").port), timeout=10) as sock:
        assert sock.recv(1) == b""


def test_a_slow_banner(lab_with: LabWith, connect: Any) -> None:
    """An impatient client gives up, a patient one gets in."""
    server = lab_with(banner_delay_s=0.6)
    with pytest.raises(paramiko.SSHException, match="Error reading SSH protocol banner"):
        connect(server, banner_timeout=0.2)
    assert connect(server, banner_timeout=10).get_transport().is_authenticated()


def test_no_banner(lab_with: LabWith, connect: Any) -> None:
    """The connection is taken, and nothing is said."""
    server = lab_with(no_banner=True)
    with pytest.raises(paramiko.SSHException, match="Error reading SSH protocol banner"):
        connect(server, banner_timeout=0.3)


def test_slow_logins(lab_with: LabWith, connect: Any) -> None:
    """The answer to a login comes late."""
    server = lab_with(auth_delay_s=0.6)
    with pytest.raises(paramiko.AuthenticationException, match="timeout"):
        connect(server, auth_timeout=0.2)
    assert connect(server, auth_timeout=10).get_transport().is_authenticated()


def test_keyboard_interactive(lab_with: LabWith, connect: Any) -> None:
    """Questions instead of keys: the right answer gets in, a wrong one and the key do not."""
    server = lab_with(keyboard_interactive=True)
    asked: list[str] = []

    def answers(title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        asked.extend(prompt for prompt, _ in prompts)
        return [server.answer]

    transport = paramiko.Transport((server.host, server.port))
    try:
        transport.start_client(timeout=10)
        with pytest.raises(paramiko.BadAuthenticationType) as refusal:
            transport.auth_publickey(server.user, paramiko.Ed25519Key.from_private_key_file(server.key_file))
        assert refusal.value.allowed_types == ["keyboard-interactive"]
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_interactive(server.user, lambda *_: ["wrong"])
        transport.auth_interactive(server.user, answers)
        assert transport.is_authenticated()
    finally:
        transport.close()
    assert asked == ["OTP: "]
    assert connect(server).get_transport().is_authenticated()  # connect_kwargs() has the answer as the password


def test_the_answer_is_random_unless_it_is_given(lab_with: LabWith) -> None:
    """A known answer would let any account of this machine run commands as this one."""
    first, second = lab_with(keyboard_interactive=True), lab_with(keyboard_interactive=True)
    assert first.answer != second.answer
    assert lab_with(keyboard_interactive=True, answer="123456").answer == "123456"


def test_mute(lab_with: LabWith, connect: Any) -> None:
    """Sessions open, and then nothing is answered."""
    channel = opened(connect(lab_with(mute=True)))
    done = threading.Event()

    def ask() -> None:
        with pytest.raises(paramiko.SSHException):
            channel.exec_command("echo hello")
        done.set()

    asking = threading.Thread(target=ask)
    asking.start()
    assert not done.wait(0.5)
    channel.close()
    asking.join(60)
    assert not asking.is_alive()
    assert done.is_set()


def test_fast(lab_with: LabWith, connect: Any, tmp_path: Any) -> None:
    """Every command is "ok", and none is run."""
    client = connect(lab_with(fast=True, close_after_eof=True))
    for _ in range(20):
        _, stdout, _ = client.exec_command(f"touch {tmp_path}/ran", timeout=10)
        assert stdout.read() == b"ok\n"
        assert stdout.channel.recv_exit_status() == 0
    assert not list(tmp_path.iterdir())


def test_a_session_that_is_closed_after_the_clients_eof(lab_with: LabWith, connect: Any) -> None:
    """Output, its end and the status come at once; CLOSE only when the client has no more input."""
    client = connect(lab_with(close_after_eof=True))

    def has_answered() -> bool:
        """What was sent before has been dealt with: the server takes one thing after the other."""
        opened(client).close()
        return True

    channel = opened(client)
    channel.settimeout(20)
    channel.exec_command("echo x; exit 3")
    assert channel.makefile().read() == b"x\n"
    assert channel.recv_exit_status() == 3
    assert has_answered() and not channel.closed
    channel.shutdown_write()
    assert has_answered() and channel.closed
    first = opened(client)
    first.exec_command("cat")
    first.shutdown_write()  # before the command has ended
    assert first.recv_exit_status() == 0
    wait_until(lambda: first.closed)
    killed = opened(client)
    killed.exec_command("kill -9 $$")
    assert killed.recv_exit_status() == -1, "Paramiko waits for the CLOSE"


def test_a_stalled_window(lab_with: LabWith, connect: Any) -> None:
    """What fits into the window is taken, and not a byte more."""
    channel = opened(connect(lab_with(stall_window=True, window_bytes=100_000)))
    channel.settimeout(0.5)
    channel.exec_command("cat >/dev/null")
    sent = 0
    with pytest.raises(TimeoutError):
        while True:
            sent += channel.send(b"x" * 10_000)
    assert sent == 100_000


def test_silence_after_some_bytes(lab_with: LabWith, connect: Any) -> None:
    """A dead peer: the transport believes in it, and nothing comes any more."""
    client = connect(lab_with(silent_after_bytes=200_000))
    _, stdout, _ = client.exec_command("head -c 1000000 /dev/zero", timeout=20)
    received = len(stdout.channel.recv(65536))
    stdout.channel.settimeout(2)
    with pytest.raises(TimeoutError):
        while data := stdout.channel.recv(65536):
            received += len(data)
    assert 0 < received < 200_000
    assert client.get_transport().is_active()


def test_silence_after_some_time(lab_with: LabWith, connect: Any) -> None:
    """The same, by the clock: it may begin anywhere, also while Paramiko waits without a limit for exec's reply."""
    client = connect(lab_with(silent_after_s=4.0))
    client.get_transport().channel_timeout = 2  # the silence may begin while a channel is opened: it waits an hour
    said: list[object] = []

    def ask() -> None:
        try:
            while True:
                _, stdout, _ = client.exec_command("echo hello", timeout=2)
                said.append(stdout.read())
                stdout.channel.close()
        except (paramiko.SSHException, TimeoutError) as error:
            said.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(12)  # it is silent after 4, and all else that waits has a limit of 2
    frame = sys._current_frames().get(asking.ident or 0)
    if frame is not None:
        names = [f.name for f in traceback.extract_stack(frame)]
        assert "_wait_for_event" in names, names
    else:
        assert isinstance(said.pop(), (paramiko.SSHException, TimeoutError))
    assert set(said) == {b"hello\n"}
    assert client.get_transport().is_active()


RESETS = {
    "after some bytes": {"reset_after_bytes": 200_000},
    "after some time": {"reset_after_s": 0.5},
    "at random": {"reset_chance": 0.2},
}


@pytest.mark.parametrize("story", RESETS)
def test_resets(story: str, lab_with: LabWith, connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The connection breaks in the middle, and with a reset."""
    server = lab_with(**RESETS[story])
    with pytest.raises((paramiko.SSHException, OSError, EOFError)):
        client = connect(server)
        while True:
            _, stdout, _ = client.exec_command("head -c 100000 /dev/zero", timeout=10)
            stdout.read()
            stdout.channel.close()
    assert "Connection reset by peer" in caplog.text


def test_rekeying(lab_with: LabWith, connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    """New keys every 256 KiB, and nothing is lost."""
    client = connect(lab_with(rekey_after_bytes=262_144))
    with caplog.at_level(logging.DEBUG, "paramiko"):
        _, stdout, _ = client.exec_command("head -c 2000000 /dev/zero", timeout=20)
        assert len(stdout.read()) == 2_000_000
    assert caplog.text.count("Switch to new keys") >= 5


def test_a_delay_for_each_round_trip(lab_with: LabWith, connect: Any) -> None:
    """A command takes a round trip to open, one to start, and its output half of one."""
    client = connect(lab_with(round_trip_s=0.2))
    began_s = time.monotonic()
    _, stdout, _ = client.exec_command("head -c 300000 /dev/zero", timeout=20)
    assert len(stdout.read()) == 300_000
    assert time.monotonic() - began_s >= 0.4  # a lower bound: a slow machine does not fail it


def test_several_addresses(lab_with: LabWith, connect: Any) -> None:
    """One port on all of them, all known, and a command sees which one was called."""
    server = lab_with(addresses=("127.0.0.1", "127.0.0.7"))
    for host in server.hosts:
        _, stdout, _ = connect(server, **server.connect_kwargs(host)).exec_command("echo $SSH_CONNECTION", timeout=10)
        assert stdout.read().decode().split()[2] == host


def test_sftp_within_a_folder(lab_with: LabWith, connect: Any, tmp_path: Any) -> None:
    """The folder is all that SFTP shows."""
    (tmp_path / "inside").write_text("here")
    with connect(lab_with(sftp_root=str(tmp_path))).open_sftp() as sftp:
        assert sftp.listdir("/") == ["inside"]
        assert sftp.normalize("../..") == "/"
        with pytest.raises(FileNotFoundError):
            sftp.stat("/etc/passwd")


def test_eof_after_close_ends_the_connection(polite: Server, connect: Any) -> None:
    """As with sshd: a message for a channel that is gone is an error of the whole connection."""
    client = connect(polite)
    transport = client.get_transport()
    channel = opened(client)
    number = channel.remote_chanid
    channel.exec_command("true")
    assert channel.recv_exit_status() == 0
    channel.close()
    opened(client).close()  # the server has seen our CLOSE
    message = paramiko.Message()
    message.add_byte(bytes([96]))  # SSH_MSG_CHANNEL_EOF
    message.add_int(number)
    transport._send_user_message(message)
    wait_until(lambda: not transport.is_active())


BAD_MANNERS = {
    "an address of the network": ({"addresses": ("192.0.2.1",)}, "loopback"),
    "all addresses": ({"addresses": ("0.0.0.0",)}, "loopback"),
    "a name": ({"addresses": ("example.org",)}, "loopback"),
    "no address": ({"addresses": ()}, "at least one address"),
    "a port that is none": ({"port": 70000}, "port must be at least 0 and at most 65535, not 70000"),
    "a negative delay": ({"banner_delay_s": -1}, "banner_delay_s must be at least 0"),
    "a chance that is none": ({"reset_chance": 2}, "reset_chance"),
    "a way to drop that is none": ({"drop": "politely"}, "'reset' or 'close'"),
}


@pytest.mark.parametrize("story", BAD_MANNERS)
def test_manners_that_cannot_be(story: str) -> None:
    """Each is refused with a sentence."""
    fields, words = BAD_MANNERS[story]
    with pytest.raises(LabError, match=words):
        Manners(**fields)


def test_forwarding_beyond_loopback_is_refused(polite: Server, connect: Any) -> None:
    """A lab is no way into a network, and opens no port to it."""
    transport = connect(polite).get_transport()
    with pytest.raises(paramiko.ChannelException) as refusal:
        transport.open_channel("direct-tcpip", ("192.0.2.1", 22), ("127.0.0.1", 1), timeout=10)
    assert refusal.value.code == 1
    with pytest.raises(paramiko.SSHException, match="denied"):
        transport.request_port_forward("192.0.2.1", 0)


def can_open(client: paramiko.SSHClient) -> bool:
    """Whether a session is free just now."""
    try:
        opened(client).close()
    except paramiko.ChannelException:
        return False
    return True


def can_connect(server: Server, connect: Any) -> bool:
    """Whether a client gets in just now."""
    try:
        connect(server).close()
    except (paramiko.SSHException, OSError, EOFError):
        return False
    return True


def wait_until(condition: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Wait for something that the other process does, and fail if it does not."""
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
