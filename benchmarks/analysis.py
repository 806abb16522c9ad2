"""How fast a recording is read and judged, and how much memory that takes.

    python benchmarks/analysis.py [--events 300000] [--rounds 3] [--profile]
    python benchmarks/analysis.py --recording DIR... [--rounds 7]     recordings of programs of other shapes

A recording as `paramedic run` writes it: eight threads run commands on two connections, hand work over by a queue and
by futures, take locks, read output, poll, and use an SFTP client each. It is read and analysed at one and at ten
times the size. Printed are events per second of processor time, the ratio of the times, and the peak of Python's
memory.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from paramedic.check.recording import facts_of, judged
from paramedic.cli.main import COLLECTOR
from paramedic.model.event import FIRST_STREAM, Kind, State
from paramedic.model.operations import NUMBER, OPERATIONS
from paramedic.trace import writer as trace_writer
from paramedic.trace.layout import SUFFIX
from paramedic.trace.reader import open_trace
from paramedic.trace.writer import TraceWriter

WORKERS = 8
_STEP_NS = 3_000


class Synthetic:
    """Writes a recording with a clock of its own, switching between threads as a scheduler would."""

    def __init__(self, path: Path) -> None:
        self.now_ns = 1_000_000_000
        self.events = 0
        header = {"operations": list(OPERATIONS), "process": 1, "level": "check", "program": "synthetic"}
        trace_writer.monotonic_ns = self._clock  # `synthesise` puts the real one back
        self.writer = TraceWriter(str(path), header, 8 << 30)
        self._locals: dict[int, object] = {}
        self._objects = iter(range(1, 1 << 31)).__next__

    def _clock(self) -> int:
        self.now_ns += _STEP_NS
        return self.now_ns

    def as_thread(self, number: int) -> None:
        """The rows that follow are of this thread."""
        state = self.writer.current.local.__dict__
        self._locals[getattr(self, "_current", 0)] = state.get("chunk")
        chunk = self._locals.get(number)
        self._current = number
        if chunk is None:
            state.pop("chunk", None)
            self.writer.adopt_thread(number)
        else:
            state["chunk"] = chunk

    def row(self, kind: int, op: int = 0, obj: int = 0, site: int = 0, a: int = 0, b: int = 0) -> None:
        """One row of the current thread."""
        self.events += 1
        self.writer.row(int(kind), op, obj, site, a, b)

    def new(self, kind: str, site: int = 0, parent: int = 0, number: int = 0) -> int:
        """A new object."""
        ident = self._objects()
        self.row(Kind.NEW, NUMBER[f"{kind}.__init__"], ident, site, parent, number)
        return ident

    def call(self, name: str, obj: int, site: int, inside: Callable[[], None] | None = None, result: int = 0) -> None:
        """A call, and what happens inside it: one row, into which its end is stored."""
        self.events += 2
        chunk, place = self.writer.span(int(Kind.SPAN), NUMBER[name], obj, site)
        if inside is not None:
            inside()
        assert chunk is not None and place is not None
        chunk.sizes[place] = result
        chunk.ends[place] = self._clock()

    def opened(self, transport: int, number: int) -> int:
        """A new channel."""
        self.events += 3
        ident = self._objects()
        self.row(Kind.OPENED, 0, ident, 2 << 20, transport | number << 32, number)
        return ident

    def executed(
        self, client: int, site: int, transport: int, reader: int, worker: int, number: int
    ) -> tuple[int, int]:
        """A command that begins: its channel, and the first of its streams."""
        self.events += 3 + 2
        chunk, place = self.writer.span(int(Kind.SPAN), NUMBER["SSHClient.exec_command"], client, site)
        assert chunk is not None and place is not None
        self.as_thread(reader)
        channel = self.opened(transport, number)
        self.as_thread(worker)
        chunk.sizes[place] = first = FIRST_STREAM + 4 * channel
        chunk.ends[place] = self._clock()
        return channel, first

    def stack(self, line: int) -> int:
        """The text id of a stack of two frames."""
        frames = [self.writer.text(f"F\tapp.py\t{n}\twork") for n in (line, line // 10 * 10)]
        return self.writer.text("S " + " ".join(map(str, frames)))


def synthesise(path: Path, events: int) -> int:
    """Write a recording of about so many events; returns how many."""
    real = trace_writer.monotonic_ns
    made = Synthetic(path)
    try:
        made.as_thread(1)
        made.row(Kind.BEGIN, b=made.writer.text("MainThread"))
        sites = [made.stack(line) for line in range(10, 60)]
        connections = []
        for index in range(2):
            client, transport = made.new("SSHClient", sites[0]), 0

            def connect(index: int = index) -> None:
                nonlocal transport
                transport = made.new("Transport", sites[0])
                made.as_thread(2 + index)
                made.row(Kind.BEGIN, b=made.writer.text(f"Thread-{index}"))
                made.row(Kind.CALL, NUMBER["Transport.run"], transport)
                made.as_thread(1)

            made.call("SSHClient.connect", client, sites[0], connect)
            connections.append((client, transport, 2 + index))
        queue, lock, sftps = made.new("Queue", sites[1]), made.new("Lock", sites[1]), []
        workers = range(10, 10 + WORKERS)
        for worker in workers:
            made.row(Kind.START, site=sites[2], a=worker)
            made.as_thread(worker)
            made.row(Kind.BEGIN, b=made.writer.text(f"worker-{worker}"))
            channel = made.new("Channel")
            made.row(Kind.LINK, obj=channel, a=connections[0][1], b=100 + worker)
            sftps.append(made.new("SFTPClient", sites[3], channel))
            made.as_thread(1)
        number = 0
        while made.events < events:
            number += 1
            worker = workers[number % WORKERS]
            _task(made, sites, connections[number % 2], worker, queue, lock, sftps[worker - 10], number)
        made.as_thread(1)
        made.row(Kind.STATE, int(State.EXIT))
    finally:
        trace_writer.monotonic_ns = real
    return made.events


def _task(
    made: Synthetic, sites: list[int], connection: tuple[int, int, int],
    worker: int, queue: int, lock: int, sftp: int, number: int,
) -> None:  # fmt: skip
    client, transport, reader = connection
    token = 1_000_000 + number % 977 * 16
    made.as_thread(1)
    future = made.new("Future", sites[4])
    made.row(Kind.POST, obj=future, a=1)
    made.row(Kind.POST, obj=queue, a=token)
    made.as_thread(worker)
    made.call("Queue.get", queue, sites[5], lambda: made.row(Kind.TAKE, obj=queue, a=token))
    made.row(Kind.TAKE, obj=future, a=1)
    made.row(Kind.GOT, obj=lock, site=sites[6])
    made.row(Kind.FREE, obj=lock)
    channel, stdout = made.executed(client, sites[7], transport, reader, worker, number)

    def fed() -> None:
        made.as_thread(reader)
        for piece in range(3):
            made.row(Kind.FEED, 0, channel, a=4096 * (piece + 1), b=2 << 20)
        made.row(Kind.STATE, int(State.EXIT_STATUS), channel)
        made.row(Kind.WIRE, 96, transport, a=number, b=1)
        made.as_thread(worker)

    made.call("File.read", stdout, sites[8], fed, 12288)
    made.call("File.read", stdout + 1, sites[9])
    made.call("Channel.recv_exit_status", channel, sites[10])
    for _ in range(4):
        made.call("SFTPClient.stat", sftp, sites[11])
    made.row(Kind.WIRE, 97, transport, a=number)
    made.as_thread(reader)
    made.row(Kind.WIRE, 97, transport, a=number, b=1)
    made.as_thread(worker)
    made.row(Kind.FINAL, 0, channel, a=1)
    made.row(Kind.POST, obj=future, a=2)
    made.as_thread(1)
    made.call("Future.result", future, sites[12], lambda: made.row(Kind.TAKE, obj=future, a=2))


def written(path: Path, events: int) -> None:
    """Have a recording of about so many events written, in Python: the clock that C asks is not ours."""
    words = [sys.executable, __file__, "--write", str(path), "--events", str(events)]
    subprocess.run(words, check=True, env={**os.environ, "PARAMEDIC_CORE": "python"})


def analyse(path: Path) -> tuple[float, int, int]:
    """Seconds of processor time, events, findings above advice."""
    gc.collect()
    began = time.process_time()
    trace = open_trace(path)
    facts = facts_of(trace)
    found = [f for f in judged(facts, []) if f.confidence != "advice"]
    spent = time.process_time() - began
    trace.close()
    return spent, facts.events, len(found)


def others(files: list[Path], rounds: int) -> None:
    """The same for recordings that are there, in turns."""
    spent: dict[Path, list[float]] = {file: [] for file in files}
    for _ in range(rounds):
        for file in files:
            seconds, events, _ = analyse(file)
            spent[file].append(events / seconds)
    for file, rates in spent.items():
        print(f"{file.parent.name:20} median {statistics.median(rates):>9,.0f} events/s  best {max(rates):>9,.0f}")


def main() -> None:
    """Print the figures."""
    gc.set_threshold(*COLLECTOR)  # as the command does
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="where the time goes, instead of figures")
    parser.add_argument("--recording", nargs="+", type=Path, metavar="DIR", help="of `paramedic run --recording`")
    parser.add_argument("--write", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write:
        synthesise(args.write, args.events)
        return
    if args.recording:
        others([file for folder in args.recording for file in sorted(folder.glob(f"*{SUFFIX}"))], args.rounds)
        return
    with tempfile.TemporaryDirectory(prefix="paramedic-") as folder:
        small, large = Path(folder, f"small{SUFFIX}"), Path(folder, f"large{SUFFIX}")
        written(small, args.events)
        if args.profile:
            import cProfile
            import pstats

            analyse(small)
            with cProfile.Profile() as profile:
                analyse(small)
            pstats.Stats(profile).sort_stats("tottime").print_stats(30)
            return
        written(large, args.events * 10)
        analyse(small)
        times: dict[Path, list[float]] = {small: [], large: []}
        counts = {}
        for _ in range(args.rounds):
            for path, spent in times.items():
                seconds, events, found = analyse(path)
                spent.append(seconds)
                counts[path] = events
                assert not found, "the recording is one of a program without hazards"
        for path, spent in times.items():
            median = statistics.median(spent)
            print(
                f"{counts[path]:>9,} events  median {median:6.2f} s  {counts[path] / median:>9,.0f} events/s"
                f"  best {counts[path] / min(spent):>9,.0f}"
            )
        ratio = statistics.median(times[large]) / statistics.median(times[small])
        print(f"{counts[large] / counts[small]:.1f} times the events take {ratio:.1f} times as long")
        for path in times:
            tracemalloc.start()
            analyse(path)
            peak = tracemalloc.get_traced_memory()[1] / 1e6
            print(f"{counts[path]:>9,} events  peak of Python's memory {peak:.1f} MB")
            tracemalloc.stop()


if __name__ == "__main__":
    main()
