"""How many instructions the recorder adds to the observed program: steady to a thousandth, also on a busy machine.

    python benchmarks/recorder/instructions.py [--cycles] [job ...]

Runs one thread of each job under valgrind's callgrind (Debian: apt-get install valgrind) against OpenSSH on loopback,
first plain, then at each level, in one process. System calls count as nothing, so the ratios are above those of CPU.
``--cycles`` adds what cachegrind's model says of misses: 10 cycles for the first level of the caches, 100 for the last,
20 for a branch that was not foreseen. A program of many threads finds its caches and branches cold after each switch,
so that comes nearer to its CPU time than instructions alone.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tests")]

from program import Server, connect  # noqa: E402

import openssh  # noqa: E402
from paramedic.record.session import Options, Session  # noqa: E402

FOLDER = "PARAMEDIC_BENCH_FOLDER"
CACHES = ("--cache-sim=yes", "--branch-sim=yes", "--I1=65536,16,64", "--D1=49152,12,64", "--LL=2097152,16,64")
CYCLES = {"Ir": 1, "I1mr": 10, "D1mr": 10, "D1mw": 10, "ILmr": 100, "DLmr": 100, "DLmw": 100, "Bcm": 20, "Bim": 20}
UNITS = {"commands": 30, "sftp": 40, "stdout": 40, "connects": 3}
WARM_UP = 5
"""So many times each is done before it is counted: CPython forgets what it had learned about an attribute only after
fifty look-ups that fail, and the classes change when a recording begins in a process that has begun before."""
Job = Callable[[Any, Server, str, int], None]


def commands(client: Any, server: Server, folder: str, count: int) -> None:
    for _ in range(count):
        stdin, stdout, stderr = client.exec_command("true")
        stdout.read()
        stderr.read()
        stdout.channel.recv_exit_status()
        stdin.channel.close()


def sftp(client: Any, server: Server, folder: str, count: int) -> None:
    with client.open_sftp() as files:
        for n in range(count):
            files.put(f"{folder}/local", f"{folder}/put-{n}")


def stdout(client: Any, server: Server, folder: str, count: int) -> None:
    stdin, out, _ = client.exec_command(f"head -c {count}00000 /dev/zero")
    while out.read(65536):
        pass
    stdin.channel.close()


def connects(client: Any, server: Server, folder: str, count: int) -> None:
    for _ in range(count):
        connect(server).close()


JOBS: dict[str, Job] = {"commands": commands, "sftp": sftp, "stdout": stdout, "connects": connects}


def control(*arguments: str) -> None:
    subprocess.run(["callgrind_control", *arguments, str(os.getpid())], check=True, capture_output=True)


def counted(work: Callable[[int], None], units: int, folder: Path) -> float:
    """Instructions of one unit of work, or cycles where misses were counted."""
    for counts in (*[False] * WARM_UP, True):  # one line calls all: new stacks, too, are paid for
        gc.collect()
        if counts:
            control("-z")
            control("-i", "on")
        work(units)
    control("-i", "off")
    control("-d")
    latest = max(folder.glob("out.*"), key=lambda path: int(path.suffix[1:]))
    text = latest.read_text()
    events = re.findall(r"^events: (.*)", text, re.M)[0].split()
    totals = re.findall(r"^(?:totals|summary): (.*)", text, re.M)  # a thread's own, then all
    return max(sum(CYCLES.get(e, 0) * int(n) for e, n in zip(events, t.split(), strict=False)) for t in totals) / units


def observe(jobs: list[str], folder: Path) -> None:
    """In the process that valgrind runs."""
    logging.disable(logging.CRITICAL)
    openssh.START_LIMIT_S = 60.0
    (folder / "sshd").mkdir()
    (folder / "local").write_bytes(bytes(4096))
    with openssh.running_sshd(folder / "sshd", f"SetEnv HOME={folder}", "LoginGraceTime 600") as real:
        server: Server = {
            "host": real.host, "port": real.port, "user": real.user, "key": real.key_file,
            "known_hosts": real.known_hosts_file,
        }  # fmt: skip
        client = connect(server)
        print("| job | plain, thousands | watch ÷ plain | check ÷ plain |\n|---|--:|--:|--:|")
        for job in jobs:
            work = lambda count, job=job: JOBS[job](client, server, str(folder), count)  # noqa: E731
            counted(work, UNITS[job], folder)
            plain = counted(work, UNITS[job], folder)
            ratios = []
            for level in ("watch", "check"):
                session = Session(Options(directory=str(folder / f"{job}-{level}"), level=level))
                session.probes.early = True  # as under `paramedic run`: no event of the program's is older
                session.start()
                ratios.append(counted(work, UNITS[job], folder) / plain)
                session.stop()
            print(f"| {job} | {plain / 1000:.0f} | {ratios[0]:.3f} | {ratios[1]:.3f} |", flush=True)
        client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", action="store_true", help="count cache misses and mispredicted branches, too")
    parser.add_argument("jobs", nargs="*", metavar="job", help=f"of {', '.join(JOBS)}; all if none is named")
    args = parser.parse_args()
    unknown = [job for job in args.jobs if job not in JOBS]
    if unknown:
        parser.error(f"no such job: {', '.join(unknown)}")
    if FOLDER in os.environ:
        observe(args.jobs or list(JOBS), Path(os.environ[FOLDER]))
        return
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed (Debian: apt-get install valgrind)")
    with tempfile.TemporaryDirectory(prefix="paramedic-bench-") as name:
        words = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--fair-sched=yes", "--quiet"]
        words += CACHES if args.cycles else ()
        words += [f"--callgrind-out-file={name}/out", sys.executable, *sys.argv]
        done = subprocess.run(words, env={**os.environ, FOLDER: name}, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(done.stderr[-2000:])


if __name__ == "__main__":
    main()
