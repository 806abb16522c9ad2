"""500 threads on 100 connections for a minute, under `paramedic run`: is anything lost, does memory stay bounded?

    python benchmarks/soak.py [--threads 500] [--connections 100] [--seconds 60] [--max-size 256MiB]

The built-in server answers; each thread runs short commands on its connection, one after the other, and counts what
came back. Prints commands and memory with and without Paramedic, the recording's size, its gaps, and how long the
report took and how much memory it needed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from paramedic.lab import Manners, lab

PROGRAM = """
import json, os, resource, sys, threading, time
import paramiko

threads, connections, seconds = (int(word) for word in sys.argv[1:4])
clients, counts, wrong, began = [], [0] * threads, [], []

def connect():
    client = paramiko.SSHClient()
    client.load_host_keys(os.environ["KNOWN_HOSTS"])
    client.connect(os.environ["HOST"], int(os.environ["PORT"]), os.environ["USER_NAME"], timeout=60, banner_timeout=60,
                   auth_timeout=60, key_filename=os.environ["KEY"], allow_agent=False, look_for_keys=False)
    return client

for n in range(connections):
    clients.append(connect())
start, end = threading.Event(), 0.0

def work(n):
    client = clients[n % connections]
    start.wait()
    while time.monotonic() < end:
        try:
            stdin, stdout, stderr = client.exec_command("echo %d" % n, timeout=120)
            stdin.close()
            text = stdout.read()
            stderr.read()
            stdout.channel.close()
        except Exception as error:
            wrong.append(repr(error))
            return
        if text != b"%d\\n" % n:
            wrong.append(text.decode())
        counts[n] += 1

workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
for w in workers: w.start()
end = time.monotonic() + seconds
start.set()
for w in workers: w.join()
for client in clients: client.close()
usage = resource.getrusage(resource.RUSAGE_SELF)
told = {"commands": sum(counts), "wrong": wrong[:5], "cpu_s": usage.ru_utime + usage.ru_stime,
        "rss_mib": usage.ru_maxrss / 1024, "idle_threads": counts.count(0)}
print(json.dumps(told))
"""


def run(program: Path, before: list[str], words: list[str], env: dict[str, str]) -> tuple[dict[str, object], str]:
    """One run; what the program told, and what was said on its standard error."""
    done = subprocess.run(
        [sys.executable, *before, str(program), *words], env=env, capture_output=True, text=True, timeout=900
    )
    if done.returncode:
        sys.exit(f"soak: the program ended with {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def main() -> int:
    """Runs twice and prints what came of it; 1 if something was lost or went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=500)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--max-size", default="256MiB")
    parser.add_argument("--level", default="check", choices=["watch", "check"])
    args = parser.parse_args()
    words = [str(args.threads), str(args.connections), str(args.seconds)]
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch, lab(Manners()) as server:
        program = Path(scratch, "soak_app.py")
        program.write_text(PROGRAM)
        how = server.connect_kwargs()
        env = os.environ | {
            "HOST": str(how["hostname"]),
            "PORT": str(how["port"]),
            "USER_NAME": str(how["username"]),
            "KEY": str(how["key_filename"]),
            "KNOWN_HOSTS": server.known_hosts_file,
        }
        plain, _ = run(program, [], words, env)
        recording = Path(scratch, "recording")
        options = ["--level", args.level, "--recording", str(recording), "--max-size", args.max_size]
        options += ["--format", "json", "--output", str(Path(scratch, "found.json"))]
        began = time.monotonic()
        watched, said = run(program, ["-m", "paramedic", "run", *options], words, env)
        whole_s = time.monotonic() - began
        size = sum(p.stat().st_size for p in recording.glob("*.pmrec"))
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        began = time.monotonic()
        output = Path(scratch, "again.json")
        command = ["check", "--format", "json", "--output", str(output), str(recording)]
        measured = (
            "import resource, runpy, sys\n"
            f"sys.argv = {['paramedic', *command]!r}\n"
            "try: runpy.run_module('paramedic', run_name='__main__', alter_sys=True)\n"
            "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)\n"
        )
        checked = subprocess.run([sys.executable, "-c", measured], capture_output=True, text=True, timeout=900)
        report_s = time.monotonic() - began
        report = json.loads(output.read_text())
        del before
    events = sum(p["events"] for p in report["source"]["processes"])
    gaps = [f"{g['reason']}: {g['detail']}" for g in report["gaps"]]
    strong = [f"{f['confidence']} {f['hazard']}" for f in report["findings"] if f["confidence"] != "advice"]
    rows = [
        ("threads, connections, seconds", ", ".join(words)),
        ("commands without, with", f"{plain['commands']:,}, {watched['commands']:,}"),
        ("threads that got nothing done", f"{plain['idle_threads']}, {watched['idle_threads']}"),
        ("CPU ms per command without, with", "{:.2f}, {:.2f}".format(*(_per_command(t) for t in (plain, watched)))),
        ("program's memory without, with", f"{plain['rss_mib']:.0f}, {watched['rss_mib']:.0f} MiB"),
        ("recording", f"{size / 2**20:.0f} MiB, {events:,} events"),
        ("gaps", "; ".join(gaps) or "none"),
        ("report", f"{report_s:.1f} s, {events / report_s:,.0f} events/s, {float(checked.stderr.split()[-1]):.0f} MiB"),
        ("run and report", f"{whole_s:.1f} s"),
        ("findings above advice", ", ".join(strong) or "none"),
        ("wrong answers", f"{len(plain['wrong'])}, {len(watched['wrong'])}"),  # type: ignore[arg-type]
    ]
    for name, value in rows:
        print(f"{name:34} {value}")
    if plain["wrong"] or watched["wrong"]:
        print(plain["wrong"], watched["wrong"], said[-500:], sep="\n")
    return 1 if plain["wrong"] or watched["wrong"] or gaps or strong else 0


def _per_command(told: dict[str, object]) -> float:
    return float(told["cpu_s"]) * 1000 / max(1, int(told["commands"]))  # type: ignore[call-overload,arg-type]


if __name__ == "__main__":
    sys.exit(main())
