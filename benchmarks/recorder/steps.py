"""Which functions take more of the interpreter's steps (bytecode instructions) because they are recorded.

    python benchmarks/recorder/steps.py [--level watch] [--most 25] [job ...]

Runs 50 units of each job in one thread, plain and recorded, and prints by function how many steps of one unit are more.
Where `perf` shows what the recorder costs it is spread over the interpreter's loop, so steps foretell CPU time better
than machine instructions do (`instructions.py`). Counted are all threads of the program. While a trace function is set
the recorder finds stacks by its slow path: what functions of the recorder itself take (`made.<locals>.enter`,
`_file_timeout`, ``Stacks`` …) is not paid otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "tests")]
PARTS = {"commands": 0.05, "sftp": 0.05, "connects": 1.0}
"""Of each job, which are 50 commands, files or connects; bulk output takes other steps each time."""
UNITS = 50


def counted(job: str, described: str) -> None:
    """The observed program: does a part of the job, and prints the steps of each function."""
    import program

    program.THREADS = program.SFTP_THREADS = 1
    steps: Counter[str] = Counter()
    counts = False

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if counts and event == "opcode":
            code = frame.f_code
            steps[f"{Path(code.co_filename).name} {code.co_qualname}"] += 1
        return trace

    threading.settrace(trace)
    with program.JOBS[job](json.loads(Path(described).read_text())) as work:
        work(0.04)  # stacks are found for the first time
        with program.tool("steps"):
            sys.settrace(trace)
            counts = True
            work(PARTS[job])
            counts = False
            sys.settrace(None)
    print(json.dumps(steps))


def run(job: str, level: str | None, server: Path, folder: Path) -> Counter[str]:
    """Steps by function, of the job recorded at that level, or plain."""
    from paramedic.record.launch import command
    from paramedic.record.session import Options

    arguments = [str(HERE / "steps.py"), job, "--server", str(server)]
    words, environment = [sys.executable, *arguments], dict(os.environ)
    if level is not None:
        options = Options(directory=str(folder / f"{job}-{level}"), level=level)
        words, environment = command(arguments, options, environment)
    done = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return Counter(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="*", metavar="job", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--level", choices=("watch", "check"), default="watch")
    parser.add_argument("--most", type=int, default=25, help="so many functions are named")
    parser.add_argument("--server", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if unknown := [job for job in args.jobs if job not in PARTS]:
        parser.error(f"no such job: {', '.join(unknown)}")
    if args.server:
        counted(args.jobs[0], args.server)
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
            for job in args.jobs or PARTS:
                plain, recorded = run(job, None, described, folder), run(job, args.level, described, folder)
                units = [f"{steps.total() / UNITS:.0f}" for steps in (plain, recorded)]
                print(f"\n### {job}: {units[0]} steps, {units[1]} at {args.level}\n")
                more = {name: recorded[name] - plain[name] for name in {*plain, *recorded}}
                for name in sorted(more, key=lambda name: -abs(more[name]))[: args.most]:
                    print(f"{more[name] / UNITS:+8.1f} of {plain[name] / UNITS:6.1f}  {name}", flush=True)


if __name__ == "__main__":
    main()
