"""How fast `paramedic lint` is beside ruff's security rules, bandit and pylint, in one run.

    python benchmarks/lint_speed.py FOLDER [FOLDER ...]

Prints seconds of wall clock and of processor time for each tool and folder, cold (no cache) and, for the tools that
have one, warm. The tools take turns, five rounds, so that a busy machine disturbs all alike; the medians count, and the
median of each round's ratio to ruff. A tool that takes longer than 20 seconds runs once. Tools that are not installed
are left out. pylint runs without its search for duplicates, and only on folders of at most 200 files.
"""

from __future__ import annotations

import compileall
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import paramedic

ROUNDS = 5
LONG_S = 20
MOST_FOR_PYLINT = 200


def tools(folder: Path, scratch: Path) -> dict[str, list[str]]:
    """The command of each tool that is installed."""
    beside = str(Path(sys.executable).parent)
    found = {}
    files = [str(p) for p in sorted(folder.rglob("*.py"))]
    commands = {
        "paramedic, cold": ["paramedic", "lint", "--no-cache", str(folder)],
        "paramedic, one process": ["paramedic", "lint", "--no-cache", "--jobs", "1", str(folder)],
        "paramedic, warm": ["paramedic", "lint", "--cache-dir", str(scratch / "ours"), str(folder)],
        "ruff, cold": ["ruff", "check", "--isolated", "--no-cache", "--select", "S", "-q", str(folder)],
        "ruff, warm": [
            "ruff",
            "check",
            "--isolated",
            "--cache-dir",
            str(scratch / "ruff"),
            "--select",
            "S",
            "-q",
            str(folder),
        ],
        "bandit": ["bandit", "-q", "-r", str(folder)],
    }
    if len(files) <= MOST_FOR_PYLINT:
        commands["pylint"] = ["pylint", "--disable=duplicate-code", "--score=n", *files]
    for name, command in commands.items():
        program = shutil.which(command[0], path=beside) or shutil.which(command[0])
        if program is not None:
            found[name] = [program, *command[1:]]
    return found


def measure(command: Sequence[str]) -> tuple[float, float]:
    """Wall clock and processor seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rounds(commands: dict[str, list[str]]) -> dict[str, list[tuple[float, float]]]:
    """What each tool took, round by round."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for name, command in commands.items():
        if name.endswith("warm"):
            measure(command)
    for _ in range(ROUNDS):
        for name, command in commands.items():
            if not taken[name] or taken[name][0][1] < LONG_S:
                taken[name].append(measure(command))
    return taken


def main(folders: Sequence[str]) -> None:
    """Prints one table for each folder."""
    # As an installer leaves it; without bytecode each run would compile our own source first.
    compileall.compile_dir(Path(paramedic.__file__).parent, quiet=1)
    for name in folders:
        folder = Path(name)
        count = sum(1 for _ in folder.rglob("*.py"))
        print(f"\n{folder.name}: {count} files\n\n| tool | wall s | processor s | of ruff's |\n|---|---|---|---|")
        with tempfile.TemporaryDirectory() as scratch:
            taken = rounds(tools(folder, Path(scratch)))
        for tool, rows in taken.items():
            beside = taken.get("ruff, warm" if tool.endswith("warm") else "ruff, cold")
            ratio = ""
            if beside:
                ratio = f"{median(mine[1] / other[1] for mine, other in zip(rows, beside, strict=False)):.1f}"
            wall, busy = (median(row[n] for row in rows) for n in (0, 1))
            print(f"| {tool} | {wall:.2f} | {busy:.2f} | {ratio} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
