"""With good manners the lab does what OpenSSH's server does."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import paramiko
import pytest

from paramedic.lab import Server

COMMANDS = {
    "output is passed on": ("echo out", b"", (b"out\n", b"", 0)),
    "the streams stay apart": ("echo out; echo err >&2", b"", (b"out\n", b"err\n", 0)),
    "the exit status is passed on": ("exit 7", b"", (b"", b"", 7)),
    "a command that is not there is the shell's business": ("no-such-command 2>/dev/null", b"", (b"", b"", 127)),
    "a signal is no exit status": ("kill -9 $$", b"", (b"", b"", -1)),
    "input goes in, and its end too": ("cat", b"some input", (b"some input", b"", 0)),
    "more than a window goes through": ("head -c 5000000 /dev/zero | tr '\\0' x", b"", (b"x" * 5_000_000, b"", 0)),
    "more than a window of input goes through": ("wc -c | tr -d ' '", b"x" * 5_000_000, (b"5000000\n", b"", 0)),
    "much goes in and out at once": ("cat", b"0123456789" * 1_100_001, (b"0123456789" * 1_100_001, b"", 0)),
    "much goes in before the command reads": ("sleep 0.1; wc -c | tr -d ' '", b"x" * 400_001, (b"400001\n", b"", 0)),
    "a command that ignores its input gets none": ("exec <&-; echo deaf", b"", (b"deaf\n", b"", 0)),
    "bytes stay bytes": (r"printf '\377\376\0'", b"", (b"\xff\xfe\0", b"", 0)),
    "there is no terminal unless one is asked for": ("test -t 0 || echo none", b"", (b"none\n", b"", 0)),
}


def run(client: paramiko.SSHClient, command: str, given: bytes, **options: Any) -> tuple[bytes, bytes, int]:
    """All that a command says, read as it should be: both streams at once, then the status."""
    stdin, stdout, stderr = client.exec_command(command, timeout=20, **options)
    errors: list[bytes] = []
    drain = threading.Thread(target=lambda: errors.append(stderr.read()))
    feed = threading.Thread(target=lambda: (stdin.write(given), stdin.channel.shutdown_write()))
    drain.start()
    feed.start()
    output = stdout.read()
    for thread in (drain, feed):
        thread.join(20)
        assert not thread.is_alive()
    return output, errors[0], stdout.channel.recv_exit_status()


@pytest.mark.parametrize("story", COMMANDS)
def test_a_command(story: str, either: Server, connect: Any) -> None:
    """Each of the stories, on the lab and on sshd."""
    command, given, expected = COMMANDS[story]
    assert run(connect(either), command, given) == expected


def test_a_command_with_a_terminal(either: Server, connect: Any) -> None:
    """The terminal has the size that was asked for, echoes, and ends its input with control-D."""
    stdin, stdout, _ = connect(either).exec_command("stty size; cat", get_pty=True, timeout=20)
    assert stdout.readline() == "24 80\r\n"
    stdin.write("hello\n\x04")
    assert stdout.read() == b"hello\r\nhello\r\n"
    assert stdout.channel.recv_exit_status() == 0


def test_closing_the_channel_hangs_up_a_terminal(either: Server, connect: Any, scratch: Path) -> None:
    """A command with a terminal gets SIGHUP when its channel goes."""
    fifo = scratch / "fifo"
    client = connect(either)
    command = f"mkfifo {fifo}; trap 'echo hung up >{fifo}; exit' HUP; echo ready; while :; do sleep 0.05; done"
    _, stdout, _ = client.exec_command(command, get_pty=True, timeout=20)
    assert stdout.readline() == "ready\r\n"
    stdout.channel.close()
    assert fifo.read_text() == "hung up\n"


def test_closing_the_channel_leaves_a_command_alone(either: Server, connect: Any, scratch: Path) -> None:
    """A command without a terminal goes on: closing is no way to kill."""
    fifo = scratch / "fifo"
    client = connect(either)
    _, stdout, _ = client.exec_command(f"mkfifo {fifo}; echo ready; read line <{fifo}; echo $line >{fifo}", timeout=20)
    assert stdout.readline() == "ready\n"
    stdout.channel.close()
    fifo.write_text("still there\n")
    assert fifo.read_text() == "still there\n"


def test_an_interactive_shell(either: Server, connect: Any) -> None:
    """A shell without a terminal reads its commands from the channel."""
    channel = connect(either).get_transport().open_session(timeout=10)
    channel.settimeout(20)
    channel.invoke_shell()
    channel.sendall(b"echo $((6 * 7))\nexit 3\n")
    said = b"".join(iter(lambda: channel.recv(4096), b""))
    assert b"42" in said.splitlines()
    assert channel.recv_exit_status() == 3


def test_a_signal_for_the_command(polite: Server, connect: Any) -> None:
    """The signal request of RFC 4254 section 6.9 reaches the command.

    Paramiko has no call for it; sshd takes it only where it runs with privilege separation, and not for root.
    """
    channel = connect(polite).get_transport().open_session(timeout=10)
    channel.settimeout(20)
    channel.exec_command("trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
    assert channel.recv(100) == b"ready\n"
    message = paramiko.Message()
    message.add_byte(bytes([98]))  # SSH_MSG_CHANNEL_REQUEST
    message.add_int(channel.remote_chanid)
    message.add_string("signal")
    message.add_boolean(False)
    message.add_string("TERM")
    channel.transport._send_user_message(message)
    assert channel.recv(100) == b"caught\n"
    assert channel.recv_exit_status() == 5


def test_files(either: Server, connect: Any, scratch: Path) -> None:
    """SFTP works on the real file system, in both directions."""
    there = f"{scratch}/file"
    with connect(either).open_sftp() as sftp:
        with sftp.open(there, "wb") as file:
            file.write(b"x" * 300_000)
        assert Path(there).read_bytes() == b"x" * 300_000
        assert sftp.stat(there).st_size == 300_000
        assert sftp.listdir(str(scratch)) == ["file"]
        with sftp.open(there, "rb") as file:
            file.prefetch()
            assert file.read() == b"x" * 300_000
        sftp.remove(there)
        with pytest.raises(FileNotFoundError):
            sftp.stat(there)


def test_sftp_starts_in_the_home(either: Server, connect: Any) -> None:
    """Relative paths mean the same to SFTP and to a command."""
    client = connect(either)
    with client.open_sftp() as sftp:
        assert sftp.normalize(".") == either.home
    assert run(client, "pwd", b"")[0].decode().strip() == either.home


def test_a_channel_to_a_port(either: Server, connect: Any) -> None:
    """direct-tcpip reaches a loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        channel = connect(either).get_transport().open_channel("direct-tcpip", address, ("127.0.0.1", 1), timeout=10)
        channel.settimeout(20)
        peer, _ = listener.accept()
        with peer:
            channel.sendall(b"there")
            assert peer.recv(100) == b"there"
            peer.sendall(b"back")
            assert channel.recv(100) == b"back"
        assert channel.recv(100) == b""


@pytest.mark.parametrize("listen_host", ["127.0.0.1", "localhost", ""])
def test_a_port_on_the_server(listen_host: str, either: Server, connect: Any) -> None:
    """tcpip-forward listens, brings connections as channels, and can be cancelled."""
    transport = connect(either).get_transport()
    port = transport.request_port_forward(listen_host, 0)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as visitor:
        channel = transport.accept(10)
        channel.settimeout(20)
        visitor.sendall(b"knock")
        assert channel.recv(100) == b"knock"
        channel.close()
        assert visitor.recv(100) == b""
    transport.cancel_port_forward(listen_host, port)
    run_after = transport.open_session(timeout=10)  # the cancellation was answered, so it is done
    run_after.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)


def test_a_second_try_at_login(polite: Server, tmp_path: Path) -> None:
    """Paramiko asks for the login service before each try; a wrong key first does no harm."""
    wrong = paramiko.ECDSAKey.generate()
    transport = paramiko.Transport((polite.host, polite.port))
    try:
        transport.start_client(timeout=10)
        for _ in range(2):
            with pytest.raises(paramiko.AuthenticationException):
                transport.auth_publickey(polite.user, wrong)
        transport.auth_publickey(polite.user, paramiko.Ed25519Key.from_private_key_file(polite.key_file))
        assert transport.is_authenticated()
    finally:
        transport.close()
