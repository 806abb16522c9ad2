"""With the hot paths in C and without them the same is recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
from twice import Done, Run

from paramedic.lab import Manners, Server, lab
from paramedic.model.event import KINDS, Event, Kind
from paramedic.trace import native
from paramedic.trace.reader import TraceFile

PROGRAM = """
import gc, sys, threading, paramiko

def connect():
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect({host!r}, {port}, {user!r}, key_filename={key_file!r}, allow_agent=False, look_for_keys=False)
    return client

def command(client, words, timeout=None):
    stdin, stdout, stderr = client.exec_command(words, timeout=timeout)
    data = stdout.read(), stderr.read(5), stdout.channel.recv_exit_status()
    stdin.close()
    stdin.channel.close()
    return data

def quietly(call, *words):
    try:
        call(*words)
    except Exception as e:
        print(type(e).__name__)

client = connect()
for _ in range(3):
    print(command(client, "echo out; echo err >&2; exit 7"), command(client, "true", 5.5))
for line in client.exec_command("printf 'a\\nb\\n'")[1]:
    print(line)
transport = client.get_transport()
channel = transport.open_session()
channel.settimeout(20)
channel.exec_command("cat")
channel.send(b"hello")
print(channel.recv(5))
channel.shutdown_write()
print(channel.recv(5), channel.recv_exit_status(), channel.exit_status_ready())
channel.close()
quietly(channel.send, b"more")
quietly(channel.exec_command, "true")
quietly(client.exec_command, 3)
with client.open_sftp() as sftp:
    with sftp.open({folder!r} + "/file", "w") as file:
        file.write("x" * 100000)
    print(len(sftp.open({folder!r} + "/file").read()), sftp.stat({folder!r} + "/file").st_size)
    print(sftp.listdir({folder!r}))
    quietly(sftp.stat, {folder!r} + "/none")
    sftp.get({folder!r} + "/file", {folder!r} + "/copy")
client.invoke_shell().close()
held = client.exec_command("true")
print(held[1].read(), held[1].channel.recv_exit_status())
del held
gc.collect()
client.close()
quietly(client.exec_command, "true")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One whose connections do not end when Paramiko sends EOF after CLOSE."""
    with lab(Manners(close_after_eof=True)) as running:
        yield running


def said(trace: TraceFile, event: Event) -> tuple[object, ...]:
    """What an event says that is the same in each run."""
    words = [KINDS[event.kind], trace.header["operations"][event.op] if event.kind in NAMED else event.op]
    stack = trace.texts.get(event.site, "") if event.kind in NAMED else ""
    frames = [trace.texts.get(int(n), n) for n in stack.removeprefix("S ").split() if n.isdigit()]
    measure = (
        event.a if event.kind in (Kind.CALL, Kind.RAISE) or words[1] in EXACT and event.kind == Kind.RETURN else ""
    )
    return (*words, tuple(frames), measure)


WHENEVER = (Kind.WIRE, Kind.STATE, Kind.FINAL)
NAMED = (Kind.CALL, Kind.RETURN, Kind.RAISE, Kind.NEW)
EXACT = ("File.read", "Channel.recv_exit_status", "Channel.send", "File.write")


def of_threads(done: Done) -> list[str]:
    """What the main thread has done in its order, and what else there is, without how often.

    Messages of the peer and finalizers come when they come, also after the connection is closed.
    """
    (trace,) = done.traces()
    events = list(trace.events())
    first = min(e.thread for e in events)
    ours = [said(trace, e) for e in events if e.thread == first and e.kind in NAMED]
    others = {said(trace, e) for e in events if e.kind in (*WHENEVER, Kind.OPENED, Kind.LINK)}
    return [*map(str, ours), *sorted(map(str, others))]


@pytest.mark.parametrize("level", ["watch", "check"])
def test_the_same_is_recorded(level: str, server: Server, recorded: Run, tmp_path: Path) -> None:
    if native.rows is None:
        pytest.skip("built without a compiler")
    told = []
    for core in ("python", "c"):
        folder = tmp_path / core
        folder.mkdir()
        words = {n: getattr(server, n) for n in ("host", "port", "user", "key_file")}
        program = PROGRAM.format(folder=str(folder), **words)
        (tmp_path / "app.py").write_text(program)
        environment = {**os.environ, "PARAMEDIC_CORE": core, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        done = recorded("app.py", level=level, cwd=tmp_path, env=environment)
        assert done.status == 0 and done.gaps() == [], done.err
        told.append([done.out, *of_threads(done)])
    assert not list(unified_diff(*told, lineterm="", n=1))


@pytest.mark.timeout(300)
def test_the_recorder_works_without_them() -> None:
    """What a machine without a compiler has."""
    here = Path(__file__).parent
    modules = [here / f"test_{name}.py" for name in ("rewriting", "full_chunks", "inner_calls", "stacks")]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        here.parent / "trace",
        *modules,
    ]
    environment = {**os.environ, "PARAMEDIC_CORE": "python"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=here.parent.parent)
    assert done.returncode == 0, done.stdout
