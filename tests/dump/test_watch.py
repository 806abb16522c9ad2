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


@pytest.mark.parametrize(
    "call",
    [
        "transport._send_user_message(paramiko.Message(b'x'))",  # while keys are exchanged
        "transport.global_request('keepalive@x', wait=True)",
    ],
    ids=["clear_to_send", "global request"],
)
def test_the_watchdog_sees_a_call_that_polls(call: str, tmp_path: Path) -> None:
    program = (
        "import paramiko, socket, threading\n"
        "one, other = socket.socketpair()\n"
        "transport = paramiko.Transport(one)\n"
        "transport.active = True\n"
        "if 'global' in sys.argv[1]:\n"
        "    transport._send_user_message = lambda message: None\n"
        "paramedic.watch(file=open('told', 'w'), signum=None, timeout=0.4)\n"
        f"threading.Thread(target=lambda: {call}, name='asks', daemon=True).start()\n"
        "print(written('told', 'asks has been in one Paramiko call'))\n"
    )
    done = run(program.replace("sys.argv[1]", repr(call)), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "paramedic.watch)" in done.stdout


def test_a_limit_that_never_comes_leaves_the_signal_at_work(tmp_path: Path) -> None:
    done = run(
        "paramedic.watch(file=open('told', 'w'), timeout=float('inf'))\nask()\nwritten('told', 'paramedic.watch)')",
        tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_cannot_be_watched_is_a_value_error(tmp_path: Path) -> None:
    program = (
        "def refused(**options):\n"
        "    try:\n"
        "        paramedic.watch(**options)\n"
        "    except ValueError as error:\n"
        "        print(error)\n"
        "refused(signum=signal.SIGKILL)\n"
        "sys.__stderr__ = None\n"
        "refused()\n"
    )
    done = run(program, tmp_path)
    assert "SIGKILL cannot be caught" in done.stdout and "no standard error" in done.stdout
