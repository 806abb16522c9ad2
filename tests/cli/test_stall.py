"""Hangs told while they hang, at a real terminal: once, of what waits now, and never in the way of a signal."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paramedic.lab import Manners, Server, lab
from terminals import Terminal, terminal

PREAMBLE = """
import os, signal, socket, sys, threading, time
import paramiko
host, port, user, key, known = sys.argv[1:]
client = paramiko.SSHClient()
client.load_host_keys(known)
client.connect(host, int(port), user, key_filename=key, allow_agent=False, look_for_keys=False, timeout=20)

FULL = "head -c 5000000 /dev/zero >&2"

def beats(n=None):
    # the program's own clock: it goes on while another thread hangs
    k = 0
    while n is None or k < n:
        k += 1
        print("beat", k, flush=True)
        time.sleep(0.5)
    os._exit(0)

def hang():
    _, stdout, _ = client.exec_command(FULL)
    stdout.read()
"""
TOLD = "paramedic: the program hangs:"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with lab(Manners(close_after_eof=True)) as server:
        yield server


@pytest.fixture
def at_terminal(server: Server, tmp_path: Path, own_state: Path) -> Iterator[object]:
    """Starts ``paramedic run`` with a program at a terminal."""

    def start(program: str, *options: str) -> object:
        (tmp_path / "program.py").write_text(PREAMBLE + program)
        where = [server.host, str(server.port), server.user, server.key_file, server.known_hosts_file]
        words = ["run", "--stall", "1", *options, "program.py", *where]  # of two options the last one counts
        plain = {**os.environ, "PYTHON_COLORS": "0"}  # tracebacks have colours from Python 3.13 on
        return terminal(sys.executable, "-m", "paramedic", *words, cwd=tmp_path, env=plain)

    return start  # type: ignore[return-value]


def beaten(screen: Terminal, beat: int) -> str:
    return screen.read_until(f"beat {beat}\r\n")


def test_a_hang_is_told_once_and_ctrl_c_ends_the_program_as_without_us(at_terminal) -> None:  # type: ignore[no-untyped-def]
    with at_terminal("threading.Thread(target=beats, daemon=True).start()\nhang()\n") as screen:
        screen.read_until(TOLD)
        story = screen.read_until("suppressed.")
        assert "PMC203 undrained-stderr" in story and re.search(r"program\.py:\d+", story)
        screen.read_until("beat ")
        now = int(screen.read_until("\r\n"))
        later = beaten(screen, now + 12)  # six more rounds
        assert TOLD not in later
        screen.type(b"\x03")
        end = screen.read_until("shell: killed by SIGINT")
    assert end.count("\nKeyboardInterrupt\r\n") == 1  # the traceback; the report speaks of it, too
    assert TOLD not in end
    assert end.index("KeyboardInterrupt") < end.index("PMC203 undrained-stderr")


def test_a_deadlock_that_ctrl_c_ends_is_in_the_report_all_the_same(at_terminal) -> None:  # type: ignore[no-untyped-def]
    program = """
lock = threading.Lock()
def work():
    with lock:
        client.close()
with lock:
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
"""
    with at_terminal(program) as screen:
        screen.read_until(TOLD)
        screen.read_until("suppressed.")
        screen.type(b"\x03")
        end = screen.read_until("shell: killed by SIGINT")
    assert "PMC209 lock-order-inversion" in end[end.index("KeyboardInterrupt") :]


def test_ctrl_c_that_the_program_takes_itself(at_terminal) -> None:  # type: ignore[no-untyped-def]
    program = """
def caught(*_):
    print("caught", flush=True)
    os._exit(7)
signal.signal(signal.SIGINT, caught)
hang()
"""
    with at_terminal(program) as screen:
        screen.read_until(TOLD)
        screen.type(b"\x03")
        end = screen.read_until("shell: status 7")
    assert end.count("caught") == 1
    assert "PMC203 undrained-stderr" in end.split("caught")[1]


def test_a_second_hang_is_told_when_it_comes(at_terminal) -> None:  # type: ignore[no-untyped-def]
    program = """
a, b = threading.Lock(), threading.Lock()
both = threading.Barrier(2)
def cross(x, y):
    with x:
        both.wait()
        with y: pass
threading.Thread(target=hang, daemon=True).start()
line = sys.stdin.readline()
for pair in (a, b), (b, a): threading.Thread(target=cross, args=pair, daemon=True).start()
sys.stdin.readline()
os._exit(0)
"""
    with at_terminal(program) as screen:
        screen.read_until(TOLD)
        assert "PMC203" in screen.read_until("suppressed.")
        screen.type(b"\n")
        screen.read_until(TOLD)
        second = screen.read_until("suppressed.")
        assert "PMC209 lock-order-inversion" in second and "PMC203" not in second
        screen.type(b"\n")
        assert TOLD not in screen.read_until("shell: status 0")


def test_tasks_of_an_event_loop_that_wait_for_what_nobody_gives_back(at_terminal) -> None:  # type: ignore[no-untyped-def]
    program = """
import asyncio
def fail():
    client.exec_command("true")
    raise OSError("no")
async def job(pool):
    lent = await pool.get()
    await asyncio.to_thread(fail)
    pool.put_nowait(lent)
async def main():
    pool = asyncio.Queue()
    pool.put_nowait(client)
    await asyncio.gather(job(pool), job(pool), return_exceptions=True)
asyncio.run(main())
"""
    with at_terminal(program) as screen:
        screen.read_until(TOLD)
        story = screen.read_until("suppressed.")
        assert "PMC217 pool-drained" in story and "lent = await pool.get()" in story
        screen.type(b"\x03")
        end = screen.read_until("shell: killed by SIGINT")
    assert "PMC217 pool-drained" in end[end.index("KeyboardInterrupt") :]


KILLED = {
    "it ends by SIGTERM": "signal.signal(signal.SIGTERM, signal.SIG_DFL)",
    "it takes SIGTERM and ends well": "signal.signal(15, lambda *_: (print('bye', flush=True), os._exit(0)))",
    "it will not hear of SIGTERM": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
}


@pytest.mark.parametrize("how", KILLED)
def test_a_hang_can_end_the_program_with_a_status_of_its_own(at_terminal, how: str) -> None:  # type: ignore[no-untyped-def]
    with at_terminal(f"{KILLED[how]}\nhang()\n", "--kill-on-stall") as screen:
        end = screen.read_until("shell: status 124")
    assert end.count(TOLD) == 1
    assert ("bye" in end) == ("ends well" in how)
    assert "PMC203 undrained-stderr" in end.split(TOLD)[1].split("suppressed.")[1], "the report at the end"


def test_a_child_that_hangs_on_its_parents_connection_is_told_and_ended_too(at_terminal, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    program = """
child = os.fork()
if child == 0:
    client.exec_command("true")
    os._exit(0)
print("child", child, flush=True)
while True: signal.pause()
"""
    with at_terminal(program, "--kill-on-stall") as screen:
        child = int(re.search(r"child (\d+)", screen.read_until(TOLD)).group(1))
        end = screen.read_until("shell: status 124")
    assert "PMC305 forked-connection" in end.split("suppressed.")[0]
    late = time.monotonic() + 60
    while _runs(child):
        assert time.monotonic() < late
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_the_user_allows_is_neither_told_nor_killed(at_terminal) -> None:  # type: ignore[no-untyped-def]
    program = """
threading.Thread(target=beats, args=(8,), daemon=True).start()
_, stdout, _ = client.exec_command(FULL)
stdout.read()  # paramedic: allow[undrained-stderr] it is the test
"""
    with at_terminal(program, "--kill-on-stall") as screen:
        assert TOLD not in screen.read_until("shell: status 0")


QUIET = {
    "a server that says nothing for long": "client.exec_command('sleep 5')[1].read()",
    "a hang that the program has given up, and then a quiet server": """
_, stdout, _ = client.exec_command(FULL)
stdout.channel.settimeout(0.5)
try:
    stdout.read()
except socket.timeout:
    print("given up", flush=True)
client.exec_command('sleep 5')[1].read()
""",
    "an event loop that goes on until Ctrl-C comes": """
import asyncio
def fail():
    command = f"(sleep 5; kill -INT {os.getpid()}) >/dev/null 2>&1 &"
    client.exec_command(command)[1].channel.recv_exit_status()
    raise OSError("no")
async def main():
    jobs = asyncio.Queue()
    worker = asyncio.create_task(jobs.get())
    print(await asyncio.gather(asyncio.to_thread(fail), return_exceptions=True))
    await asyncio.Event().wait()
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("stopped")
""",
    "a worker that waits for work": """
import queue
work = queue.Queue()
threading.Thread(target=work.get, daemon=True).start()
time.sleep(4)
os._exit(0)
""",
}


@pytest.mark.parametrize("story", QUIET)
def test_who_waits_without_hanging_is_not_disturbed(at_terminal, story: str) -> None:  # type: ignore[no-untyped-def]
    # what is given up after half a second must not have hung by then, on a loaded machine neither
    with at_terminal(QUIET[story] + "\nclient.close()\n", "--kill-on-stall", "--stall", "3") as screen:
        assert TOLD not in screen.read_until("shell: status 0")
