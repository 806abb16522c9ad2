"""A program's functions that are called in the middle of anything: signals' handlers, and ``__del__``."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hosts import Host, collecting

import paramedic.safe
from paramedic.safe import ClientPool, PoolClosed
from paramedic.safe.plan import Plan
from paramedic.safe.signal_safe import SignalSafeLock

FOLDER = str(Path(paramedic.safe.__file__).parent)
TRACED = (FOLDER, "concurrent/futures/_base.py")


@pytest.fixture(autouse=True)
def on_the_main_thread() -> None:
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals' handlers run on the main thread only")


class TakenBy(SignalSafeLock):
    """A lock that knows who took it."""

    def __init__(self) -> None:
        self.threads: set[threading.Thread] = set()

    def __enter__(self) -> bool:  # type: ignore[override]
        self.threads.add(threading.current_thread())
        return self.acquire()


def stream(pool: ClientPool) -> None:
    with pool.stream("seq 3") as output:
        assert [line.text for line in output.lines()] == ["1", "2", "3"]


def lend(pool: ClientPool) -> None:
    with pool.sftp() as sftp:
        assert sftp.listdir("/")
        assert pool.run("true", timeout=60).ok
    with pool.client() as client:
        client.exec_command("true")


def cancel(pool: ClientPool) -> None:
    future = pool.submit("sleep 1000")
    future.cancel()
    future.ending(60)


DEEDS: dict[str, Callable[[ClientPool], object]] = {
    "run": lambda pool: pool.run("true", timeout=60),
    "submit": lambda pool: pool.submit("true", timeout=60).result(60),
    "map": lambda pool: list(pool.map(["true"] * 3, timeout=60)),
    "stream": stream,
    "lend": lend,
    "cancel": cancel,
    "statistics": lambda pool: (pool.statistics(), repr(pool)),
}


def test_the_main_thread_never_has_a_pools_lock(host: Host) -> None:
    pool = host.pool()
    lock = pool._dispatcher._lock = TakenBy()
    with pool:
        for deed in DEEDS.values():
            deed(pool)
        pool.upload(__file__, "/tmp/paramedic-handlers")
    assert len(lock.threads) > 1
    assert threading.main_thread() not in lock.threads


@contextlib.contextmanager
def stepping(step: Callable[[int], object]) -> Iterator[None]:
    """Calls ``step`` with its number after each step that this thread takes in our modules, and in those of futures."""
    steps = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal steps
        if not any(part in frame.f_code.co_filename for part in TRACED):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            steps += 1
            step(steps)
        return trace

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 looks only here whether anybody wants to see these
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.mark.parametrize(("what", "every"), [(what, 41 if what == "lend" else 7) for what in DEEDS])
def test_a_handler_may_use_the_pool_in_the_middle_of_anything(host: Host, what: str, every: int) -> None:
    with host.pool(connections=2) as pool, ThreadPoolExecutor(2) as others:
        DEEDS[what](pool)
        handled: list[int] = []

        def handler(step: int) -> None:
            if step % every == 0:
                assert pool.statistics().lost_connections == 0
                assert pool.run("true", timeout=60).ok
                handled.append(step)

        over = threading.Event()

        def work() -> None:
            while not over.is_set():
                assert pool.run("true", timeout=60).ok

        working = others.submit(work)
        try:
            with stepping(handler):
                DEEDS[what](pool)
        finally:
            over.set()
        working.result(60)
        assert len(handled) > 10


WAITS: dict[str, Callable[[ClientPool, str], object]] = {
    "run": lambda pool, command: pool.run(command, timeout=60),
    "result": lambda pool, command: pool.submit(command, timeout=60).result(60),
    "ending": lambda pool, command: pool.submit(f"trap '' TERM; {command}").end(60),
    "stream": lambda pool, command: list(pool.stream(command, timeout=60)),
    "callback": lambda pool, command: pool.submit(command, timeout=60).add_done_callback(lambda _: None),
    "close": lambda pool, command: (pool.submit(command, timeout=60), pool.close()),
}


@pytest.mark.parametrize("what", WAITS)
def test_a_handler_may_use_the_pool_when_what_it_interrupts_the_wait_for_comes(
    host: Host, tmp_path: Path, what: str
) -> None:
    # The reader must not wait for a lock of the thread that the handler runs on, which waits for the reader.
    last = 0
    done = 0
    for first in range(20, 2000, 40):
        flag = tmp_path / str(first)
        with host.pool(connections=1) as pool:
            pool.run("true")

            def handler(step: int, pool: ClientPool = pool, flag: Path = flag, first: int = first) -> None:
                nonlocal last, done
                last = step
                if step == first:
                    flag.touch()
                    done += 1
                    with contextlib.suppress(PoolClosed):
                        pool.run("sleep 0.05", timeout=60)

            later = threading.Timer(0.1, flag.touch)  # where it waits before that step comes
            later.start()
            with stepping(handler):
                WAITS[what](pool, f"while [ ! -e {flag} ]; do sleep 0.01; done; echo")
            later.join()
        if last < first:
            break
    assert done > 5


class Dropped:
    """What the garbage collector finds."""

    def __init__(self, deed: Callable[[], object]) -> None:
        self.itself = self
        self.deed = deed

    def __del__(self) -> None:
        self.deed()


def test_who_is_cancelled_by_the_garbage_collector_in_the_middle_of_a_decision_takes_nobody_elses_turn(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    with host.pool(connections=1, sessions=2) as pool:
        running = [pool.submit("sleep 0.3; echo ok") for _ in range(8)]
        dropped = [Dropped(running[-1].cancel)]
        decide, collected = collecting(dropped)
        monkeypatch.setattr(Plan, "decide", decide)
        assert collected.wait(60)
        assert [future.result(60).text for future in running[:-1]] == ["ok\n"] * 7
        assert running[-1].cancelled()
        assert running[-1].ending(60) is not None
        assert pool.run("echo ok", timeout=60).text == "ok\n"
        assert pool.statistics().lost_connections == 0


@pytest.mark.parametrize("name", ["finished", "connected"])  # called on the reader, and on the thread that connects
def test_a_pool_that_the_garbage_collector_closes_in_the_middle_of_anything_is_closed(
    host: Host, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    real = getattr(Plan, name)
    collected = threading.Event()

    def collect(plan: Plan, *args: Any, **kwargs: Any) -> Any:
        if dropped:
            dropped.clear()
            gc.collect()
            collected.set()
        return real(plan, *args, **kwargs)

    pool = host.pool(connections=1)
    dropped = [Dropped(pool.close)]
    with monkeypatch.context() as patch:
        patch.setattr(Plan, name, collect)
        running = [pool.submit("echo ok") for _ in range(20)]
        assert collected.wait(60)
        assert [future.result(60).text for future in running] == ["ok\n"] * 20  # close() waits for them
    with pytest.raises(PoolClosed):
        pool.run("true")
