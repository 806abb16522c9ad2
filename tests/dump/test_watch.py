"""`paramedic.watch` beside what the program has for the signal itself, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals as on Linux")

START = """\
import asyncio, faulthandler, os, select, signal, sys
sys.path[:0] = [{package!r}]
import paramedic


def ask():
    os.kill(os.getpid(), signal.SIGUSR1)


def written(path, words):
    # Its own dump is written by a thread: it ends with an empty line.
    while words not in (text := open(path).read()) or not text.endswith("\\n\\n"):
        select.select([], [], [], 0.01)
    return text


"""
OWN, IN_C = "paramedic.watch)", "most recent call first"


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    import paramedic

    package = str(Path(paramedic.__file__).resolve().parents[1])
    command = [sys.executable, "-c", START.format(package=package) + program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_a_file_that_nobody_else_holds_stays_open(tmp_path: Path) -> None:
    done = run("paramedic.watch(file=open('told', 'w'))\nask()\nwritten('told', 'paramedic.watch)')", tmp_path)
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "told").read_text()
    assert OWN in told and IN_C in told


def test_a_registration_of_faulthandler_stays_and_a_warning_says_so(tmp_path: Path) -> None:
    program = (
        "mine = open('mine', 'w')\n"
        "faulthandler.register(signal.SIGUSR1, file=mine)\n"
        "watch = paramedic.watch(file=open('told', 'w'))\n"
        "ask()\n"
        "watch.stop()\n"
        "ask()\n"
    )
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine").read_text().count(" in ask\n") == 2
    assert "RuntimeWarning: SIGUSR1 has a handler already" in done.stderr


def test_a_second_watch_writes_both_dumps_and_the_first_still_its_own(tmp_path: Path) -> None:
    program = (
        "paramedic.watch(file=open('first', 'w'))\n"
        "paramedic.watch(file=open('second', 'w'))\n"
        "ask()\n"
        "written('first', 'paramedic.watch)'); written('second', 'paramedic.watch)')\n"
    )
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert IN_C in (tmp_path / "second").read_text()


def test_a_handler_of_an_event_loop_is_called_as_well(tmp_path: Path) -> None:
    program = (
        "async def main():\n"
        "    asked = asyncio.Event()\n"
        "    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, asked.set)\n"
        "    paramedic.watch(file=open('told', 'w'))\n"
        "    ask()\n"
        "    await asyncio.wait_for(asked.wait(), 30)\n"
        "asyncio.run(main())\n"
        "written('told', 'paramedic.watch)')\n"
    )
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert IN_C in (tmp_path / "told").read_text()


def test_a_signal_that_was_ignored_ends_nothing(tmp_path: Path) -> None:
    program = (
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "watch = paramedic.watch(file=open('told', 'w'))\n"
        "ask()\n"
        "written('told', 'paramedic.watch)')\n"
        "watch.stop()\n"
        "ask()\n"
    )
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stderr


WAITS = {
    "a lock of Paramiko's": "channel.lock.acquire(); run = lambda: channel.shutdown(2)",
    "the end of a key exchange": (
        "transport.active = True; run = lambda: transport._send_user_message(paramiko.Message())"
    ),
    "a reply to a global request": (
        "transport.active = True; transport._send_user_message = lambda m: None; "
        "run = lambda: transport.global_request('k')"
    ),
    "the agent": "agent._conn = mine; run = lambda: agent._send_message(b'\\x0b')",
    "data": "run = lambda: pipe.read(10)",
}


@pytest.mark.parametrize("wait", WAITS)
def test_the_watchdog_tells_each_wait_inside_paramiko_and_none_that_moves(tmp_path: Path, wait: str) -> None:
    program = f"""\
import paramiko, socket, threading
import paramiko.buffered_pipe
mine, other = socket.socketpair()
pipe, channel, agent = paramiko.buffered_pipe.BufferedPipe(), paramiko.Channel(1), paramiko.agent.AgentSSH()
transport = paramiko.Transport(other)


class Slow:  # a source of the program's own, in one call of Paramiko's for good
    def read(self, size):
        moved.set()
        select.select([], [], [], 0.02)
        return b"x"


class Sink:
    def write(self, data):
        pass


def move():  # reads that end, again and again
    while True:
        try:
            pipe.read(1, 0.02)
        except paramiko.buffered_pipe.PipeTimeout:
            pass


moved = threading.Event()
sftp = object.__new__(paramiko.SFTPClient)
threading.Thread(target=move, name="mover", daemon=True).start()
sending = (Slow(), Sink(), 0, None)
threading.Thread(target=sftp._transfer_with_callback, args=sending, name="sender", daemon=True).start()
moved.wait()
watch = paramedic.watch(timeout=0.2, file=open('told', 'w'))
{WAITS[wait]}
threading.Thread(target=run, name="late", daemon=True).start()
written("told", "late has been in one Paramiko call")
watch.stop()
os._exit(0)
"""
    done = run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "told").read_text()
    assert "mover has been" not in told and "sender has been" not in told


def test_what_cannot_be_watched_is_refused_and_no_limit_is_too_long(tmp_path: Path) -> None:
    program = """\
for bad in ({"signum": signal.SIGKILL}, {"timeout": float("nan")}, {"timeout": 0}):
    try:
        paramedic.watch(**bad)
    except ValueError as error:
        print(error)
watch = paramedic.watch(timeout=float("inf"), file=open("told", "w"))
ask()
written("told", "paramedic.watch)")
sys.__stderr__ = None
try:
    paramedic.watch()
except ValueError as error:
    print(error)
"""
    done = run(program, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "SIGKILL cannot be caught",
        "timeout must be more than 0 seconds",
        "timeout must be more than 0 seconds",
        "there is no standard error here: say with file= where dumps go",
    ]
