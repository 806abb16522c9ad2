"""How long ``paramedic dump PID`` takes to read the recording of a process that runs under ``paramedic run``.

    python benchmarks/dump_join.py

A program fills its recording (two threads, a lock and a queue) and then hangs in a deadlock of two locks. Prints the
recording's size, the seconds that reading and judging it took, the peak of the resident memory (the mapped recording
is part of it), and what was found, so that nobody measures an empty answer.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile

ROUNDS = (40_000, 200_000, 340_000)
PROGRAM = """\
import os, queue, sys, threading

import paramiko

one, other, jobs, both = threading.Lock(), threading.Lock(), queue.Queue(), threading.Barrier(2)


def work():
    for number in range(int(sys.argv[1])):
        with one:
            pass
        jobs.put(number)
        jobs.get()


def hang(first, second):
    with first:
        both.wait()
        with second:
            pass


workers = [threading.Thread(target=work) for _ in range(2)]
for w in workers:
    w.start()
for w in workers:
    w.join()
pair = [threading.Thread(target=hang, args=p) for p in ((one, other), (other, one))]
for t in pair:
    t.start()
print(os.getpid(), flush=True)
for t in pair:
    t.join()
"""
READ = """\
import resource, sys, time
from paramedic.check.joining import recorded

began = time.process_time()
found = recorded(int(sys.argv[1]))
took = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
size = found.path.stat().st_size / (1 << 20)
told = [*(f.hazard for f in found.findings), *(g.detail for g in found.gaps)]
print(f"{size:6.0f} MB  {took:5.2f} s CPU  {peak:4} MB peak  {told}")
"""


def main() -> None:
    """Measures recordings of several sizes."""
    for rounds in ROUNDS:
        with tempfile.TemporaryDirectory() as folder:
            program = f"{folder}/program.py"
            with open(program, "w") as file:
                file.write(PROGRAM)
            command = [sys.executable, "-m", "paramedic.cli.main", "run", "--recording", f"{folder}/rec", program]
            runner = subprocess.Popen(
                [*command, str(rounds)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert runner.stdout is not None
            process = int(runner.stdout.readline())
            try:
                subprocess.run([sys.executable, "-c", READ, str(process)], check=True)
            finally:
                os.kill(process, signal.SIGKILL)
                runner.wait(60)


if __name__ == "__main__":
    main()
