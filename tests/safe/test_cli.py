"""``paramedic exec`` and ``paramedic copy`` as a user runs them."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hosts import Host, gone, processes

from openssh import running_sshd
from paramedic.cli.exec import _harmless

ADDRESSES = tuple(f"127.0.0.{n}" for n in range(1, 6))
Paramedic = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = tmp_path_factory.mktemp("home")
    with running_sshd(tmp_path_factory.mktemp("sshd"), f"SetEnv HOME={home}", addresses=ADDRESSES) as server:
        yield Host(server)


def words(many: Host, *more: str) -> list[str]:
    server = many.server
    login = ["-u", server.user, "-p", str(server.port), "-i", server.key_file, "--known-hosts", server.known_hosts_file]
    verb, *rest = more
    return [sys.executable, "-m", "paramedic.cli.main", verb, *login, "-F", os.devnull, *rest]


@pytest.fixture
def paramedic(many: Host, tmp_path: Path) -> Paramedic:
    def run(*more: str, input: str = "") -> Any:
        environment = {**os.environ, "HOME": str(tmp_path)}
        return subprocess.run(
            words(many, *more), input=input, capture_output=True, text=True, timeout=60, env=environment
        )

    return run


ALL = "127.0.0.[1-5]"


def test_every_line_has_its_hosts_name(paramedic: Paramedic) -> None:
    done = paramedic("exec", "-H", ALL, "--", "echo out; echo err >&2")
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()) == [f"{address}: out" for address in ADDRESSES]
    assert sorted(done.stderr.splitlines()) == [f"{address}: err" for address in ADDRESSES]


def test_live_lines_come_while_the_commands_run(many: Host, tmp_path: Path) -> None:
    command = f"echo begun; while ! test -e {tmp_path}/go; do sleep 0.05; done; echo over >&2; exit 4"
    asked = words(many, "exec", "-H", ALL, "--live", "--", command)
    environment = {**os.environ, "HOME": str(tmp_path)}
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True) as job:
        assert job.stdout is not None
        begun = sorted(job.stdout.readline() for _ in ADDRESSES)
        (tmp_path / "go").touch()
        rest, errors = job.communicate(timeout=60)
    assert job.returncode == 1
    assert begun == [f"{address}: begun\n" for address in ADDRESSES]
    assert rest == ""
    assert sorted(errors.splitlines()) == sorted(
        [f"{address}: over" for address in ADDRESSES]
        + [f"paramedic: {address}: exit status 4" for address in ADDRESSES]
    )


def test_live_json_has_an_object_for_each_line_and_each_end(paramedic: Paramedic) -> None:
    done = paramedic("exec", "-H", "127.0.0.1", "--live", "--json", "--", r"echo out; printf '\377' >&2")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted((one["stream"], one["line"], one.get("line_base64")) for one in told[:-1]) == [
        ("stderr", "\ufffd", "/w=="),
        ("stdout", "out", None),
    ]
    assert {one["host"] for one in told} == {"127.0.0.1"}
    assert told[-1]["exit_status"] == 0
    assert "stdout" not in told[-1]


@pytest.mark.parametrize("other", ["--fold", "--retry-safe", "--dask=tcp://127.0.0.1:1"])
def test_live_lines_do_not_go_together_with_what_needs_the_whole(other: str, paramedic: Paramedic) -> None:
    done = paramedic("exec", "-H", "127.0.0.1", "--live", other, "--", "true")
    assert done.returncode == 2
    assert "--live does not go together" in done.stderr


@pytest.mark.parametrize("form", ["lines", "json"])
def test_on_a_terminal_no_line_stands_behind_the_progress_bar(form: str, many: Host, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    asked = words(many, "exec", "-H", ALL, *(["--json"] if form == "json" else []), "--", "echo out; echo err >&2")
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "xterm-256color"}
    with subprocess.Popen(asked, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment) as job:
        os.close(theirs)
        screen = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert job.returncode == 0
    begins = re.compile(rb'(?s)(.{0,4})(?:127\.0\.0\.\d: (?:out|err)|\{"schema")')
    before = [found[1] for found in begins.finditer(screen)]
    assert len(before) == (len(ADDRESSES) if form == "json" else 2 * len(ADDRESSES))
    assert b"/5" in screen  # there was a bar
    assert all(text.endswith((b"\n", b"\x1b[2K")) for text in before), before


def test_json_lines_go_to_a_file_though_the_bar_is_on_the_terminal(many: Host, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    asked = words(many, "exec", "-H", ALL, "--json", "--", "true")
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "xterm-256color"}
    with (
        (tmp_path / "found.jsonl").open("wb") as file,
        subprocess.Popen(asked, stdin=subprocess.DEVNULL, stdout=file, stderr=theirs, env=environment),
    ):
        os.close(theirs)
        screen = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    lines = (tmp_path / "found.jsonl").read_text().splitlines()
    assert {json.loads(line)["host"] for line in lines} == set(ADDRESSES)
    assert b"schema" not in screen


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: nobody holds the other side any more
        return b""


def test_identical_outputs_are_folded(paramedic: Paramedic) -> None:
    done = paramedic("exec", "-H", ALL, "-b", "--", 'case "$SSH_CONNECTION" in *127.0.0.3*) exit 7;; esac; echo same')
    assert done.returncode == 1
    assert "127.0.0.[1-2,4-5] (4)" in done.stdout
    assert "127.0.0.3 (1)" in done.stdout
    assert "[exit status 7]" in done.stdout
    assert done.stdout.count("same") == 1


def test_json_lines_say_everything(paramedic: Paramedic) -> None:
    done = paramedic("exec", "-H", "127.0.0.1,127.0.0.1:1", "--json", "--", "printf 'a\\377'; echo e >&2; exit 3")
    assert done.returncode == 3
    found = {line["host"]: line for line in map(json.loads, done.stdout.splitlines())}
    good, bad = found["127.0.0.1"], found["127.0.0.1:1"]
    assert (good["exit_status"], good["stderr"], good["stdout_base64"], good["ok"]) == (3, "e\n", "Yf8=", False)
    assert (bad["error"]["type"], bad["error"]["phase"]) == ("ConnectFailed", "connect")


# the options -> exit status, and a word of what is said
USAGE: dict[str, tuple[list[str], int, str]] = {
    "no hosts": (["exec", "--", "true"], 2, "no hosts"),
    "no command": (["exec", "-H", "127.0.0.1"], 2, "no command"),
    "a pattern that is none": (["exec", "-H", "web[1-", "--", "true"], 2, "not a host pattern"),
    "a group that is not known": (["exec", "-H", "@nobody", "--", "true"], 2, "@nobody"),
    "a file that is not there": (["exec", "-f", "/nonexistent/hosts", "--", "true"], 2, "No such file"),
    "options that exclude each other": (["exec", "-H", "h", "-b", "--json", "--", "true"], 2, "do not go together"),
    "an input for what can have none": (["exec", "-H", "h", "--stdin", "--leash", "--", "cat"], 2, "has no input"),
    "a limit that is no number": (["exec", "-H", "h", "--timeout", "soon", "--", "true"], 2, "invalid seconds value"),
    "an empty command": (["exec", "-H", "127.0.0.1", "--", " "], 2, "no command"),
    "the first failure stops all": (["exec", "-H", "127.0.0.[1-5]", "--fail-fast", "--", "exit 9"], 1, "exit status 9"),
    "time was up first": (["exec", "-H", "127.0.0.1", "--fail-fast", "--deadline", "1", "--", "sleep 44.5"], 3, "time"),
    "a host that does not answer": (["exec", "-H", "127.0.0.1:1", "--", "true"], 3, "does sshd listen there?"),
    "a command that fails": (["exec", "-H", "127.0.0.1", "--", "exit 9"], 1, "exit status 9"),
    "a command that is killed": (["exec", "-H", "127.0.0.1", "--", "kill -9 $$"], 1, "signal KILL"),
    "a limit that passes": (["exec", "-H", "127.0.0.1", "--timeout", "0.5", "--", "sleep 44.5"], 3, "limit passed"),
    "nothing to copy": (["copy", "-H", "127.0.0.1", "put", "/nonexistent/file", "x"], 1, "is not there"),
    "no Dask": (["exec", "-H", "h", "--dask", "tcp://127.0.0.1:1", "--", "true"], 2, "Dask"),
}


@pytest.mark.parametrize("story", USAGE)
def test_what_is_wrong_is_said_in_a_sentence(paramedic: Paramedic, story: str) -> None:
    given, status, said = USAGE[story]
    done = paramedic(*given)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_hosts_from_standard_input_and_from_files(paramedic: Paramedic, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("# all of them\n127.0.0.[1-3]   # and more\n127.0.0.4 127.0.0.1\n\n")
    done = paramedic("exec", "-f", str(tmp_path / "hosts"), "-x", "127.0.0.2", "--", "echo x")
    assert sorted(line.split(":")[0] for line in done.stdout.splitlines()) == ["127.0.0.1", "127.0.0.3", "127.0.0.4"]
    done = paramedic("exec", "-f", "-", "--no-label", "--", "echo", "$((1+1))", input="127.0.0.[1-2]\n")
    assert done.stdout == "2\n2\n"


def test_standard_input_goes_to_every_host(paramedic: Paramedic) -> None:
    done = paramedic("exec", "-H", "127.0.0.[1-2]", "--stdin", "--no-label", "--", "cat", input="hello\n")
    assert done.stdout == "hello\n" * 2


def test_ssh_config_is_read(many: Host, paramedic: Paramedic, tmp_path: Path) -> None:
    server = many.server
    (tmp_path / "extra").write_text("Host in-extra\n  HostName 127.0.0.2\n")
    config = tmp_path / "config"
    config.write_text(
        f"Include {tmp_path}/extra\n"
        "Host through\n  HostName 127.0.0.3\n  ProxyJump 127.0.0.4,in-extra\n"
        "Host piped\n  HostName 127.0.0.5\n"
        f"  ProxyCommand {sys.executable} -m tests.safe.nothing %h %p\n"
        f"Host *\n  User {server.user}\n  Port {server.port}\n  IdentityFile {server.key_file}\n"
        f"  UserKnownHostsFile {server.known_hosts_file}\n  IdentitiesOnly yes\n"
    )
    pipe = tmp_path / "pipe.py"
    pipe.write_text(
        "import select, socket, os, sys\n"
        "peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "while True:\n"
        "    for ready in select.select([0, peer], [], [])[0]:\n"
        "        data = os.read(0, 65536) if ready == 0 else peer.recv(65536)\n"
        "        if not data: sys.exit()\n"
        "        peer.sendall(data) if ready == 0 else os.write(1, data)\n"
    )
    config.write_text(config.read_text().replace("-m tests.safe.nothing", str(pipe)))
    command = [sys.executable, "-m", "paramedic.cli.main", "exec", "-F", str(config)]
    done = subprocess.run(
        [*command, "-H", "in-extra,through,piped", "--", "echo $SSH_CONNECTION"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    found = {line.split(": ")[0]: line.split() for line in done.stdout.splitlines()}
    assert found["in-extra"][3] == "127.0.0.2"
    assert (found["through"][1], found["through"][3]) == ("127.0.0.1", "127.0.0.3")
    assert found["piped"][3] == "127.0.0.5"


def test_a_new_host_is_added_where_ssh_config_says(many: Host, tmp_path: Path) -> None:
    server = many.server
    config = tmp_path / "config"
    config.write_text(
        f"Host new\n HostName 127.0.0.1\n ProxyJump 127.0.0.2\nHost *\n User {server.user}\n Port {server.port}\n"
        f" IdentityFile {server.key_file}\n UserKnownHostsFile {tmp_path}/mine\n HashKnownHosts yes\n"
    )
    command = [sys.executable, "-m", "paramedic.cli.main", "exec", "-F", str(config), "-H", "new"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    refused = subprocess.run([*command, "--", "echo in"], capture_output=True, text=True, env=environment, timeout=60)
    assert (refused.returncode, (tmp_path / "mine").exists()) == (3, False)
    assert "paramedic: new: " in refused.stderr
    command.append("--accept-new")
    done = subprocess.run([*command, "--", "echo in"], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, done.stdout) == (0, "new: in\n"), done.stderr
    added = (tmp_path / "mine").read_text().splitlines()
    assert [line[:3] for line in added] == ["|1|", "|1|"]
    assert not (tmp_path / ".ssh").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_end_the_remote_processes(many: Host, number: int, status: int) -> None:
    mark = f"45.{status}{os.getpid()}"
    with subprocess.Popen(words(many, "exec", "-H", ALL, "--", f"sleep {mark}"), stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 20
        while [p.split(None, 1)[1] for p in processes(mark)].count(f"sleep {mark}") < len(ADDRESSES):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.send_signal(number)
        _, said = running.communicate(timeout=30)
    assert running.returncode == status, said
    assert b"Traceback" not in said
    assert gone(f"sleep {mark}")


def test_files_go_to_every_host_and_come_from_every_host(paramedic: Paramedic, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("x")
    done = paramedic("copy", "-H", "127.0.0.[1-2]", "put", str(source), f"{tmp_path}/there", "--verify", "sha256")
    assert (done.returncode, done.stdout) == (0, "127.0.0.1: 1 files, 1 bytes\n127.0.0.2: 1 files, 1 bytes\n")
    done = paramedic("copy", "-H", "127.0.0.[1-2]", "--json", "get", f"{tmp_path}/there", f"{tmp_path}/back")
    assert [json.loads(line)["files"] for line in done.stdout.splitlines()] == [1, 1]
    for address in ADDRESSES[:2]:
        assert (tmp_path / "back" / address / "there" / "file").read_text() == "x"
    (source / "link").symlink_to("file")
    done = paramedic("copy", "-H", "127.0.0.1", "put", str(source), f"{tmp_path}/without-links")
    assert done.returncode == 0
    assert done.stdout.endswith(f"; skipped, as a link or no file: {source}/link\n")


def test_names_of_any_bytes_are_told_and_steer_nothing(many: Host, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    os.symlink("nowhere", os.fsencode(tree) + b"/\xff\x1b]0;mine\x07")
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8:strict"}  # as in most locales
    for asked in (["put", str(tree), f"{tmp_path}/there"], ["get", str(tree), f"{tmp_path}/back"]):
        command = words(many, "copy", "-H", "127.0.0.1", *asked)
        done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")
        assert rb"/tree/\udcff\x1b]0;mine\x07" in done.stdout


# what a host prints -> what a terminal gets
PRINTED = {
    b"plain \t text": b"plain \t text",
    b"\x1b[31mred\x07\r": rb"\x1b[31mred\x07\x0d",
    "é ü 中 ” Ă".encode(): "é ü 中 ” Ă".encode(),
    "\x9b31m \x85".encode(): rb"\xc2\x9b31m \xc2\x85",  # CSI in one character, as UTF-8 writes it
    b"\xff\x7f\0": b"\xff" + rb"\x7f\x00",
}


@pytest.mark.parametrize("printed", PRINTED)
def test_what_hosts_print_does_not_steer_a_terminal(printed: bytes) -> None:
    assert _harmless(printed) == PRINTED[printed]


def test_help_names_the_exit_status() -> None:
    for verb in ("exec", "copy"):
        command = [sys.executable, "-m", "paramedic.cli.main", verb, "--help"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0
        assert "exit status:" in done.stdout


@pytest.mark.parametrize("host", ["way", "goal"])
@pytest.mark.parametrize(("configured", "option"), [("60", ["--connect-timeout", "0.5"]), ("1", [])])
def test_connect_timeout_is_the_whole_of_connecting_for_jump_hosts_too(
    configured: str, option: list[str], host: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = tmp_path / "config"
        where = f"HostName 127.0.0.1\n Port {silent.getsockname()[1]}\n ConnectTimeout {configured}\n"
        config.write_text(f"Host way goal\n {where}Host goal\n ProxyJump way\n")
        asked = ["exec", "-F", str(config), "-H", host, *option, "--", "true"]
        job = [sys.executable, "-m", "paramedic.cli.main", *asked]
        done = subprocess.run(job, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert f"nothing came for {0.5 if option else 1:g} s" in done.stderr, done.stderr
