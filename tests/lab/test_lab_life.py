"""The lab's life: how it starts, what it leaves behind, and what ends it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko
import pytest

from paramedic.lab import LabError, Manners, Server, lab
from paramedic.lab.console import how_to_reach

PROGRAM = """
import json, os, signal, sys
from paramedic.lab import lab
with lab() as server:
    print(json.dumps([server.pid, server.port, os.path.dirname(server.key_file)]), flush=True)
    {what}
"""


def wait_until(condition: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Wait for something that another process does, and fail if it does not."""
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def is_running(process_id: int) -> bool:
    """Whether a process exists that has not ended (a zombie has)."""
    try:
        with open(f"/proc/{process_id}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def started(what: str) -> tuple[subprocess.Popen[str], int, int, Path]:
    """A program that runs a lab: its process, the lab's process id, its port and its folder."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(what=what)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    process_id, port, folder = json.loads(program.stdout.readline())
    assert is_running(process_id)
    return program, process_id, port, Path(folder)


def test_the_end_of_the_block_ends_all(connect: Any) -> None:
    """The process, the port, the folder and the commands that still run."""
    with lab() as server:
        client = connect(server)
        _, stdout, _ = client.exec_command("echo $$; exec sleep 600", timeout=10)
        command = int(stdout.readline())
    assert not is_running(server.pid)
    assert not Path(server.key_file).parent.exists()
    wait_until(lambda: not is_running(command))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port), timeout=5)


ENDINGS = {
    "it returns": "",
    "it raises": "raise SystemExit(3)",
    "it leaves without clearing up": "os._exit(0)",
    "it is killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "it is terminated": "os.kill(os.getpid(), signal.SIGTERM)",
    "it is killed, and a fork of it holds the pipe": (
        "os.fork() or (sys.stdin.read(), os._exit(0)); os.kill(os.getpid(), signal.SIGKILL)"
    ),
}


@pytest.mark.parametrize("story", ENDINGS)
def test_however_its_program_ends_the_lab_goes_too(story: str) -> None:
    """No process and no folder stay."""
    program, lab_process, _, folder = started(ENDINGS[story])
    program.wait(60)
    wait_until(lambda: not is_running(lab_process) and not folder.exists())
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.close()
    program.stdout.close()


def test_a_forked_child_that_unwinds_leaves_the_lab_alone() -> None:
    """The end of the block in a fork of the program is not the program's end of the block."""
    program, lab_process, port, folder = started(
        "child = os.fork(); child and (os.waitpid(child, 0), sys.stdin.read())"
    )
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(1)  # by now the child has ended its block
    assert is_running(lab_process)
    assert folder.exists()
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    program.communicate("", timeout=60)
    wait_until(lambda: not is_running(lab_process) and not folder.exists())


def test_secrets_are_private(polite: Server) -> None:
    """Nobody else can read the key or look into the folder."""
    assert stat.S_IMODE(os.stat(polite.key_file).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(Path(polite.key_file).parent).st_mode) == 0o700


def test_keys_are_new_each_time(lab_with: Callable[..., Server]) -> None:
    """Neither the host's nor the client's key is ever seen again."""
    first, second = lab_with(fast=True), lab_with(fast=True)
    assert Path(first.key_file).read_bytes() != Path(second.key_file).read_bytes()
    with pytest.raises(paramiko.AuthenticationException), paramiko.SSHClient() as client:
        client.load_host_keys(second.known_hosts_file)
        client.connect(**{**second.connect_kwargs(), "key_filename": first.key_file}, timeout=10)


def test_a_port_that_is_taken() -> None:
    """It is said with its number, and nothing stays."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=rf"cannot listen on 127\.0\.0\.1 port {port}: Address already in use"):
            with lab(Manners(port=port)):
                pass


def test_a_lab_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the interpreter is not one."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(LabError, match="the lab did not start"):
        with lab():
            pass


def test_it_does_not_care_where_it_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program's own asyncssh.py or queue.py is not taken for the library's."""
    (tmp_path / "asyncssh.py").write_text("raise SystemError('not this one')")
    (tmp_path / "queue.py").write_text("raise SystemError('nor this one')")
    monkeypatch.chdir(tmp_path)
    with lab() as server:
        assert is_running(server.pid)


def test_the_command_line(tmp_path: Path) -> None:
    """It says how to get in, what it says works, and Ctrl-C ends it with status 0."""
    command = [sys.executable, "-m", "paramedic.lab", "--max-sessions", "1", "--address", "127.0.0.1"]
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert program.stdout is not None
    said = [program.stdout.readline() for _ in range(9)]
    recipe = "".join(said[said.index("client = paramiko.SSHClient()\n") :])
    names: dict[str, Any] = {"paramiko": paramiko}
    exec(recipe, names)
    with names["client"] as client:
        _, stdout, _ = client.exec_command("echo hello", timeout=10)
        assert stdout.read() == b"hello\n"
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=60)
    assert (program.returncode, errors) == (0, "")


@pytest.mark.parametrize("arguments", [["--address", "192.0.2.1"], ["--reset-chance", "7"], ["--drop", "softly"]])
def test_options_that_cannot_be(arguments: list[str]) -> None:
    """A sentence and status 2, no traceback."""
    assert_refused(run_lab(arguments))


def test_the_command_line_and_a_port_that_is_taken() -> None:
    """The same for what only the start can find out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert_refused(run_lab(["--port", str(taken.getsockname()[1])]))


def assert_refused(done: subprocess.CompletedProcess[str]) -> None:
    """Status 2 and one line on standard error."""
    assert done.returncode == 2
    assert done.stderr.startswith("paramedic lab: ")
    assert done.stderr.count("\n") == 1


def run_lab(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    command = [sys.executable, "-m", "paramedic.lab", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_ssh_client_gets_in(polite: Server) -> None:
    """OpenSSH's own client, with the command that the lab prints."""
    if subprocess.run(["sh", "-c", "command -v ssh"], capture_output=True, check=False).returncode:
        pytest.skip("OpenSSH's client is not installed (Debian: apt-get install openssh-client)")
    line = next(line for line in how_to_reach(polite).splitlines() if line.startswith("ssh "))
    command = [*shlex.split(line), "cat; echo err >&2; exit 3"]
    done = subprocess.run(command, input=b"in", capture_output=True, timeout=30, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (b"in", b"err\n", 3)
