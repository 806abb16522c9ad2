"""How long ``paramedic dump`` takes, and how much memory, for big inputs.

    python benchmarks/dump.py

Asked, each of a process of its own: a dump with 5,000 threads (py-spy's text, without and with ``--locals``, and
faulthandler's), the same where the source of the user's functions is found (250 functions in 1,000 lines, and as many
functions as threads in 20,000 lines), and a 100 MB log with 200 dumps in it. Prints processor and wall seconds, the
peak of the resident memory, and what was found, so that nobody measures an empty answer.
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


READS = """\
Thread {number} (idle): "Thread-{number}"
    Condition.wait (threading.py:331)
    BufferedPipe.read (paramiko/buffered_pipe.py:150)
    Channel.recv (paramiko/channel.py:697)
    BufferedFile.read (paramiko/file.py:184)
    job_{function} (app.py:{line})
    Thread.run (threading.py:982)
    Thread._bootstrap_inner (threading.py:1045)
    Thread._bootstrap (threading.py:1002)
"""
REST = """\
Thread 1 (idle): "MainThread"
    Thread.join (threading.py:1119)
    <module> (app.py:1)
Thread 2 (idle): "Thread-0"
    Packetizer.read_all (paramiko/packet.py:322)
    Packetizer.read_message (paramiko/packet.py:496)
    Transport.run (paramiko/transport.py:2059)
    Thread._bootstrap (threading.py:1002)
"""


def with_source(folder: Path, functions: int) -> Path:
    """A dump of threads in so many functions of a file that lies beside it, each of four lines."""
    function = (
        "def job_{}(client):\n    _, out, _ = client.exec_command('df')\n    print('asked')\n    return out.read()\n"
    )
    folder.mkdir()
    (folder / "app.py").write_text("".join(function.format(n) for n in range(functions)))
    threads = [(n + 10, n % functions) for n in range(THREADS)]
    text = "".join(READS.format(number=n, function=f, line=4 * f + 4) for n, f in threads)
    path = folder / f"{functions}-functions.txt"
    path.write_text(f"Process 7: python app.py\n\n{REST}{text}")
    return path


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
        for functions in (250, THREADS):
            measured(with_source(Path(folder, f"source-{functions}"), functions))
        path = Path(folder, f"{DUMPS}-dumps.log")
        long_log(path)
        measured(path)


if __name__ == "__main__":
    main()
