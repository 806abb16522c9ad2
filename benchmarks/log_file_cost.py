"""What logging costs the threads that log: `paramedic.log_to_file` beside ``paramiko.util.log_to_file``.

    python benchmarks/log_file_cost.py [MESSAGES]

Four threads log as Paramiko does, once to a fast disk and once to one that takes 2 ms for each write (a network share,
a full queue of a busy disk). Prints how long a call of a logging thread takes, and the ratios of ours to Paramiko's.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko

import paramedic

THREADS = 4
SLOW_S = 0.002


class SlowFile:
    """A file whose every write takes its time."""

    def __init__(self, file: Any, delay_s: float) -> None:
        self._file = file
        self._delay_s = delay_s

    def write(self, text: str) -> int:
        time.sleep(self._delay_s)
        return int(self._file.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def calls_us(messages: int) -> list[float]:
    """How long each call took, in microseconds."""
    logger = paramiko.util.get_logger("paramiko.transport")
    taken: list[float] = []
    gate = threading.Barrier(THREADS)

    def work(number: int) -> None:
        mine = []
        gate.wait()
        for n in range(messages // THREADS):
            start = time.perf_counter()
            logger.log(logging.DEBUG, f"[chan {n}] EOF sent ({n})")
            mine.append((time.perf_counter() - start) * 1e6)
            if n % 20 == 0:
                time.sleep(0.001)  # threads do something besides logging
        taken.extend(mine)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def paramikos(path: Path, delay_s: float) -> Callable[[], None]:
    """Starts Paramiko's own; returns what ends it."""
    logger = logging.getLogger("paramiko")
    paramiko.util.log_to_file(str(path))
    handler = logger.handlers[-1]
    if delay_s:
        handler.stream = SlowFile(handler.stream, delay_s)  # type: ignore[attr-defined]
    return lambda: logger.removeHandler(handler)


def ours(path: Path, delay_s: float) -> Callable[[], None]:
    """Starts ours; returns what ends it."""
    log = paramedic.log_to_file(path)
    if delay_s:
        log._file.stream = SlowFile(log._file.stream, delay_s)
    return log.close


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("messages", type=int, nargs="?", default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, delay_s, count in (
            ("fast disk", 0.0, options.messages),
            ("slow disk", SLOW_S, options.messages // 20),
        ):
            median: dict[str, float] = {}
            worst: dict[str, float] = {}
            for who, start in (("paramiko", paramikos), ("paramedic", ours)):
                stop = start(Path(folder) / f"{who}-{delay_s}.log", delay_s)
                taken = sorted(calls_us(count))
                begun = time.perf_counter()
                stop()
                median[who], worst[who] = statistics.median(taken), taken[int(len(taken) * 0.99)]
                print(
                    f"{name}: {who:9s} median {median[who]:8.1f} us, 99 % under {worst[who]:8.1f} us, "
                    f"written {time.perf_counter() - begun:.2f} s later"
                )
            print(
                f"{name}: ours takes {median['paramedic'] / median['paramiko']:.2f} of Paramiko's time in the median, "
                f"{worst['paramedic'] / worst['paramiko']:.2f} in the 99th percentile"
            )


if __name__ == "__main__":
    main()
