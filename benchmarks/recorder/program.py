"""The program that the benchmark of the recorder observes: one of four jobs over SSH, and how long it took.

    python benchmarks/recorder/program.py JOB SERVER.json SCALE [TOOL]

Prints one JSON object: wall and CPU time of the job itself (``wall_s``, ``cpu_s``), without imports and start. TOOL is
one that is switched on inside a program: ``settrace``, ``log``, ``viztracer``.
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


def commands(server: Server, scale: float) -> int:
    """1,000 short commands by 8 threads over one connection, counted under a lock."""
    lock, statuses = threading.Lock(), []
    each = max(1, int(1000 * scale) // THREADS)
    with connect(server) as client:

        def work(_: int) -> None:
            for _ in range(each):
                # stdin is held until the channel is closed: Paramiko may else send EOF after CLOSE (eof-after-close)
                stdin, stdout, stderr = client.exec_command("true")
                stdout.read()
                stderr.read()
                status = stdout.channel.recv_exit_status()
                with lock:
                    statuses.append(status)
                stdin.channel.close()

        in_threads(THREADS, work)
    assert statuses == [0] * (each * THREADS)
    return len(statuses)


def stdout(server: Server, scale: float) -> int:
    """100 MB of one command's output."""
    size = got = int(100 * scale) * 1_000_000
    with connect(server) as client:
        stdin, out, _ = client.exec_command(f"head -c {size} /dev/zero")
        while data := out.read(65536):
            got -= len(data)
        stdin.channel.close()
    assert got == 0
    return size


def connects(server: Server, scale: float) -> int:
    """50 connections, one after the other."""
    count = max(1, int(50 * scale))
    for _ in range(count):
        connect(server).close()
    return count


def sftp(server: Server, scale: float) -> int:
    """1,000 files of 4 kB by 4 threads, each with an SFTP client of its own over one connection."""
    each = max(1, int(1000 * scale) // SFTP_THREADS)
    with tempfile.TemporaryDirectory() as folder, connect(server) as client:
        local = Path(folder) / "local"
        local.write_bytes(bytes(FILE_BYTES))

        def work(number: int) -> None:
            with client.open_sftp() as files:
                for n in range(each):
                    files.put(str(local), f"{folder}/{number}-{n}")

        in_threads(SFTP_THREADS, work)
        assert len(list(Path(folder).iterdir())) == each * SFTP_THREADS + 1
    return each * SFTP_THREADS


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
    job, described, scale, *tools = sys.argv[1:]
    server: Server = json.loads(Path(described).read_text())
    JOBS[job](server, 0.02)  # the first of everything is paid for
    with tool(tools[0] if tools else ""):
        wall, cpu = time.perf_counter(), time.process_time()
        JOBS[job](server, float(scale))
        took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
