"""What the recorder costs the observed program, beside other tools: one interleaved run, medians, ratios to plain.

    python benchmarks/recorder/run.py [--rounds 9] [--scale 1.0] [--only plain watch check …] [job ...]
    python benchmarks/recorder/run.py --start [--rounds 15]

Jobs: 1,000 short commands by 8 threads, 100 MB of stdout, 50 connects, SFTP of 1,000 small files (program.py), against
OpenSSH on loopback. In each round each tool has a process of its own, new ones each time, for where its memory lies
makes a process some percent quicker or slower; all of them are alive together and do their tenths of the job in turns,
in an order that is drawn anew, so that what else the machine does hits all alike. A ratio is that of the sums of a
round; printed are its median and, behind it, its quartiles over the rounds. Read CPU before wall: the server works on
the same machine. ``--start`` measures what is paid once, in CPU: the recorder's start, ``import paramedic``,
``paramedic --help``.

Tools that are not installed are left out with a word; for all of them: pip install viztracer pyvft.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import random
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
TURNS = 10
"""In so many parts a job is done."""
SLOW = {"settrace": 5, "viztracer": 5, "pyvft": 10}
"""Tools that take part in only one of so many turns; their times are set beside those of the plain program in these."""
Times = dict[str, float]


class Side:
    """One tool's process of one round."""

    def __init__(self, tool: str, job: str, server: Path, folder: Path) -> None:
        arguments = [str(HERE / "program.py"), job, str(server)]
        environment = dict(os.environ)
        if tool in LEVELS:
            options = Options(directory=str(folder / f"{tool}-{time.monotonic_ns()}"), level=tool)
            words, environment = command(arguments, options, environment)
        elif tool == "pyvft":
            words = [sys.executable, "-m", "pyvft", "--no-colour", *arguments]
        else:
            words = [sys.executable, *arguments, *([] if tool == "plain" else [tool])]
        self.tool, self.took, self.trouble = tool, dict[int, Times](), ""
        self._errors = tempfile.TemporaryFile("w+")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=self._errors, text=True, env=environment, cwd=folder
        )

    def works(self, turn: int, share: float) -> None:
        """Has it do its part of one turn."""
        if self.trouble or turn % SLOW.get(self.tool, 1):
            return
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{share}\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith('{"wall_s"'):
                self.took[turn] = json.loads(line)
                return
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines()
        self.trouble = (said or [f"exit status {self._process.wait()}"])[-1]

    def ends(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
        self._errors.close()


def one_round(tools: list[str], job: str, server: Path, share: float, folder: Path) -> dict[str, Side]:
    """All tools do the job once, in turns."""
    sides = {tool: Side(tool, job, server, folder) for tool in tools}
    for turn in range(TURNS):
        for side in random.sample(list(sides.values()), len(sides)):
            side.works(turn, share / TURNS)
    for side in sides.values():
        side.ends()
    if sides["plain"].trouble:
        raise SystemExit(f"the plain program failed: {sides['plain'].trouble}")
    return sides


def compare(job: str, tools: list[str], server: Path, scale: float, rounds: int, folder: Path) -> None:
    """The table of one job."""
    done = [one_round(tools, job, server, scale, folder) for _ in range(rounds)]
    print(f"\n### {JOBS[job]} (x {scale:g}), {rounds} rounds; load {os.getloadavg()[0]:.1f}\n")
    print("| | CPU s | wall s | CPU ÷ plain | wall ÷ plain |\n|---|--:|--:|--:|--:|")
    for tool in tools:
        troubles = [sides[tool].trouble for sides in done if sides[tool].trouble]
        if troubles:
            print(f"| {TOOLS[tool]} | {troubles[0][:100]} | | | |")
            continue
        times, ratios = [], []
        for key in ("cpu_s", "wall_s"):
            mine = [sum(took[key] for took in sides[tool].took.values()) for sides in done]
            plain = [sum(sides["plain"].took[turn][key] for turn in sides[tool].took) for sides in done]
            times.append(f"{statistics.median(mine):.2f}")
            ratios.append(spread([a / b for a, b in zip(mine, plain, strict=True)]))
        share = f" (1/{SLOW[tool]} of the job)" if tool in SLOW else ""
        print(f"| {TOOLS[tool]}{share} | {' | '.join(times + ratios)} |", flush=True)


def spread(values: list[float]) -> str:
    """The median, and the quartiles behind it."""
    if len(values) < 2 or set(values) == {1.0}:
        return f"{statistics.median(values):.2f}"
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


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
    parser.add_argument("--rounds", type=int, default=9)
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
    for tool in dict.fromkeys(["plain", *args.only]):
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
