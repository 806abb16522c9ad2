"""What ``paramedic.watch()`` costs a program in production that nobody asks for a dump.

    python benchmarks/watch.py [--rounds 15] [--calls 400]

One process does the same work again and again, against OpenSSH on loopback: short SFTP calls by two threads, while two
others send single bytes to ``cat`` and read them back. In each round it does so without a watch, with one, and with one
whose watchdog looks (a limit of a minute, as in production, and of one second), in an order that is turned round each
time. A ratio is the median of those of the rounds, of the process's CPU time (the watch's own thread in it). The first
row says how far two equal halves without a watch lie apart: the noise. Then what the start takes, and one look of the
watchdog at a program of 1,000 threads.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "tests")]

import paramiko  # noqa: E402

import paramedic  # noqa: E402
from openssh import running_sshd  # noqa: E402
from paramedic.lab import Server  # noqa: E402

THREADS = 2
"""Of each kind."""
NOWHERE = open(os.devnull, "wb")
Start = Callable[[], Callable[[], None]]


def nothing() -> Callable[[], None]:
    """No watch."""
    return lambda: None


def watched(timeout: float | None) -> Start:
    """A watch with this limit; gives what stops it."""
    return lambda: paramedic.watch(timeout=timeout, file=NOWHERE).stop


WAYS: dict[str, Start] = {
    "nothing, once more": nothing,
    "watch()": watched(None),
    "watch(timeout=60)": watched(60),
    "watch(timeout=1)": watched(1),
}


def connect(server: Server) -> paramiko.SSHClient:
    """A client of one's own."""
    client = paramiko.SSHClient()
    client.load_host_keys(str(server.known_hosts_file))
    client.connect(
        server.host, server.port, server.user, key_filename=str(server.key_file), allow_agent=False, look_for_keys=False
    )
    transport = client.get_transport()
    assert transport is not None
    # Paramiko leaves Nagle's algorithm on, which would make each of the small calls wait for 40 ms.
    transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def stats(sftp: paramiko.SFTPClient, count: int) -> None:
    """Short SFTP calls."""
    for _ in range(count):
        sftp.stat("/")


def echoes(channel: paramiko.Channel, count: int) -> None:
    """Bytes there and back, one at a time."""
    for _ in range(count):
        channel.sendall(b"x")
        channel.recv(1)


def work(clients: list[paramiko.SSHClient], count: int) -> tuple[float, float]:
    """CPU and wall seconds of one share of the work."""
    cpu, wall = time.process_time(), time.perf_counter()
    channels = []
    for client in clients:  # channels of this share alone: what is known of their calls begins anew
        transport = client.get_transport()
        assert transport is not None
        channels.append(transport.open_session())
        channels[-1].exec_command("cat")
    sftps = [client.open_sftp() for client in clients]
    threads = [threading.Thread(target=stats, args=(sftp, count)) for sftp in sftps]
    threads += [threading.Thread(target=echoes, args=(channel, count)) for channel in channels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for closed in (*sftps, *channels):
        closed.close()
    return time.process_time() - cpu, time.perf_counter() - wall


def compare(clients: list[paramiko.SSHClient], rounds: int, count: int) -> None:
    """The table of ratios."""
    ratios: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    work(clients, count)  # warm
    for turn in range(rounds):
        names = list(WAYS) if turn % 2 == 0 else list(reversed(WAYS))
        for name in names:
            pair = {}
            for way in ("without", "with") if turn % 4 < 2 else ("with", "without"):
                stop = WAYS[name]() if way == "with" else nothing()
                pair[way] = work(clients, count)
                stop()
            ratios[name].append((pair["with"][0] / pair["without"][0], pair["with"][1] / pair["without"][1]))
    each = THREADS * count
    print(f"{rounds} rounds of {each} SFTP calls and {each} bytes there and back; load {os.getloadavg()[0]:.1f}")
    print("| | CPU ÷ without | middle half | wall ÷ without |\n|---|--:|--:|--:|")
    for name, found in ratios.items():
        cpu = sorted(c for c, _ in found)
        low, high = cpu[len(cpu) // 4], cpu[-1 - len(cpu) // 4]
        wall = statistics.median(w for _, w in found)
        print(f"| {name} | {statistics.median(cpu):.3f} | {low:.3f} to {high:.3f} | {wall:.3f} |")


def start() -> None:
    """What is paid once, and for one look."""
    took = []
    for _ in range(50):
        began = time.process_time()
        watch = paramedic.watch(timeout=60, file=NOWHERE)
        took.append(time.process_time() - began)
        watch.stop()
    print(f"start: {1000 * statistics.median(took):.2f} ms CPU")
    ended = threading.Event()
    idle = [threading.Thread(target=ended.wait, daemon=True) for _ in range(1000)]
    for thread in idle:
        thread.start()
    watch = paramedic.watch(timeout=3600, file=NOWHERE)
    looks = []
    for _ in range(50):
        began = time.thread_time()
        watch._look()
        looks.append(time.thread_time() - began)
    watch.stop()
    ended.set()
    print(f"one look of the watchdog at 1,000 threads: {1000 * statistics.median(looks):.2f} ms CPU")


def main() -> None:
    """Measures everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=400, help="so many calls of each thread in one share of the work")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="paramedic-bench-") as folder, running_sshd(Path(folder)) as server:
        clients = [connect(server) for _ in range(THREADS)]
        compare(clients, args.rounds, args.calls)
        for client in clients:
            client.close()
    start()


if __name__ == "__main__":
    main()
