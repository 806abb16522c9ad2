"""What idle connections cost: opens many with a group, leaves them alone and measures CPU time.

    python benchmarks/safe/idle.py [--connections 1000] [--seconds 60]

Every connection is to an address of its own (127.0.x.y) of one sshd. For comparison the same number of plain Paramiko
transports is measured, as many as ``--plain`` says. A connection rests for ten keepalives, 300 s, and then asks its
server: measure for longer than that (``--seconds 660``) to see what it costs in the long run.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "tests")]

import paramiko  # noqa: E402

from openssh import running_sshd  # noqa: E402
from paramedic.safe import Destination, Group, KnownHosts, Limits  # noqa: E402

SETTLE_S = 5.0
NEXT_TO_NOTHING = """
import sys, time
began, count = time.process_time(), 2 * int(float(sys.argv[1]))
for _ in range(count):
    time.sleep(0.5)
print(f"{(time.process_time() - began) / count * 1e3:.2f}")
"""


def cost(seconds: float) -> str:
    """CPU time, and how often a thread woke up.

    What a wake-up costs depends on the machine and what else runs: a virtual one charges whoever runs for the time in
    which its host gave the processor to others. A process that does nothing but wake up tells what that was meanwhile.
    """
    time.sleep(SETTLE_S)
    words = [sys.executable, "-c", NEXT_TO_NOTHING, str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        cpu, wall, woken = time.process_time(), time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        time.sleep(seconds)
        wall = time.monotonic() - wall
        woken = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - woken
        percent = (time.process_time() - cpu) / wall * 100
        each, _ = other.communicate()
    return (
        f"{percent:.2f} % of one core, {woken / wall:.1f} wake-ups a second "
        f"({each.strip()} ms each in a process that does nothing else)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--plain", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="paramedic-bench-") as name:
        folder = Path(name)
        for sub in ("sshd", "home"):
            (folder / sub).mkdir()
        options = ["MaxStartups 2000", f"SetEnv HOME={folder / 'home'}"]
        with running_sshd(folder / "sshd", *options, addresses=("0.0.0.0",)) as server:
            keys = Path(server.known_hosts_file).read_text().split()[1:3]
            (folder / "known").write_text(f"* {' '.join(keys)}\n")
            hosts = [
                Destination(
                    host=f"h{n}", hostname=f"127.0.{n // 250}.{n % 250 + 1}", port=server.port, username=server.user
                )
                for n in range(args.connections)
            ]
            with Group(
                hosts,
                key_filename=server.key_file,
                known_hosts=KnownHosts(folder / "known"),
                allow_agent=False,
                look_for_keys=False,
                concurrency=args.connections,
                limits=Limits(idle=86_400),
            ) as group:
                before = threading.active_count()
                ok = len(group.run("true").succeeded)
                threads = threading.active_count() - before
                print(f"{ok} connections, {threads} threads: {cost(args.seconds)}", flush=True)
                again = time.process_time()
                print(f"all work again: {len(group.run('true').succeeded)}, {time.process_time() - again:.2f} s of CPU")
            with contextlib.ExitStack() as stack:
                for n in range(args.plain):
                    client = stack.enter_context(paramiko.SSHClient())
                    client.set_missing_host_key_policy(paramiko.WarningPolicy())
                    client.connect(
                        f"127.0.{n // 250}.{n % 250 + 1}",
                        port=server.port,
                        key_filename=server.key_file,
                        allow_agent=False,
                        look_for_keys=False,
                    )
                print(f"{args.plain} plain transports: {cost(min(args.seconds, 20))}")


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    main()
