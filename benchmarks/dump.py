"""How long ``paramedic dump`` takes, and how much memory, for big inputs.

    python benchmarks/dump.py

Two questions, each asked of a process of its own: a dump with 5,000 threads (py-spy's text, without and with
``--locals``, and faulthandler's), and a 100 MB log with 200 dumps in it. Prints processor and wall seconds, the peak of
the resident memory, and what was found, so that nobody measures an empty answer.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

THREADS = 5_000
DUMPS = 200
LOG_BYTES = 100_000_000
ZOO = Path(__file__).resolve().parents[1] / "tests/dump/dumps/paramiko-5.1"


def stacks(form: str) -> list[str]:
    """The zoo's threads, each as text with its head."""
    text = (ZOO / f"zoo.{form}.txt").read_text()
    found = re.split(r"^(?=(?:Current t|T)hread )", text, flags=re.MULTILINE)
    return [t.strip("\n") for t in found if re.match(r"(?:Current t|T)hread ", t)]


def many_threads(form: str, count: int) -> str:
    """A dump of so many threads: the zoo's again and again, with idents of their own."""
    every = stacks(form)
    made = []
    for number in range(count):
        text = every[number % len(every)]
        ident = f"0x{number + 1:016x}" if form == "faulthandler" else str(number + 1)
        made.append(re.sub(r"hread (?:0x)?[0-9a-f]+", f"hread {ident}", text, count=1))
    joint = "\n\n" if form == "faulthandler" else "\n"
    head = "" if form == "faulthandler" else "Process 7: python app.py\nPython v3.11.7\n\n"
    return head + joint.join(made) + "\n"


def long_log(path: Path) -> None:
    """A log of a service, with a dump of the zoo now and then."""
    dump = many_threads("faulthandler", 46)
    line = "2026-11-28 10:48:36,123 INFO  app.web request 4711 from 10.0.0.7 served in 12 ms by worker thread pool\n"
    between = line * ((LOG_BYTES // DUMPS - len(dump)) // len(line))
    with open(path, "w") as log:
        for _ in range(DUMPS):
            log.write(between)
            log.write(dump)


def measured(path: Path) -> None:
    """Runs the command on the file and prints what it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    code = (
        "import resource, sys; from paramedic.cli.main import main\n"
        f"status = main(['dump', {str(path)!r}, '--format', 'json', '--output', {str(path) + '.json'!r}])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=path.parent, check=True)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    import json

    report = json.loads(Path(f"{path}.json").read_text())
    peak = done.stdout.split()[-2]
    source = report["source"]
    print(
        f"{path.name:28} {os.path.getsize(path) / 1e6:6.1f} MB  {wall:5.2f} s wall  {cpu:5.2f} s CPU  {peak:>4} MB peak"
        f"  {source['dumps']} dumps, {source['threads']} threads, {len(report['findings'])} findings"
    )


def main() -> None:
    """Measures everything."""
    with tempfile.TemporaryDirectory() as folder:
        for form in ("pyspy", "locals", "faulthandler"):
            path = Path(folder, f"{THREADS}-threads.{form}.txt")
            path.write_text(many_threads(form, THREADS))
            measured(path)
        path = Path(folder, f"{DUMPS}-dumps.log")
        long_log(path)
        measured(path)


if __name__ == "__main__":
    main()
