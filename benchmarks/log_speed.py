"""How fast `paramedic log` reads, beside ``grep -c`` and ripgrep on the same file.

    python benchmarks/log_speed.py [MEGABYTES] [--file LOG]

Prints, for one run on one machine: megabytes a second of each, their ratios, how time grows with size, how much memory
the reader takes, and the line of the one interleaving that was planted.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from log_corpus import write_log

READ = """
import resource, sys
from paramedic.check.log import report_of_logs
result = report_of_logs(sys.argv[1:2], workers=int(sys.argv[2]))
found = [f for f in result.report.findings if f.hazard == "shared-sftp-client"]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, found[0].site.line if found else 0)
"""


def timed(command: list[str]) -> tuple[float, float, str]:
    """Wall-clock and CPU seconds, and what was printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, out.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("megabytes", type=int, nargs="?", default=400)
    parser.add_argument("--folder", type=Path, help="where the log is written (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "paramiko.log"
        planted = write_log(path, options.megabytes * 1_000_000, interleaving=0.7)
        size = path.stat().st_size / 1e6
        quarter = Path(folder) / "quarter.log"
        with path.open("rb") as source, quarter.open("wb") as target:
            # In small pieces: a process that is started counts its parent's memory as its own (getrusage, ru_maxrss).
            for _ in range(path.stat().st_size // 4 >> 20):
                target.write(source.read(1 << 20))
        read = [sys.executable, "-c", READ]
        subprocess.run(["cat", str(path)], stdout=subprocess.DEVNULL, check=True)  # into the page cache
        rows = {
            "grep -c": timed(["grep", "-c", "EOF sent", str(path)]),
            "one core": timed([*read, str(path), "1"]),
            "two cores": timed([*read, str(path), "2"]),
            "a quarter of it, one core": timed([*read, str(quarter), "1"]),
        }
        if shutil.which("rg"):
            rows["ripgrep -c"] = timed(["rg", "-c", "EOF sent", str(path)])
        print(f"{size:.0f} MB, one interleaving planted in line {planted}")
        for name, (wall, cpu, _) in rows.items():
            part = size / 4 if name.startswith("a quarter") else size
            print(
                f"{name:28s}{part / wall:8.0f} MB/s{wall:8.2f} s{cpu:8.2f} s of CPU"
                f"{wall / rows['grep -c'][0]:8.1f} × grep"
                + (f"{wall / rows['ripgrep -c'][0]:8.1f} × ripgrep" if "ripgrep -c" in rows else "")
            )
        one, two, less = rows["one core"], rows["two cores"], rows["a quarter of it, one core"]
        memory, line = one[2].split()
        print(f"two cores are {one[0] / two[0]:.2f} times as fast as one")
        print(f"four times the size takes {one[0] / less[0]:.2f} times as long")
        print(f"memory of the reader: {memory} MB; the interleaving was found in line {line}")
        if int(line) not in range(planted, planted + 3) or two[2].split()[1] != line:
            sys.exit("the interleaving was not found where it is")


if __name__ == "__main__":
    main()
