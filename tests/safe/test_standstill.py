"""Threads that wait for what they have themselves are told so; all others wait."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hosts import Host

from paramedic.safe import ClientPool, Group, Limits, PoolDeadlock, PoolTimeout, SafeError
from paramedic.safe import standstill as still
from paramedic.safe.dispatch import Dispatcher
from paramedic.safe.sink import Collector


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that other tests have left are not the program's: they would end nothing, and nobody can know that."""
    others = set(threading.enumerate()) - {threading.current_thread()}
    is_ours = still._is_ours
    monkeypatch.setattr(still, "_is_ours", lambda thread: thread in others or is_ours(thread))


# -- the judgement, with engines that say what the story says


class Engine:
    """A pool as the story has it: who has its sessions, and since when nothing is to be hoped for from them."""

    host = "web1"

    def __init__(self, *holders: tuple[threading.Thread, float], anybodys: bool = False) -> None:
        self.holders = tuple(still.Holder("a stream", thread, at, 0.0, anybodys) for thread, at in holders)
        self.queue: list[object] = []
        self.refused: dict[object, SafeError] = {}

    def standing(self, now: float) -> tuple[still.Holder, ...]:
        return self.holders if self.queue else ()

    def is_queued(self, request: object) -> bool:
        return request in self.queue

    def refuse(self, request: object, error: SafeError) -> bool:
        self.queue.remove(request)
        self.refused[request] = error
        return True

    def look_soon(self) -> None:
        """Nothing happens in a story by itself."""


def told(waits: list[tuple[str, list[tuple[str, str] | str], float]], has: dict[str, list[str]], late: str = "") -> Any:
    """Which requests ("thread's on pool") are refused, and whether there is to be another look."""
    threads = {name: threading.Thread(name=name) for name in "ABC"}
    pools = {name: Engine(*((threads[t], math.inf if t == late else 0.0) for t in has.get(name, []))) for name in "PQ"}
    for who, targets, deadline in waits:
        found: list[still.Target] = []
        for target in targets:
            if isinstance(target, str):
                found.append(threads[target])
            else:
                engine, state = pools[target[0]], target[1]
                request = f"{who} on {target[0]}" if state == "queued" else f"{who}'s, which runs"
                if state == "queued":
                    engine.queue.append(request)
                found.append((engine, request))
        still._WAITS[threads[who]] = still.Waiting(lambda found=found: found, deadline=deadline)  # type: ignore[misc]
    try:
        later = still.look()
    finally:
        for thread in threads.values():
            still._WAITS.pop(thread, None)
    return [request for engine in pools.values() for request in engine.refused], later is not None


Q, RUNS = ("P", "queued"), ("P", "runs")
NEVER = math.inf
STORIES: dict[str, tuple[Any, ...]] = {
    "a thread waits for what it has": (([("A", [Q], NEVER)], {"P": ["A"]}), ["A on P"]),
    "another thread has it, and works": (([("A", [Q], NEVER)], {"P": ["B"]}), []),
    "one of two that have something works": (([("A", [Q], NEVER)], {"P": ["A", "B"]}), []),
    "both wait: the last is told": (([("A", [Q], NEVER), ("B", [Q], NEVER)], {"P": ["A", "B"]}), ["B on P"]),
    "both wait: whose limit passes first is told": (
        ([("A", [Q], 5.0), ("B", [Q], NEVER)], {"P": ["A", "B"]}),
        ["A on P"],
    ),
    "one waits for a command that runs": (([("A", [Q], NEVER), ("B", [RUNS], NEVER)], {"P": ["A", "B"]}), []),
    "one of the things that it waits for runs": (([("A", [Q, RUNS], NEVER)], {"P": ["A"]}), []),
    "each has of one pool and waits for the other": (
        ([("A", [("Q", "queued")], NEVER), ("B", [Q], NEVER)], {"P": ["A"], "Q": ["B"]}),
        ["B on P"],
    ),
    "the other pool's holder works": (([("A", [("Q", "queued")], NEVER)], {"P": ["A"], "Q": ["C"]}), []),
    "it waits for a thread that waits for it": (([("A", ["B"], NEVER), ("B", [Q], NEVER)], {"P": ["A"]}), ["B on P"]),
    "it waits for a thread that works": (([("A", ["B", "C"], NEVER), ("B", [Q], NEVER)], {"P": ["A"]}), []),
    "nobody is known to have anything": (([("A", [Q], NEVER)], {}), []),
    "it waits for nothing that is left": (([("A", [], NEVER)], {"P": ["A"]}), []),
}


@pytest.mark.parametrize("story", STORIES)
def test_who_is_told(story: str) -> None:
    given, expected = STORIES[story]
    assert told(*given) == (expected, False)


def test_what_may_end_by_itself_is_looked_at_again() -> None:
    assert told([("A", [Q], NEVER)], {"P": ["A"]}, late="A") == ([], True)


@pytest.mark.parametrize(
    ("story", "others", "expected"),
    [
        ("no other thread is there that could end it", {}, (["me"], False)),
        ("another one is, and may end it", {"B": None}, ([], True)),
        ("another one is, and waits for the first", {"B": "A"}, (["me"], False)),
        ("only a thread of ours is there", {"paramedic-pool-1-clock": None}, (["me"], False)),
    ],
)
def test_what_any_thread_may_end(
    monkeypatch: pytest.MonkeyPatch, story: str, others: dict[str, str | None], expected: Any
) -> None:
    me = threading.Thread(name="A")
    engine = Engine((me, 0.0), anybodys=True)
    engine.queue.append("me")
    threads = {"A": me} | {name: threading.Thread(name=name) for name in others}
    monkeypatch.setattr(threading, "enumerate", lambda: list(threads.values()))
    waits = {me: still.Waiting(lambda: [(engine, "me")])}
    for name, target in others.items():
        if target is not None:
            waits[threads[name]] = still.Waiting(lambda target=target: [threads[target]])  # type: ignore[misc]
    monkeypatch.setattr(still, "_WAITS", waits)
    later = still.look()
    assert (list(engine.refused), later is not None) == expected, story


def _forget(pool: ClientPool) -> None:
    lent = pool.sftp()
    sftp = lent.__enter__()
    assert sftp.listdir("/")


def test_what_a_function_has_dropped_comes_back(narrow: ClientPool) -> None:
    _forget(narrow)
    assert narrow.run("true", timeout=20).ok


def _enter(stack: contextlib.ExitStack, pool: ClientPool) -> None:
    stack.enter_context(pool.sftp())


def test_a_client_that_an_executor_entered_by_itself_is_anybodys(narrow: ClientPool) -> None:
    lent = narrow.sftp()
    with ThreadPoolExecutor(1) as first:
        first.submit(lent.__enter__).result()
        for _ in range(20):  # its frames may have the place of the first one's
            (holding,) = narrow._dispatcher._loans
            assert first.submit(holding.is_anybodys).result()
        first.submit(lent.__exit__, None, None, None).result()


def test_a_client_that_was_handed_over_is_not_taken_for_one_that_its_first_thread_gives_back(
    narrow: ClientPool,
) -> None:
    # As asyncio programs do: entered on one thread of an executor, left on any.
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(1) as first:
        first.submit(_enter, stack, narrow).result()
        ran = first.submit(narrow.run, "echo ok")
        while not narrow.statistics().queued:
            assert not ran.done()
        stack.close()
        assert ran.result(60).text == "ok\n"


def test_a_stream_that_another_thread_closes_is_waited_for(narrow: ClientPool) -> None:
    with ThreadPoolExecutor(1) as first:
        stream = first.submit(narrow.stream, "head -c 9000000 /dev/zero").result()
        assert first.submit(stream.read).result(60)
        ran = first.submit(narrow.run, "echo ok")
        while not (standing := narrow._dispatcher.standing(0.0)) or standing[0].idle_since is None:
            assert not ran.done()
        assert still.look() is not None  # it is full, and the one who reads it waits
        monotonic = still.time.monotonic
        still.time.monotonic = lambda: monotonic() + 5  # type: ignore[assignment]
        try:
            still.look()
        finally:
            still.time.monotonic = monotonic
        assert not ran.done()
        stream.close()
        assert ran.result(60).text == "ok\n"


# -- pools


@pytest.fixture
def narrow(start_host: Callable[..., Host]) -> Iterator[ClientPool]:
    """One session in all."""
    with start_host("MaxSessions 1").pool(connections=1) as pool:
        yield pool


def _run(pool: ClientPool) -> Any:
    return pool.run("true")


USES: dict[str, Callable[[ClientPool], Any]] = {
    "run": _run,
    "map": lambda pool: list(pool.map(["true", "true"])),
    "result": lambda pool: pool.submit("true").result(),
    "stream": lambda pool: list(pool.stream("true")),
    "upload": lambda pool: pool.upload(__file__, "/tmp/"),
    "sftp": lambda pool: pool.sftp(None).__enter__(),
    "client": lambda pool: pool.client(None).__enter__(),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("lent", ["sftp", "client"])
def test_a_thread_that_waits_for_what_it_has_is_told(narrow: ClientPool, lent: str, use: str) -> None:
    with getattr(narrow, lent)(), pytest.raises(PoolDeadlock) as caught:
        USES[use](narrow)
    assert (caught.value.host, caught.value.phase) == (narrow.host, "queue")
    assert threading.current_thread().name in str(caught.value)
    assert caught.value.hint
    assert narrow.run("echo ok").text == "ok\n"


def test_so_is_one_that_takes_no_more_of_a_full_stream(narrow: ClientPool) -> None:
    with narrow.stream("head -c 9000000 /dev/zero") as stream, pytest.raises(PoolDeadlock, match="a stream"):
        next(iter(stream))
        narrow.run("true")


def test_what_a_stream_has_ended_is_free_for_its_reader(narrow: ClientPool) -> None:
    with narrow.stream("echo one; echo two") as stream:
        assert [narrow.run(f"echo {line.text}").text for line in stream.lines()] == ["one\n", "two\n"]


def test_a_stream_that_may_go_on_is_waited_for_as_long_as_the_limit_says(start_host: Callable[..., Host]) -> None:
    with start_host("MaxSessions 1").pool(connections=1, limits=Limits(acquire=0.5)) as pool:
        with pool.stream("exec tail -f /dev/null"), pytest.raises(PoolDeadlock, match="a stream"):
            pool.run("true")
        # And so is a holder that waits in a way of which the pool knows nothing.
        with ThreadPoolExecutor(1) as other, pool.sftp(), pytest.raises(PoolTimeout, match=r"0\.5 s"):
            other.submit(pool.run, "true").result()


def test_commands_and_copies_under_way_are_waited_for_without_that_limit(start_host: Callable[..., Host]) -> None:
    with start_host("MaxSessions 1").pool(connections=1, limits=Limits(acquire=0.05)) as pool:
        pool.submit("sleep 0.5")
        assert pool.run("echo ok").text == "ok\n"


def test_a_future_that_is_only_looked_at_may_wait(narrow: ClientPool) -> None:
    with narrow.sftp():
        future = narrow.submit("echo ok")
        with contextlib.suppress(TimeoutError):
            future.result(0.05)
    assert future.result().text == "ok\n"


def test_of_two_threads_that_wait_for_each_other_one_goes_on(start_host: Callable[..., Host]) -> None:
    barrier = threading.Barrier(2, timeout=60)

    def both(number: int) -> str:
        with pool.sftp():
            barrier.wait()
            try:
                return pool.run(f"echo {number}").text.strip()
            except PoolDeadlock:
                return "told"

    with start_host("MaxSessions 1").pool(connections=2) as pool, ThreadPoolExecutor(2) as threads:
        found = sorted(threads.map(both, range(2)))
    assert found[1] == "told"
    assert found[0] in ("0", "1")


def test_a_pool_that_is_closed_by_the_thread_that_holds_it_up_closes(start_host: Callable[..., Host]) -> None:
    pool = start_host("MaxSessions 1").pool(connections=1)
    with pool.sftp():
        futures = [pool.submit("true") for _ in range(3)]
        pool.close()
    assert all(isinstance(future.exception(), PoolDeadlock) for future in futures)


def test_a_group_tells_it_for_each_host(start_host: Callable[..., Host]) -> None:
    host = start_host("MaxSessions 1")
    with Group([host.server.host], **host.arguments()) as group:
        with group.pool(host.server.host).sftp():
            ran = group.run(["true", "true"])
            copied = group.upload(__file__, "/tmp/")
        assert [type(outcome.error) for outcome in (*ran, *copied.outcomes)] == [PoolDeadlock] * 3
        assert group.run("true").ok


def test_a_command_on_its_way_to_the_queue_waits_for_nobody(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    # The main thread's are handed over: it waits already when another thread puts them there.
    real = Dispatcher._enqueue

    def slowly(self: Dispatcher, tasks: Any) -> None:
        begun.set()
        assert go_on.wait(60)
        real(self, tasks)

    begun, go_on = threading.Event(), threading.Event()
    with host.pool(connections=1) as pool, ThreadPoolExecutor(2) as others:
        with pool.sftp():
            borrowed = others.submit(pool.client(timeout=60).__enter__)
            while not pool._dispatcher.has_borrowers():
                threading.Event().wait(0.001)
            monkeypatch.setattr(Dispatcher, "_enqueue", slowly)
            task = pool._task("echo ok", Collector(), None, None, None, None, False, False, None)
            soon = others.submit(pool._dispatcher.enqueue_soon, task)
            assert begun.wait(60)
            with still.Waiting(task.future.waits_for):
                assert not borrowed.done()
                go_on.set()
                assert task.future.result(60).text == "ok\n"
            soon.result(60)
        assert borrowed.result(60) is not None


def test_who_waits_for_a_client_does_not_hold_up_who_must_give_one_back(host: Host) -> None:
    waits = threading.Event()

    def borrow() -> bytes:
        assert waits.wait(60)
        with pool.client() as client:
            return bytes(client.exec_command("echo client")[1].read())

    with host.pool(connections=1) as pool, ThreadPoolExecutor(1) as other:
        with pool.sftp():
            borrowed = other.submit(borrow)
            waits.set()
            while not pool._dispatcher.has_borrowers():
                threading.Event().wait(0.001)
            assert pool.run("echo command").text == "command\n"
            with pool.sftp():
                pass
        assert borrowed.result(60) == b"client\n"


def test_what_takes_long_holds_nobody_up_while_there_may_be_more(host: Host) -> None:
    for connections, commands in ((1, 9), (2, 12)):
        with host.pool(connections=connections) as pool:
            for _ in range(commands):
                pool.submit("exec sleep 300")
            assert pool.run("echo ok").text == "ok\n"
            assert pool.statistics().running == commands
            pool.close(cancel=True)


def test_an_input_that_asks_for_the_session_that_it_feeds_is_told(host: Host) -> None:
    with host.pool(connections=1, sessions=1, limits=Limits(acquire=0.5)) as pool:

        def words() -> Iterator[bytes]:
            yield pool.run("echo in time").stdout  # asked for before the command that it is for has its session

        try:
            result = pool.run("cat", input=words())
        except SafeError as error:
            assert isinstance(error.__cause__, PoolDeadlock)
        else:
            assert result.text == "in time\n"  # on a slow machine it came first, and was done by then
        assert pool.run("true").ok
