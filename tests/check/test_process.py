"""A program with a parent behaves as one without: status, signals, terminal, stops, descriptors.

Every story is played twice where that is possible, by plain Python and through `run_program`, and compared.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from terminals import terminal

pytestmark = pytest.mark.skipif(not hasattr(signal, "sigwaitinfo"), reason="signals cannot be waited for here")

LIMIT_S = 30
END = signal.SIGRTMIN + 5 if hasattr(signal, "SIGRTMIN") else 0
DRIVER = """
import os, sys
from paramedic.check.process import run_program
sys.exit(run_program([sys.executable, *sys.argv[1:]], dict(os.environ)).repeat())
"""
PLAIN = [sys.executable]
DRIVEN = [sys.executable, "-c", DRIVER]


def both(
    *arguments: str, **options: object
) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
    """The same program plainly and driven."""
    done = [
        subprocess.run([*how, *arguments], capture_output=True, text=True, timeout=LIMIT_S, **options)  # type: ignore[call-overload]
        for how in (PLAIN, DRIVEN)
    ]
    return done[0], done[1]


ENDS = {
    "well": "print('hello')",
    "with a status": "import sys; sys.exit(7)",
    "with a status that is too big": "import sys; sys.exit(300)",
    "with a message": "import sys; sys.exit('no')",
    "with an exception": "1 / 0",
    "by os._exit": "import os; print('lost'); os._exit(5)",
    "by SIGTERM": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "by SIGKILL": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "by SIGHUP": "import os, signal; os.kill(os.getpid(), signal.SIGHUP)",
    "by an abort": "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()",
    "by an unhandled Ctrl-C": "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)",
    "by a real-time signal": "import os, signal; os.kill(os.getpid(), signal.SIGRTMIN + 1)",
    "with a closed stdout": "import os; os.close(1); os.close(2)",
}


@pytest.mark.parametrize("name", ENDS)
def test_it_ends(name: str) -> None:
    plain, driven = both("-c", ENDS[name])
    assert (driven.returncode, driven.stdout, driven.stderr) == (plain.returncode, plain.stdout, plain.stderr)


LOOK = """
import json, os, signal, sys
print(json.dumps({
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "ignored": [s for s in signal.valid_signals() if signal.getsignal(s) == signal.SIG_IGN],
    "descriptors": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd)),
    "group is my parent's": os.getpgrp() == os.getpgid(os.getppid()),
    "session": os.getsid(0) == os.getsid(os.getppid()),
    "argv": sys.argv[1:],
    "stdin": sys.stdin.read(),
    "nice": os.nice(0),
    "variable": os.environ.get("SOMETHING"),
}))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="there is no /proc")
def test_it_finds_the_same_world() -> None:
    ours, theirs = os.pipe()
    try:
        for prepare in (None, _ignore_and_block):
            plain, driven = both(
                "-c",
                LOOK,
                "a b",
                "",
                "--x",
                input="typed",
                pass_fds=(theirs,),
                env={**os.environ, "SOMETHING": "ä"},
                preexec_fn=prepare,
            )
            assert json.loads(driven.stdout) == json.loads(plain.stdout)
            assert theirs in json.loads(driven.stdout)["descriptors"]
    finally:
        os.close(ours)
        os.close(theirs)


def _ignore_and_block() -> None:
    """As `nohup` and a shell that blocks signals do."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})


COUNTS = """
import os, signal, sys, time
seen = {}
def count(number, frame):
    seen[number] = seen.get(number, 0) + 1
def end(number, frame):
    told = {signal.Signals(n).name: times for n, times in sorted(seen.items())}
    os.write(1, f"{told}\\n".encode())  # not print(): that of "ready" may not be over
    os._exit(0)
for s in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1):
    signal.signal(s, count)
signal.signal(signal.SIGRTMIN + 5, end)
print("ready", flush=True)
if "group" in sys.argv:
    os.killpg(0, signal.SIGTERM)
while True:
    time.sleep(0.02)  # not pause(): a signal just before it would be missed
"""


@contextmanager
def counting(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A driven program, in a group of its own, that counts its signals until SIGRTMIN + 5."""
    process = subprocess.Popen(
        [*DRIVEN, "-c", COUNTS, *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait(LIMIT_S)


def told(process: subprocess.Popen[str]) -> str:
    """What it counted. Of pending signals the lowest number is passed on first, so whatever was before has arrived."""
    process.send_signal(END)
    assert process.stdout is not None
    answer = process.stdout.read()
    assert process.wait(LIMIT_S) == 0
    return answer.strip()


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGTERM", "SIGQUIT", "SIGUSR1"])
def test_a_signal_to_us_alone_reaches_the_program_once(name: str) -> None:
    with counting() as process:
        process.send_signal(signal.Signals[name])
        assert told(process) == str({name: 1})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="told apart on Linux alone")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_signal_to_the_group_reaches_the_program_once(name: str) -> None:
    with counting() as process:
        os.killpg(process.pid, signal.Signals[name])
        assert told(process) == str({name: 1})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="told apart on Linux alone")
def test_one_to_the_group_then_one_to_us() -> None:
    with counting() as process:
        os.killpg(process.pid, signal.SIGINT)
        os.killpg(process.pid, signal.SIGTERM)
        process.send_signal(signal.SIGUSR1)
        assert told(process) == str({"SIGINT": 1, "SIGUSR1": 1, "SIGTERM": 1})


def test_a_program_that_signals_its_own_group_gets_it_once() -> None:
    with counting("group") as process:
        assert told(process) == str({"SIGTERM": 1})


def test_nothing_is_left_of_us() -> None:
    """Neither when the program ends, nor when we are killed and it then ends."""
    with counting() as process:
        told(process)
        _expect_empty_group(process.pid)
    with counting() as process:
        process.kill()
        process.wait(LIMIT_S)
        os.killpg(process.pid, END)
        assert process.stdout is not None
        assert process.stdout.read() == "{}\n"  # the program was not hurt
        _expect_empty_group(process.pid)


def _expect_empty_group(group: int) -> None:
    import time

    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail(f"there is still a process in group {group}")


INTERRUPTED = """
import sys, time
try:
    print("ready", sys.stdin.isatty(), flush=True)
    while True:
        time.sleep(0.02)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(9)
"""


@pytest.mark.parametrize("how", [PLAIN, DRIVEN], ids=["plain", "driven"])
def test_ctrl_c_at_a_terminal(how: list[str]) -> None:
    with terminal(*how, "-c", INTERRUPTED) as screen:
        screen.read_until("ready True")
        screen.type(b"\x03")
        assert "interrupted\r\n" in screen.read_until("shell: status 9")


@pytest.mark.parametrize("how", [PLAIN, DRIVEN], ids=["plain", "driven"])
def test_an_unhandled_ctrl_c_ends_us_by_sigint(how: list[str]) -> None:
    with terminal(*how, "-c", "print('ready', flush=True)\nimport time\nwhile True: time.sleep(0.02)") as screen:
        screen.read_until("ready")
        screen.type(b"\x03")
        shown = screen.read_until("shell: killed by SIGINT")
        assert shown.count("KeyboardInterrupt") == 1


STOPPED = """
import signal
print("ready", flush=True)
print("typed", input(), flush=True)
"""


@pytest.mark.parametrize("how", [PLAIN, DRIVEN], ids=["plain", "driven"])
def test_ctrl_z_and_fg(how: list[str]) -> None:
    with terminal(*how, "-c", STOPPED) as screen:
        screen.read_until("ready")
        screen.type(b"\x1a")
        screen.read_until("shell: stopped")
        screen.type(b"on\n")
        assert "typed on" in screen.read_until("shell: status 0")


@pytest.mark.parametrize("how", [PLAIN, DRIVEN], ids=["plain", "driven"])
def test_a_program_that_stops_itself(how: list[str]) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); print('on again', flush=True)"
    with terminal(*how, "-c", program) as screen:
        screen.read_until("shell: stopped")
        assert "on again" in screen.read_until("shell: status 0")


@pytest.mark.parametrize("how", [PLAIN, DRIVEN], ids=["plain", "driven"])
def test_ctrl_z_that_the_program_catches_stops_nobody(how: list[str]) -> None:
    program = (
        "import os, signal; signal.signal(signal.SIGTSTP, lambda *_: os._exit(4));"
        "print('ready', flush=True)\nimport time\nwhile True: time.sleep(0.02)"
    )
    with terminal(*how, "-c", program) as screen:
        screen.read_until("ready")
        screen.type(b"\x1a")
        assert "stopped" not in screen.read_until("shell: status 4")


def test_continuing_us_continues_the_program() -> None:
    program = "import os, signal; print('ready', flush=True); os.kill(os.getpid(), signal.SIGSTOP); print('on')"
    process = subprocess.Popen([*DRIVEN, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read() == "on\n"
        assert process.wait(LIMIT_S) == 0
    finally:
        process.kill()
        process.wait(LIMIT_S)


@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGKILL])
def test_continuing_or_killing_the_program_alone_wakes_us(number: int) -> None:
    """Who waits for us does not know of the program; `waitpid` with WUNTRACED shows that we stop each time."""
    program = "import os, signal; print(os.getpid(), flush=True); os.kill(os.getpid(), signal.SIGSTOP)"
    process = subprocess.Popen([*DRIVEN, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        observed = int(process.stdout.readline())
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        os.kill(observed, number)
        assert process.wait(LIMIT_S) == (0 if number == signal.SIGCONT else -signal.SIGKILL)
    finally:
        process.kill()
        process.wait()


def test_what_cannot_be_started_is_an_os_error(tmp_path: Path) -> None:
    program = (
        "from paramedic.check.process import run_program\n"
        f"try: run_program([{str(tmp_path / 'nothing')!r}], {{}})\n"
        "except FileNotFoundError: print('said so')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.stdout == "said so\n"
