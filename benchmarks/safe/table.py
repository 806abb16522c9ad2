"""Everything that is promised of the speed of ``paramedic.safe``, measured: one line per target, met or not.

    python benchmarks/safe/table.py [--rounds 4] [name ...]

Takes about ten minutes. Needs OpenSSH's server, and `pip install asyncssh parallel-ssh netmiko fabric` beside
Paramedic; as root it also measures an account whose shell is /bin/sh. Targets are ratios to peers in the same
interleaved rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tests")]

import peers  # noqa: E402
import run  # noqa: E402


@dataclass(frozen=True)
class Target:
    """``key`` of the best of ``theirs`` divided by that of ``ours`` is at least ``least``."""

    theirs: tuple[str, ...]
    least: float
    key: str = "wall_s"
    ours: str = ""
    """The first of all if it is not named."""

    def judged(self, rows: run.Rows, ours: str) -> tuple[str, bool | None]:
        """What was measured, and whether it is enough; None if there was nothing to compare with."""
        there = [rows[name] for name in self.theirs if rows.get(name)]
        who = " or ".join(self.theirs)
        ours = self.ours or ours
        if not there:
            return f"{who}: not measured", None
        best = min(there, key=lambda found: statistics.median(row[self.key] for row in found))
        pairs = zip(best, rows[ours], strict=False)
        ratio = statistics.median(row[self.key] / mine[self.key] for row, mine in pairs)
        what = {"wall_s": "wall", "cpu_s": "CPU"}[self.key]
        return f"{who} ÷ {self.ours or 'ours'}, {what}: {ratio:.2f} (at least {self.least:.2f})", ratio >= self.least


@dataclass(frozen=True)
class Part:
    """One workload, and what is asked of it."""

    workload: str
    targets: tuple[Target, ...] = ()
    rtt_ms: float = 0.0
    rounds: float = 1.0
    only: tuple[str, ...] = ()
    most_mb: tuple[tuple[str, float], ...] = ()


ASYNC = ("asyncssh", "asyncssh × 4 connections")
FAN_OUT = (
    Target(("asyncssh",), 1.0),
    Target(("parallel-ssh",), 1.0),
    Target(("paramiko",), 1.0),
    Target(("asyncssh",), 1.4, "cpu_s"),
    Target(("parallel-ssh",), 1 / 1.7, "cpu_s"),
)
PARTS = {
    "exec": Part(
        "exec",
        (
            Target(ASYNC, 1.35),
            Target(ASYNC, 1.35, ours="safe runner"),
            Target(("safe map",), 1.0, ours="safe runner"),
            Target(("parallel-ssh",), 2),
            Target(("thread-local recipe",), 2),
            Target(("ControlMaster xargs",), 3),
            *(Target((name,), 10) for name in ("one client, a lock", "netmiko", "fabric")),
        ),
    ),
    "exec-sh": Part(
        "exec-sh",
        (
            Target(ASYNC, 1.35),
            Target(ASYNC, 1.35, ours="safe runner"),
            Target(("parallel-ssh",), 2),
            Target(("thread-local recipe",), 2),
        ),
    ),
    "hosts": Part("hosts", FAN_OUT, rounds=1.4),
    "grid": Part("grid", FAN_OUT, rounds=1.4),
    "stdout": Part(
        "stdout",
        (Target(("openssh",), 1 / 1.3),),
        rounds=1.4,
        most_mb=(("safe run", 120 / 1.048576), ("safe stream", 24)),
    ),
    "put-big": Part("put-big", (Target(("openssh",), 1 / 1.5),)),
    "get-big": Part("get-big", (Target(("openssh",), 1 / 1.5),)),
    "put-small": Part("put-small", (Target(("asyncssh",), 1.0),)),
    "get-small": Part("get-small", (Target(("asyncssh",), 1.0), Target(("paramiko",), 2))),
    "rtt-20": Part("get-big", (Target(("paramiko",), 1.0),), 20, 0.6, ("safe", "paramiko")),
    "rtt-100": Part("get-big", (Target(("paramiko",), 5),), 100, 0.6, ("safe", "paramiko")),
    "rtt-100-stdout": Part("stdout", (Target(("paramiko",), 5),), 100, 0.6, ("safe run", "paramiko")),
}


def most_possible(rows: run.Rows, ours: str) -> str:
    """What a client that costs nothing would be measured at: the server's work, on all processors, is what it is."""
    cores = os.cpu_count() or 1
    server_s = statistics.median(row["busy_s"] - row["cpu_s"] for row in rows[ours]) / cores
    there = [rows[name] for name in ASYNC if rows.get(name)]
    best_s = min((statistics.median(row["wall_s"] for row in found) for found in there), default=0.0)
    return (
        f"the server's work alone takes {cores} cores {server_s:.2f} s: a client that costs nothing would be at "
        f"{best_s / server_s:.2f} against AsyncSSH"
    )


def judged(name: str, part: Part, rounds: int) -> list[tuple[str, str, bool | None]]:
    names = [peer for kind, peer in peers.workloads() if kind == part.workload]
    names = [peer for peer in names if peer in part.only] or names
    with (
        tempfile.TemporaryDirectory(prefix="paramedic-bench-") as folder,
        run.serving(Path(folder), rtt_ms=part.rtt_ms) as servers,
    ):
        count = run.COUNTS[part.workload]
        rows = run.compare(part.workload, names, servers, count, max(2, round(rounds * part.rounds)))
    ours = names[0]
    if not rows or not rows[ours]:
        return [(name, "not measured", None)]
    lines = [(name, *target.judged(rows, ours)) for target in part.targets]
    if part.workload.startswith("exec"):
        lines.append((name, most_possible(rows, ours), None))
    for who in (peer for peer in names if peer.startswith("safe")):
        full = 1000 if part.workload.endswith("small") else count**2 if part.workload == "grid" else count
        worst = min((row["ok"] for row in rows[who]), default=0)
        lines.append((name, f"{who}: {worst:.0f} of {full} succeeded", worst == full))
    for who, most in part.most_mb:
        more = statistics.median(row["more_mb"] for row in rows[who])
        lines.append((name, f"{who}: {more:.0f} MiB more than before (at most {most:.0f})", more <= most))
    return lines


def idle() -> list[tuple[str, str, bool | None]]:
    words = [sys.executable, str(HERE / "idle.py"), "--seconds", "40"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    print(f"\n### idle\n\n{said}", flush=True)
    first = said.splitlines()[0]
    return [("idle", f"{first} (at most 1)", float(first.split(":")[1].split()[0]) < 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"of {', '.join([*PARTS, 'idle'])}; all if none is given"
    )
    parser.add_argument("--rounds", type=int, default=4)
    args = parser.parse_args()
    # Not by `choices`: argparse holds an empty list of names against them, too.
    if unknown := [name for name in args.names if name not in {*PARTS, "idle"}]:
        parser.error(f"no such row: {', '.join(unknown)}")
    lines: list[tuple[str, str, bool | None]] = []
    for name in args.names or [*PARTS, "idle"]:
        lines += idle() if name == "idle" else judged(name, PARTS[name], args.rounds)
    print("\n| what | measured | |\n|---|---|---|")
    for name, said, met in lines:
        print(f"| {name} | {said} | {'met' if met else '**not met**' if met is not None else '–'} |")
    sys.exit(any(met is False for _, _, met in lines))


if __name__ == "__main__":
    main()
