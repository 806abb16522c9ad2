"""Pools under random faults for as long as you like: every command must be accounted for. Not part of the tests.

    python tests/safe/stress.py [--seconds 600] [--seed 1] [--runner]

Each round starts a server of the lab with manners of its own and lets threads run commands, cancel them, let them time
out, stream, copy files and borrow clients. Each command writes its number into a ledger when it runs, so that what the
pool says can be compared with what happened: nothing lost without a word, nothing run twice unless told so, nothing run
of which the pool says that it was not; and no thread and no descriptor is left after a round.
"""

from __future__ import annotations

import argparse
import collections
import gc
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from paramedic.lab import Manners, lab
from paramedic.safe import ClientPool, CommandError, Ending, KnownHosts, Limits, SafeError, runner

THREADS = 8
ROUND_S = 12.0
LIMITS = Limits(connect=5, banner=5, auth=5, open=5, grace=0.5, keepalive=2)
FAULTS: list[dict[str, Any]] = [
    {},
    {"reset_chance": 0.002},
    {"reset_chance": 0.02},
    {"reset_after_s": 1.5},
    {"reset_after_bytes": 200_000},
    {"silent_after_s": 3.0},
    {"silent_after_bytes": 300_000},
    {"max_sessions": 3},
    {"max_sessions": 1, "session_refusal_code": 1},
    {"max_sessions": 5, "reset_chance": 0.005},
    {"max_startups": 1},
    {"max_connections": 2, "drop": "close"},
    {"banner_delay_s": 0.5, "reset_after_s": 2.0},
    {"round_trip_s": 0.03, "max_sessions": 8},
    {"rekey_after_bytes": 50_000},
    {"rekey_after_s": 0.3, "reset_chance": 0.002},
    {"window_bytes": 4096},
]


class Round:
    """One server, one pool, and what became of each command."""

    def __init__(self, pool: ClientPool, folder: Path, seed: int, killers: float) -> None:
        self.pool = pool
        self.folder = folder
        self.ledger = folder / "ledger"
        self.ledger.touch()
        self.seed = seed
        self.killers = killers
        self.numbers = iter(range(1, 1 << 60))
        self.lock = threading.Lock()
        self.kinds: collections.Counter[str] = collections.Counter()
        self.said: list[tuple[str, bool, bool, int]] = []
        """Number, whether it ended well, whether it may have started, how often it was tried."""
        self.wrong: list[str] = []

    def command(self, then: str = "") -> tuple[str, str]:
        with self.lock:
            number = f"n{next(self.numbers)}n"
        return number, f"echo {number} >> {self.ledger}; echo {number}; {then}"

    def note(self, number: str, outcome: Any, *, attempts: int = 1) -> None:
        kind = type(outcome).__name__
        if isinstance(outcome, SafeError) and (not outcome.host or not outcome.phase):
            self.wrong.append(f"{kind} without host or phase: {outcome!r}")
        started = not isinstance(outcome, SafeError) or (isinstance(outcome, CommandError) and outcome.may_have_started)
        with self.lock:
            self.kinds[kind] += 1
            self.said.append((number, not isinstance(outcome, BaseException), started, attempts))

    # -- what threads do

    def run(self, dice: random.Random) -> None:
        number, command = self.command(f"head -c {dice.choice([0, 100, 200_000])} /dev/zero")
        safe = dice.random() < 0.5
        try:
            result = self.pool.run(command, retry_safe=safe, total_timeout=20)
        except SafeError as error:
            self.note(number, error, attempts=3 if safe else 1)
            return
        if not result.text.startswith(f"{number}\n"):
            self.wrong.append(f"{number} printed {result.stdout[:40]!r}")
        self.note(number, result, attempts=result.attempts)

    def time_out(self, dice: random.Random) -> None:
        number, command = self.command("sleep 30")
        try:
            result = self.pool.run(command, timeout=dice.uniform(0.05, 0.4), total_timeout=20)
            self.note(number, result)
            self.wrong.append(f"{number} slept 30 s in no time: {result!r}")
        except SafeError as error:
            self.note(number, error)

    def cancel(self, dice: random.Random) -> None:
        number, command = self.command("sleep 30")
        future = self.pool.submit(command, total_timeout=20)
        time.sleep(dice.uniform(0, 0.2))
        if future.cancel():
            ending = future.ending(30)
            with self.lock:
                self.kinds[f"cancelled, {ending.value}"] += 1
                self.said.append((number, False, ending is not Ending.NOT_STARTED, 1))
            return
        self.note(number, future.exception(30) or future.result())

    def stream(self, dice: random.Random) -> None:
        number, command = self.command("head -c 300000 /dev/zero; sleep 30")
        enough = dice.randrange(1, 400_000)
        try:
            with self.pool.stream(command, total_timeout=20) as stream:
                for chunk in stream:
                    enough -= len(chunk.data)
                    if enough <= 0:
                        break
            outcome: Any = "left early"
        except SafeError as error:
            outcome = error
        self.note(number, outcome)

    def copy(self, dice: random.Random) -> None:
        source = self.folder / f"source-{threading.get_ident()}-{dice.random()}"
        source.write_bytes(dice.randbytes(dice.choice([0, 1000, 700_000])))
        target, back = Path(f"{source}-there"), Path(f"{source}-back")
        try:
            if self.pool.upload(source, str(target)).ok and target.read_bytes() != source.read_bytes():
                self.wrong.append("an upload differs")
            if target.exists() and self.pool.download(str(target), back).ok:
                if back.read_bytes() != source.read_bytes():
                    self.wrong.append("a download differs")
            kind = "copied"
        except SafeError as error:
            kind = f"copy: {type(error).__name__}"
        with self.lock:
            self.kinds[kind] += 1

    def borrow(self, dice: random.Random) -> None:
        try:
            if dice.random() < 0.5:
                with self.pool.client(timeout=10) as client:
                    client.exec_command("true", timeout=5)[1].read()
            else:
                with self.pool.sftp(timeout=10) as sftp:
                    sftp.get_channel().settimeout(5)
                    sftp.listdir(str(self.folder))
            kind = "borrowed"
        except Exception as error:  # Paramiko's own errors are what a borrower of Paramiko's objects gets
            kind = f"borrow: {type(error).__name__}"
        with self.lock:
            self.kinds[kind] += 1

    def kill_runner(self, dice: random.Random) -> None:
        try:
            result = self.pool.run("echo $PPID", total_timeout=20)
            if result.by_runner:
                os.kill(int(result.text), signal.SIGKILL)
            kind = f"a runner killed: {result.by_runner}"
        except SafeError as error:
            kind = f"kill: {type(error).__name__}"
        except ProcessLookupError:
            kind = "a runner gone"
        with self.lock:
            self.kinds[kind] += 1

    def work(self, worker: int, end: float) -> None:
        dice = random.Random(f"{self.seed} {worker}")
        deeds: list[Callable[[random.Random], None]] = [
            *([self.run] * 12),
            *([self.time_out, self.cancel, self.stream] * 2),
            self.copy,
            self.borrow,
            *([self.kill_runner] if dice.random() < self.killers else []),
        ]
        while time.monotonic() < end:
            deed = dice.choice(deeds)
            try:
                deed(dice)
            except (Exception, CancelledError) as error:
                self.wrong.append(f"{deed.__name__}: {type(error).__name__}: {error}")

    def judge(self) -> None:
        ran = collections.Counter(self.ledger.read_text().split())
        for number, well, started, attempts in self.said:
            times = ran.pop(number, 0)
            if times > attempts:
                self.wrong.append(f"{number} ran {times} times, {attempts} told")
            if well and not times:
                self.wrong.append(f"{number} is said to have run and did not")
            if times and not started:
                self.wrong.append(f"{number} is said not to have started and ran")
        if ran:
            self.wrong.append(f"nobody knows of {list(ran)[:5]}")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def settled(threads: int, files: int) -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        gc.collect()
        if threading.active_count() <= threads and descriptors() <= files:
            return ""
        time.sleep(0.05)
    names = [thread.name for thread in threading.enumerate()]
    return f"left: threads {names}, {descriptors()} descriptors instead of {files}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runner", action="store_true")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if args.runner:
        # The lab runs commands with /bin/sh whatever the account's shell is, which a runner does not take for sshd.
        text = runner._program().replace(b"account.pw_shell or", b"'/bin/sh' or")
        runner._program = lambda: text  # type: ignore[assignment]
    total: collections.Counter[str] = collections.Counter()
    wrong = 0
    end = time.monotonic() + args.seconds
    seed = args.seed
    while time.monotonic() < end:
        faults = FAULTS[seed % len(FAULTS)]
        with tempfile.TemporaryDirectory(prefix="paramedic-stress-") as name:
            with lab(Manners(seed=seed, **faults)) as server:
                threads, files = threading.active_count(), descriptors()
                pool = ClientPool(
                    server.host,
                    port=server.port,
                    username=server.user,
                    key_filename=server.key_file,
                    known_hosts=KnownHosts(server.known_hosts_file),
                    allow_agent=False,
                    look_for_keys=False,
                    connections=3,
                    limits=LIMITS,
                    runner=args.runner,
                )
                this = Round(pool, Path(name), seed, 0.2 * args.runner)
                workers = [
                    threading.Thread(target=this.work, args=(n, time.monotonic() + ROUND_S)) for n in range(THREADS)
                ]
                for worker in workers:
                    worker.start()
                for worker in workers:
                    worker.join(120)
                    if worker.is_alive():
                        this.wrong.append("a thread hangs")
                counts = pool.statistics()
                pool.close(cancel=True)
                left = settled(threads, files)
            if left:
                this.wrong.append(left)
            if counts.queued or counts.running > counts.cancelled:
                this.wrong.append(f"the pool still has work: {counts}")
            time.sleep(0.5)  # what was told to end has ended when the server is gone
            this.judge()
        total += this.kinds
        wrong += len(this.wrong)
        by = f", {counts.by_runner} by runners {counts.why_no_runner}" if args.runner else ""
        print(f"seed {seed} {faults}: {sum(this.kinds.values())} deeds{by}, {len(this.wrong)} wrong", flush=True)
        for line in this.wrong[:10]:
            print("   ", line, flush=True)
        del this, pool
        seed += 1
    print(f"\n{sum(total.values())} deeds, {wrong} wrong")
    for kind, count in total.most_common():
        print(f"{count:8} {kind}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
