"""What the recorder costs one connect, told apart from what the machine does meanwhile.

    python benchmarks/recorder/turns.py [--processes 5] [--connects 60]

`run.py connects` runs one program after the other, and a connect takes 4 ms of CPU in 60 ms: single processes differ by
4 % (where their memory lies), and what else the machine does comes on top. Here several processes of each kind are
alive at the same time and connect in turns, in an order that is drawn anew for each turn.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "tests")]

KINDS = ("plain", "watch", "check")


@dataclass(slots=True)
class Side:
    """One process, and what each of its connects took, in ms of CPU."""

    kind: str
    process: subprocess.Popen[str]
    took_ms: list[float] = field(default_factory=list)

    def connects(self) -> None:
        """Has it connect once."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.took_ms.append(float(self.process.stdout.readline()) * 1000)


def connect_when_told(described: str) -> None:
    """The observed program: connects once for each line of its input, and prints the seconds of CPU."""
    from program import connect

    server = json.loads(Path(described).read_text())
    connect(server).close()  # the first of everything is paid for
    for _ in sys.stdin:
        began = time.process_time()
        connect(server).close()
        print(time.process_time() - began, flush=True)


def begun(kind: str, number: int, server: Path, folder: Path) -> Side:
    """A process of that kind, that waits to be told."""
    from paramedic.record.launch import command
    from paramedic.record.session import Options

    arguments, environment = [__file__, "--server", str(server)], dict(os.environ)
    words = [sys.executable, *arguments]
    if kind != "plain":
        options = Options(directory=str(folder / f"{kind}-{number}"), level=kind)
        words, environment = command(arguments, options, environment)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return Side(kind, subprocess.Popen(words, **pipes, text=True, env=environment, cwd=folder))  # type: ignore[call-overload]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=5, help="of each kind")
    parser.add_argument("--connects", type=int, default=60, help="of each process")
    parser.add_argument("--server", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.server:
        connect_when_told(args.server)
        return
    from openssh import running_sshd

    with tempfile.TemporaryDirectory(prefix="paramedic-bench-") as name:
        folder = Path(name)
        (folder / "sshd").mkdir()
        (folder / "home").mkdir()
        with running_sshd(folder / "sshd", f"SetEnv HOME={folder / 'home'}", "MaxStartups 200") as server:
            described = folder / "server.json"
            words = {"host": server.host, "port": server.port, "user": server.user, "key": server.key_file}
            described.write_text(json.dumps({**words, "known_hosts": server.known_hosts_file}))
            sides = [begun(kind, number, described, folder) for number in range(args.processes) for kind in KINDS]
            for _ in range(args.connects):
                random.shuffle(sides)
                for side in sides:
                    side.connects()
            for side in sides:
                assert side.process.stdin is not None
                side.process.stdin.close()
                side.process.wait(60)
    print("| | CPU ms a connect | of single processes | ÷ plain |\n|---|--:|---|--:|")
    plain = statistics.mean(took for side in sides if side.kind == "plain" for took in side.took_ms)
    for kind in KINDS:
        means = sorted(statistics.mean(side.took_ms) for side in sides if side.kind == kind)
        mean = statistics.mean(means)
        print(f"| {kind} | {mean:.3f} | {means[0]:.3f} to {means[-1]:.3f} | {mean / plain:.3f} |")


if __name__ == "__main__":
    main()
