"""The program that the benchmark of the recorder observes: one of four jobs over SSH, a part each time it is told to.

    python benchmarks/recorder/program.py JOB SERVER.json [TOOL] < SHARES

Each line of its input is a share of the whole job (0.1: 100 commands); it does that much and prints one JSON object:
wall and CPU time of it (``wall_s``, ``cpu_s``), without imports, start and, but for ``connects``, the connection. TOOL
is one that is switched on inside a program: ``settrace``, ``log``, ``viztracer``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import paramiko

THREADS = 8
SFTP_THREADS = 4
FILE_BYTES = 4096
Server = dict[str, Any]
Job = Callable[[float], None]


def connect(server: Server) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server["known_hosts"])
    client.connect(
        server["host"],
        server["port"],
        server["user"],
        key_filename=server["key"],
        allow_agent=False,
        look_for_keys=False,
    )
    return client


def in_threads(count: int, work: Callable[[int], None]) -> None:
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@contextlib.contextmanager
def commands(server: Server) -> Iterator[Job]:
    """1,000 short commands by 8 threads over one connection, counted under a lock."""
    with connect(server) as client:

        def job(share: float) -> None:
            lock, statuses = threading.Lock(), []
            each = max(1, round(1000 * share) // THREADS)

            def work(_: int) -> None:
                for _ in range(each):
                    # stdin is held until the channel is closed: else Paramiko may send EOF after CLOSE
                    stdin, stdout, stderr = client.exec_command("true")
                    stdout.read()
                    stderr.read()
                    status = stdout.channel.recv_exit_status()
                    with lock:
                        statuses.append(status)
                    stdin.channel.close()

            in_threads(THREADS, work)
            assert statuses == [0] * (each * THREADS)

        yield job


@contextlib.contextmanager
def stdout(server: Server) -> Iterator[Job]:
    """100 MB of one command's output."""
    with connect(server) as client:

        def job(share: float) -> None:
            left = round(100 * share) * 1_000_000
            stdin, out, _ = client.exec_command(f"head -c {left} /dev/zero")
            while data := out.read(65536):
                left -= len(data)
            stdin.channel.close()
            assert left == 0

        yield job


@contextlib.contextmanager
def connects(server: Server) -> Iterator[Job]:
    """50 connections, one after the other."""

    def job(share: float) -> None:
        for _ in range(max(1, round(50 * share))):
            connect(server).close()

    yield job


@contextlib.contextmanager
def sftp(server: Server) -> Iterator[Job]:
    """1,000 files of 4 kB by 4 threads, each with an SFTP client of its own over one connection."""
    with tempfile.TemporaryDirectory() as folder, connect(server) as client:
        local = Path(folder) / "local"
        local.write_bytes(bytes(FILE_BYTES))

        def job(share: float) -> None:
            each = max(1, round(1000 * share) // SFTP_THREADS)

            def work(number: int) -> None:
                with client.open_sftp() as files:
                    for n in range(each):
                        files.put(str(local), f"{folder}/{number}-{n}")

            in_threads(SFTP_THREADS, work)
            assert len(list(Path(folder).iterdir())) >= each * SFTP_THREADS + 1

        yield job


JOBS = {"commands": commands, "stdout": stdout, "connects": connects, "sftp": sftp}


@contextlib.contextmanager
def tool(name: str) -> Iterator[None]:
    """One of the tools that a program switches on itself."""
    if name == "settrace":

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            return trace

        threading.settrace(trace)
        sys.settrace(trace)
        yield
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
    elif name == "log":
        with tempfile.TemporaryDirectory() as folder:
            paramiko.util.log_to_file(f"{folder}/paramiko.log", logging.DEBUG)
            yield
    elif name == "viztracer":
        from viztracer import VizTracer

        tracer = VizTracer(tracer_entries=2_000_000, verbose=0)
        tracer.start()
        yield
        tracer.stop()
    else:
        logging.disable(logging.CRITICAL)
        yield


def main() -> None:
    name, described, *tools = sys.argv[1:]
    with JOBS[name](json.loads(Path(described).read_text())) as job:
        job(0.02)  # the first of everything is paid for
        with tool(tools[0] if tools else ""):
            for share in sys.stdin:
                wall, cpu = time.perf_counter(), time.process_time()
                job(float(share))
                took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
                print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
