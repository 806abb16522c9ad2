"""All peers, one workload after the other, interleaved: medians and ratios to ours.

    python benchmarks/safe/run.py [--rounds 3] [--scale 1.0] [--rtt MS] [--peers NAME,NAME] [workload ...]

Needs OpenSSH's server; peers that are not installed are left out. Read CPU times first: wall times depend on what else
the machine does, and the server works on the same machine. ``ok`` below the count means commands that failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tests")]

import peers  # noqa: E402

from openssh import running_sshd  # noqa: E402

COUNTS = {
    "exec": 1000,
    "hosts": 100,
    "grid": 20,
    "stdout": 100,
    "put-big": 1,
    "get-big": 1,
    "put-small": 1,
    "get-small": 1,
}
SLOW = {"one client, a lock": 20, "ControlMaster xargs": 5, "netmiko": 20, "fabric": 20}
"""Peers that get this many times fewer commands; their times are scaled."""


def measure(workload: str, peer: str, server: Path, count: int) -> dict[str, float] | str:
    fewer = SLOW.get(peer, 1)
    words = [sys.executable, str(HERE / "peers.py"), workload, peer, str(server), str(max(1, count // fewer))]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "took longer than 300 s"
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return (done.stderr.strip().splitlines() or ["no output"])[-1]
    found: dict[str, float] = json.loads(lines[-1])
    for name in ("wall_s", "cpu_s", "ok"):
        found[name] *= fewer
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", choices=[*COUNTS, []], default=list(COUNTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rtt", type=float, default=0.0, help="a round trip of as many milliseconds, by a relay")
    parser.add_argument("--peers", default="", help="only these, commas between; the first is what others are told by")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="paramedic-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        (folder / "sshd").mkdir()
        (folder / "home").mkdir()
        data = folder / "data"
        (data / "small").mkdir(parents=True)
        with (data / "big").open("wb") as big:
            for _ in range(int(200 * args.scale)):
                big.write(os.urandom(1 << 20))
        for n in range(int(1000 * args.scale)):
            (data / "small" / f"file{n}").write_bytes(os.urandom(10_240))
        addresses = tuple(f"127.0.0.{n}" for n in range(1, 16))
        with running_sshd(folder / "sshd", f"SetEnv HOME={folder / 'home'}", addresses=addresses) as server:
            port = server.port
            if args.rtt:
                words = [sys.executable, str(HERE / "relay.py"), str(args.rtt / 2), str(port), *addresses]
                relay = stack.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
                stack.callback(relay.kill)
                assert relay.stdout is not None
                port = int(relay.stdout.readline())
                known = Path(server.known_hosts_file)
                known.write_text(known.read_text().replace(f":{server.port} ", f":{port} "))
            described = folder / "server.json"
            described.write_text(
                json.dumps(
                    {
                        "hosts": server.hosts,
                        "port": port,
                        "user": server.user,
                        "key": server.key_file,
                        "known_hosts": server.known_hosts_file,
                        "data": str(data),
                    }
                )
            )
            for workload in args.workloads:
                names = [peer for kind, peer in peers.workloads() if kind == workload]
                if args.peers:
                    names = [name for name in args.peers.split(",") if name in names]
                compare(workload, names, described, data, max(1, int(COUNTS[workload] * args.scale)), args.rounds)


def compare(workload: str, names: list[str], server: Path, data: Path, count: int, rounds: int) -> None:
    rows: dict[str, list[dict[str, float]]] = {peer: [] for peer in names}
    trouble: dict[str, str] = {}
    for turn in range(rounds):
        for peer in names if turn % 2 == 0 else reversed(names):  # A B C, C B A: drift hits all alike
            for left in data.glob("[pg]et-*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            for left in data.glob("put-*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            found = measure(workload, peer, server, count)
            if isinstance(found, str):
                trouble[peer] = found
            else:
                rows[peer].append(found)
    ours = names[0]
    print(f"\n### {workload}, {count}, medians of {rounds}; load {os.getloadavg()[0]:.1f}\n", flush=True)
    print("| who | wall s | CPU s | ok | peak MB | wall ÷ ours | CPU ÷ ours |\n|---|--:|--:|--:|--:|--:|--:|")
    for peer in names:
        if not rows[peer]:
            print(f"| {peer} | {trouble.get(peer, '')} | | | | | |")
            continue
        wall, cpu, peak = (statistics.median(row[k] for row in rows[peer]) for k in ("wall_s", "cpu_s", "peak_mb"))
        ratios = [
            statistics.median(theirs[key] / mine[key] for theirs, mine in zip(rows[peer], rows[ours], strict=False))
            for key in ("wall_s", "cpu_s")
        ]
        worst = min(row["ok"] for row in rows[peer])
        print(f"| {peer} | {wall:.2f} | {cpu:.2f} | {worst:.0f} | {peak:.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} |")


if __name__ == "__main__":
    main()
