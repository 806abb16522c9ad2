"""What pages promise of the dump lens and other stories do not show: objects that variables tell apart, and advice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from stacks import asleep, py_spy

from paramedic.check.dump import check_dumps
from paramedic.dump.assembly import read_snapshots

SOURCE = """\
def both(client):
    _, out, err = client.exec_command("make")
    text = out.read()
    return text, err.read()
"""
_LOCAL = re.compile(r"^    (Channel|SFTPClient|SFTPFile|BufferedFile|Transport|Agent|SSHClient)\.\w+ \(.*$", re.M)
_CLASS = {"BufferedFile": "SFTPFile"}
AGENT = "sign_ssh_data (paramiko/agent.py:470)"

PROMISES: dict[str, tuple[str, list[str], int, dict[str, str], str]] = {
    "two readers of one channel": (
        "shared-channel", ["observed"], 1,
        {"a": "recv first@gone.py:3 thread", "b": "recv second@gone.py:9 thread", "T": "idle"}, "0x10 0x10 0x99",
    ),
    "two readers of two channels": (
        "shared-channel", [], 1,
        {"a": "recv first@gone.py:3 thread", "b": "recv second@gone.py:9 thread", "T": "idle"}, "0x10 0x20 0x99",
    ),
    "two calls on one SFTP client": (
        "shared-sftp-client", ["observed"], 1,
        {"a": "stat first@gone.py:3 thread", "b": "stat second@gone.py:9 thread", "T": "idle"}, "0x10 0x10 0x99",
    ),
    "two calls on two SFTP clients": (
        "shared-sftp-client", [], 1,
        {"a": "stat first@gone.py:3 thread", "b": "stat second@gone.py:9 thread", "T": "idle", "T2": "idle"},
        "0x10 0x20 0x98 0x99",
    ),
    "two calls on SFTP clients of which nothing is known": (
        "shared-sftp-client", ["advice"], 1,
        {"a": "stat first@gone.py:3 thread", "b": "stat second@gone.py:9 thread", "T": "idle"}, "",
    ),
    "stdout is waited for before stderr is read": (
        "undrained-stderr", ["advice"], 1, {"Main": "file.read both@app.py:3", "T": "idle"}, "",
    ),
    "stdout is waited for and another thread reads stderr": (
        "undrained-stderr", [], 1,
        {"Main": "file.read both@app.py:3", "e": "recv_stderr drain@gone.py:3 thread", "T": "idle"}, "",
    ),
    "a ProxyCommand that everybody waits for": (
        "proxy-stderr-full", ["advice"], 1, {"Main": "recv main@gone.py:3", "T": "proxy"}, "",
    ),
    "a ProxyCommand that nobody waits for": (
        "proxy-stderr-full", [], 1, {"Main": "event main@gone.py:3", "T": "proxy"}, "",
    ),
    "many idle connections": (
        "leaked-connection", ["advice"], 1, {"Main": "event main@gone.py:3"} | {f"T{n}": "idle" for n in range(9)}, "",
    ),
    "a connection for each thread": (
        "leaked-connection", [], 1,
        {f"w{n}": "recv work@gone.py:3 thread" for n in range(9)} | {f"T{n}": "idle" for n in range(9)}, "",
    ),
    "a wait without a limit": ("wait-without-timeout", ["advice"], 1, {"Main": "recv main@gone.py:3", "T": "idle"}, ""),
    "a reply that is waited for through two dumps": (
        "wait-without-timeout", ["possible"], 2, {"Main": "reply main@gone.py:3", "T": "idle"}, "",
    ),
    "two connects of one client": (
        "shared-client-connect", ["observed"], 1,
        {
            "a": "auth SSHClient.connect@paramiko/client.py:449 first@gone.py:3 thread",
            "b": "auth SSHClient.connect@paramiko/client.py:449 second@gone.py:9 thread",
            "T": "idle",
        },
        "0x10 0x10 0x99",
    ),
    "two connects of two clients": (
        "shared-client-connect", [], 1,
        {
            "a": "auth SSHClient.connect@paramiko/client.py:449 first@gone.py:3 thread",
            "b": "auth SSHClient.connect@paramiko/client.py:449 second@gone.py:9 thread",
            "T": "idle",
        },
        "0x10 0x20 0x99",
    ),
    "two global requests on one transport": (
        "global-request-race", ["observed"], 1,
        {
            "a": "event Transport.global_request@paramiko/transport.py:1200 first@gone.py:3 thread",
            "b": "event Transport.global_request@paramiko/transport.py:1200 second@gone.py:9 thread",
            "T": "idle",
        },
        "0x10 0x10 0x99",
    ),
    "two signatures of one agent": (
        "shared-agent", ["observed"], 1,
        {
            "a": "Agent._send_message@paramiko/agent.py:110 first@gone.py:3 thread",
            "b": "Agent._send_message@paramiko/agent.py:110 second@gone.py:9 thread",
            "T": "idle",
        },
        "0x10 0x10 0x99",
    ),
    "two reads of one SFTP file": (
        "shared-sftp-file", ["observed"], 1,
        {
            "a": "stat SFTPFile._read@paramiko/sftp_file.py:190 first@gone.py:3 thread",
            "b": "stat SFTPFile._read@paramiko/sftp_file.py:190 second@gone.py:9 thread",
            "T": "idle",
        },
        "0x10 0x10 0x99",
    ),
    "two reads of SFTP files of which nothing is known": (
        "shared-sftp-file", [], 1,
        {
            "a": "stat SFTPFile._read@paramiko/sftp_file.py:190 first@gone.py:3 thread",
            "b": "stat SFTPFile._read@paramiko/sftp_file.py:190 second@gone.py:9 thread",
            "T": "idle",
        },
        "",
    ),
}  # fmt: skip


def with_locals(threads: Mapping[str, str], addresses: str) -> str:
    """A dump with `self` of each of Paramiko's frames: one address for each thread, in their order."""
    parts = re.split(r"(?m)^(?=Thread )", py_spy(threads))
    shown = [parts[0]]
    for part, address in zip(parts[1:], addresses.split(), strict=True):
        shown.append(
            _LOCAL.sub(lambda m, a=address: f"{m[0]}\n        Arguments:\n            self: <{m[1]} at {a}>", part)
        )
    return "".join(shown)


@pytest.mark.parametrize("story", PROMISES)
def test_pages_keep_what_they_promise_of_dumps(story: str, tmp_path: Path) -> None:
    hazard, expected, times, threads, addresses = PROMISES[story]
    (tmp_path / "app.py").write_text(SOURCE)
    text = with_locals(threads, addresses) if addresses else py_spy(threads)
    report = check_dumps(asleep(read_snapshots((text * times).splitlines())), roots=[tmp_path])
    assert [str(f.confidence) for f in report.findings if f.hazard == hazard] == expected


@pytest.mark.parametrize(("times", "expected"), [(1, []), (2, ["advice"])])
def test_a_thread_that_holds_the_gil_in_two_dumps_is_told(times: int, expected: list[str]) -> None:
    text = py_spy({"w": "compute@gone.py:3 thread", "Main": "recv main@gone.py:9", "T": "idle"})
    text = text.replace("Thread 100 (idle)", "Thread 100 (active+gil)") * times
    report = check_dumps(read_snapshots(text.splitlines()))
    assert [str(f.confidence) for f in report.findings if f.hazard == "gil-starved-transport"] == expected
