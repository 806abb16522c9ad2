"""All peers, one workload after the other, interleaved: medians and ratios to ours.

    python benchmarks/safe/run.py [--rounds 3] [--scale 1.0] [--rtt MS] [--peers NAME,NAME] [workload ...]

Needs OpenSSH's server; peers that are not installed are left out. Read CPU times first: wall times depend on what else
the machine does, and the server works on the same machine. ``ok`` below the count means commands that failed.

``exec`` runs with your account and its login shell, ``exec-sh`` with one whose shell is /bin/sh, which root makes for
it and removes afterwards. Neither has start-up files. ``table.py`` measures everything and names the targets.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tests")]

import peers  # noqa: E402

from openssh import running_sshd  # noqa: E402

COUNTS = {
    "exec": 1000,
    "exec-sh": 1000,
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
ACCOUNT = "paramedic-bench"

Rows = dict[str, list[dict[str, float]]]


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


@contextlib.contextmanager
def shell_account(home: Path) -> Iterator[str | None]:
    """The name of an account with /bin/sh as its shell; None where that is not to be had."""
    me = pwd.getpwuid(os.geteuid())
    if os.path.realpath(me.pw_shell) == os.path.realpath("/bin/sh"):
        yield me.pw_name
    elif os.geteuid() or not shutil.which("useradd"):
        yield None
    else:
        subprocess.run(["useradd", "-M", "-d", str(home), "-s", "/bin/sh", "-p", "*", ACCOUNT], check=True)
        try:
            yield ACCOUNT
        finally:
            # What ran there is told that its connection is over; it may need a moment to go.
            subprocess.run(["userdel", "-f", ACCOUNT], check=True, capture_output=True)


@contextlib.contextmanager
def serving(folder: Path, scale: float = 1.0, rtt_ms: float = 0.0) -> Iterator[tuple[Path, Path | None, Path]]:
    """Two descriptions of one running server, for the user and for an account with /bin/sh, and the folder of files."""
    folder.chmod(0o711)
    for name in ("sshd", "home", "data", "data/small"):
        (folder / name).mkdir(mode=0o755)
    data = folder / "data"
    with (data / "big").open("wb") as big:
        for _ in range(int(200 * scale)):
            big.write(os.urandom(1 << 20))
    for n in range(int(1000 * scale)):
        (data / "small" / f"file{n}").write_bytes(os.urandom(10_240))
    addresses = tuple(f"127.0.0.{n}" for n in range(1, 16))
    options = [f"SetEnv HOME={folder / 'home'}", "LogLevel INFO"]  # the rest are OpenSSH's defaults
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_sshd(folder / "sshd", *options, addresses=addresses))
        port = server.port
        if rtt_ms:
            words = [sys.executable, str(HERE / "relay.py"), str(rtt_ms / 2), str(port), *addresses]
            relay = stack.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
            stack.callback(relay.kill)
            assert relay.stdout is not None
            port = int(relay.stdout.readline())
            known = Path(server.known_hosts_file)
            known.write_text(known.read_text().replace(f":{server.port} ", f":{port} "))
        account = stack.enter_context(shell_account(folder / "home"))
        found: list[Path | None] = []
        for user in (server.user, account):
            described = folder / f"server-{len(found)}.json"
            described.write_text(
                json.dumps(
                    {
                        "hosts": server.hosts,
                        "port": port,
                        "user": user,
                        "key": server.key_file,
                        "known_hosts": server.known_hosts_file,
                        "data": str(data),
                    }
                )
            )
            found.append(described if user else None)
        assert found[0] is not None
        yield found[0], found[1], data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", choices=[*COUNTS, []], default=list(COUNTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rtt", type=float, default=0.0, help="a round trip of as many milliseconds, by a relay")
    parser.add_argument("--peers", default="", help="only these, commas between; the first is what others are told by")
    args = parser.parse_args()
    only = [name for name in args.peers.split(",") if name]
    with (
        tempfile.TemporaryDirectory(prefix="paramedic-bench-") as name,
        serving(Path(name), args.scale, args.rtt) as servers,
    ):
        for workload in args.workloads:
            count = max(1, int(COUNTS[workload] * args.scale))
            names = [peer for kind, peer in peers.workloads() if kind == workload]
            compare(workload, [peer for peer in only if peer in names] or names, servers, count, args.rounds)


def compare(workload: str, names: list[str], servers: tuple[Path, Path | None, Path], count: int, rounds: int) -> Rows:
    """Measures and prints; returns what was measured, by peer."""
    mine, with_sh, data = servers
    server = with_sh if workload == "exec-sh" else mine
    if server is None:
        print(f"\n### {workload}: left out, it takes root and useradd to make an account with /bin/sh", flush=True)
        return {}
    rows: Rows = {peer: [] for peer in names}
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
        print(
            f"| {peer} | {wall:.2f} | {cpu:.2f} | {worst:.0f} | {peak:.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} |",
            flush=True,
        )
    return rows


if __name__ == "__main__":
    main()
