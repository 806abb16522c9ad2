"""What the recorder costs the observed program, beside other tools: one interleaved run, medians, ratios to plain.

    python benchmarks/recorder/run.py [--rounds 7] [--scale 1.0] [--only plain watch check …] [job ...]
    python benchmarks/recorder/run.py --start [--rounds 15]

Jobs: 1,000 short commands by 8 threads, 100 MB of stdout, 50 connects, SFTP of 1,000 small files (program.py), each run
in a process of its own against OpenSSH on loopback. A ratio is the median of those of the pairs, round by round: the
order of the tools is turned round each time. Read CPU before wall: the server works on the same machine. ``--start``
measures what is paid once, in CPU: the recorder's start, ``import paramedic``, ``paramedic --help``.

Tools that are not installed are left out with a word; for all of them: pip install viztracer pyvft.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "tests")]

from openssh import running_sshd  # noqa: E402
from paramedic.record.launch import command  # noqa: E402
from paramedic.record.session import Options  # noqa: E402

JOBS = {
    "commands": "1,000 short commands by 8 threads",
    "stdout": "100 MB of stdout",
    "connects": "50 connects",
    "sftp": "SFTP of 1,000 small files",
}
LEVELS = ("watch", "check")
TOOLS = {
    "plain": "the plain program",
    "watch": "paramedic run --level watch",
    "check": "paramedic run --level check",
    "log": "Paramiko's DEBUG log",
    "settrace": "sys.settrace, a tracer that does nothing",
    "viztracer": "VizTracer",
    "pyvft": "pyvft, a race detector",
}
SLOW = {"settrace": 5, "viztracer": 5, "pyvft": 20}
"""Tools that get this many times less to do; their times are set beside a plain program that gets as little."""
LIMIT_S = 300
Times = dict[str, float]


def once(tool: str, job: str, server: Path, scale: float, folder: Path) -> Times | str:
    """One run of the program under a tool; or what went wrong."""
    arguments = [str(HERE / "program.py"), job, str(server), str(scale)]
    environment = dict(os.environ)
    if tool in LEVELS:
        options = Options(directory=str(folder / f"{tool}-{time.monotonic_ns()}"), level=tool)
        words, environment = command(arguments, options, environment)
    elif tool == "pyvft":
        words = [sys.executable, "-m", "pyvft", "--no-colour", *arguments]
    else:
        words = [sys.executable, *arguments, *([] if tool == "plain" else [tool])]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, env=environment, cwd=folder)
    except subprocess.TimeoutExpired:
        return f"took longer than {LIMIT_S} s"
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"wall_s"')]
    if not lines:
        return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    times: Times = json.loads(lines[-1])
    return times


def compare(job: str, tools: list[str], server: Path, scale: float, rounds: int, folder: Path) -> None:
    """The table of one job."""
    rows: dict[str, list[tuple[Times, Times]]] = {tool: [] for tool in tools}
    trouble: dict[str, str] = {}
    for turn in range(rounds):
        plains: dict[int, Times] = {}
        for tool in tools if turn % 2 == 0 else reversed(tools):  # A B C, C B A: drift hits all alike
            fewer = SLOW.get(tool, 1)
            if fewer not in plains:
                plain = once("plain", job, server, scale / fewer, folder)
                if isinstance(plain, str):
                    raise SystemExit(f"the plain program failed: {plain}")
                plains[fewer] = plain
            if tool == "plain":
                rows[tool].append((plains[1], plains[1]))
            elif tool not in trouble:
                found = once(tool, job, server, scale / fewer, folder)
                if isinstance(found, str):
                    trouble[tool] = found
                else:
                    rows[tool].append((found, plains[fewer]))
    print(f"\n### {JOBS[job]} (x {scale:g}), {rounds} rounds; load {os.getloadavg()[0]:.1f}\n")
    print("| | CPU s | wall s | CPU ÷ plain | wall ÷ plain |\n|---|--:|--:|--:|--:|")
    for tool in tools:
        if not rows[tool]:
            print(f"| {TOOLS[tool]} | {trouble.get(tool, 'no run')[:100]} | | | |")
            continue
        cpu, wall = (statistics.median(mine[k] for mine, _ in rows[tool]) for k in ("cpu_s", "wall_s"))
        ratios = [statistics.median(mine[k] / plain[k] for mine, plain in rows[tool]) for k in ("cpu_s", "wall_s")]
        share = f" (1/{SLOW[tool]} of the job)" if tool in SLOW else ""
        print(f"| {TOOLS[tool]}{share} | {cpu:.2f} | {wall:.2f} | {ratios[0]:.2f} | {ratios[1]:.2f} |", flush=True)


def start(rounds: int) -> None:
    """What is paid once, in milliseconds of CPU: median and quickest."""
    with tempfile.TemporaryDirectory(prefix="paramedic-bench-") as name:
        os.environ["XDG_CACHE_HOME"] = name  # rewritten code is cached; other versions' runs must not come between

        def took(words: list[str], environment: dict[str, str] | None = None) -> float:
            begun = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=environment)
            ended = resource.getrusage(resource.RUSAGE_CHILDREN)
            return (ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime) * 1000

        def recorded(level: str) -> Callable[[], float]:
            def run() -> float:
                directory = f"{name}/{level}-{time.monotonic_ns()}"
                return took(*command(imports, Options(directory=directory, level=level), dict(os.environ)))

            return run

        imports = ["-c", "import paramiko, threading, queue, concurrent.futures.thread"]
        runs: dict[str, Callable[[], float]] = {
            "nothing": lambda: took([sys.executable, "-c", ""]),
            "the program's imports": lambda: took([sys.executable, *imports]),
            "… recorded at watch": recorded("watch"),
            "… recorded at check": recorded("check"),
            "import paramedic": lambda: took([sys.executable, "-c", "import paramedic"]),
            "paramedic --help": lambda: took([sys.executable, "-m", "paramedic", "--help"]),
        }
        measured: dict[str, list[float]] = {label: [] for label in runs}
        for turn in range(rounds + 1):
            for label in runs if turn % 2 == 0 else reversed(runs):
                found = runs[label]()
                if turn:  # the first fills the caches
                    measured[label].append(found)
    bases = {"import paramedic": "nothing", **dict.fromkeys(list(runs)[2:4], "the program's imports")}
    print(f"\n### Start, {rounds} rounds; load {os.getloadavg()[0]:.1f}\n")
    print("| | median ms | quickest ms | more than | median ms more | quickest ms more |\n|---|--:|--:|---|--:|--:|")
    for label, values in measured.items():
        base = bases.get(label)
        line = f"| {label} | {statistics.median(values):.0f} | {min(values):.0f} |"
        if base is None:
            print(line + " | | |")
        else:
            more = statistics.median(a - b for a, b in zip(values, measured[base], strict=True))
            print(f"{line} {base} | {more:.0f} | {min(values) - min(measured[base]):.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="*", metavar="job", help=f"of {', '.join(JOBS)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", nargs="+", choices=list(TOOLS), default=list(TOOLS))
    parser.add_argument("--start", action="store_true")
    args = parser.parse_args()
    unknown = [job for job in args.jobs if job not in JOBS]
    if unknown:
        parser.error(f"no such job: {', '.join(unknown)}")
    if args.start:
        start(args.rounds)
        return
    tools = []
    for tool in args.only:
        if tool in ("viztracer", "pyvft") and importlib.util.find_spec(tool) is None:
            print(f"{TOOLS[tool]} is not installed: pip install {tool}")
        else:
            tools.append(tool)
    with tempfile.TemporaryDirectory(prefix="paramedic-bench-") as name:
        folder = Path(name)
        (folder / "sshd").mkdir()
        (folder / "home").mkdir()
        more = (f"SetEnv HOME={folder / 'home'}", "MaxSessions 200", "MaxStartups 200")
        with running_sshd(folder / "sshd", *more) as server:
            described = folder / "server.json"
            words = {
                "host": server.host, "port": server.port, "user": server.user, "key": server.key_file,
                "known_hosts": server.known_hosts_file,
            }  # fmt: skip
            described.write_text(json.dumps(words))
            for job in args.jobs or JOBS:
                compare(job, tools, described, args.scale, args.rounds, folder)


if __name__ == "__main__":
    main()
