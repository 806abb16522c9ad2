"""Tasks of event loops: told to hang where nothing is left that could wake one of them, and only there."""

from __future__ import annotations

import pytest
from notation import Story, said

from paramedic.analysis.run import RunFacts
from paramedic.check.recording import judged
from paramedic.lint.unset_events import UnsetEvents
from paramedic.model.event import (
    ASYNC_OURS,
    ASYNC_PUT,
    ASYNC_TASK_SHIFT,
    ASYNC_TOOK,
    ASYNC_WAITS,
    ENDS_PROGRAM,
    TASK_BITS,
    TICKS,
    Event,
    Kind,
    State,
    TaskWait,
)  # fmt: skip
from paramedic.model.operations import OPERATIONS

LOOP = "Main: run_forever loop …\n"
FAILED = """\
    Main: submit f1
    W: works ex 2
    W: run f1
    W: recv ch
    W: fail f1 "OSError: no"
"""
WORDS = {name.lower(): number for name, number in vars(TaskWait).items() if name.isupper()}


def findings(story: str, *tasks: str, live: bool = True, timer: str = "") -> set[str]:
    """What is said of a program whose main thread's loop rests with tasks like "get q" after the story, for 6 s."""
    told = Story(LOOP + story)
    if timer:
        guards = ENDS_PROGRAM if timer == "guard" else 0
        told._add(1, Kind.START, op=guards, a=99, b=told._text("Timer"))
        told._add(99, Kind.BEGIN, a=99, b=told._text("Thread-9"))
    for place, item in enumerate(t for t in tasks if t.startswith(("has", "gave"))):
        how = [ASYNC_PUT | ASYNC_OURS, ASYNC_TOOK, ASYNC_PUT, ASYNC_TOOK][: 4 if item == "gave q" else 2]
        for b in reversed(how):  # before anything has failed
            row = Event(1_000_000_000, 100 + place, told._thing("q"), 0, b, State.ASYNC_QUEUE, 1, Kind.STATE)
            told.events.insert(0, row)
    waits = [t for t in tasks if not t.startswith(("has", "gave"))]
    for number, task in enumerate(waits, 1):
        if task == "get q":
            b = ASYNC_WAITS | number << ASYNC_TASK_SHIFT
            told._add(1, Kind.STATE, op=State.ASYNC_QUEUE, obj=told._thing("q"), b=b)
    told._add(1, Kind.STATE, op=State.LOOP_RESTS, a=len(waits), b=1)
    for number, task in enumerate(waits, 1):
        word, _, thing = task.partition(" ")
        obj = told._thing(thing) if thing else 0
        told._add(1, Kind.STATE, op=State.TASK_WAITS, obj=obj, a=number | 0 << TASK_BITS, b=WORDS[word])
    facts = RunFacts(told.texts, list(OPERATIONS), 1)
    facts.live = live
    facts.feed_all(told.events, told.ended_ns + 6_000_000_000)
    gaps: list[object] = []
    found = judged(facts, gaps)  # type: ignore[arg-type]
    assert not gaps
    return set(said(found))


FOUND = {
    "a failed task keeps what it took from the pool": (FAILED, ("has q", "get q", "tasks"), "pool-drained"),
    "a pool from which all has been taken": ("", ("gave q", "get q", "tasks"), "pool-drained"),
    "a failed task keeps its slot": (FAILED, ("asked sem", "tasks"), "pool-drained"),
    "a failed task keeps the lock": (FAILED, ("lock L", "tasks"), "pool-drained"),
    "two tasks, two locks": ("", ("lock L1", "lock L2", "tasks"), "lock-order-inversion"),
    "a lock, and who goes on until Ctrl-C": ("", ("lock L1", "event ev"), "lock-order-inversion"),
    "a semaphore that is taken like a lock": ("", ("slot sem", "tasks"), "lock-order-inversion"),
    "the work of a queue is never done": (FAILED, ("join q", "get q"), "wait-without-timeout"),
    "nobody takes from a full queue": ("", ("put q", "tasks"), "wait-without-timeout"),
    "the producer failed": (FAILED, ("get q", "tasks"), "wait-without-timeout"),
    "another thread waits for the loop's": (
        "B: start C\n B: join C …\n C: get q2 …\n" + FAILED,
        ("lock L", "tasks"),
        "pool-drained",
    ),
}


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.parametrize("live", [True, False])
def test_told(name: str, live: bool) -> None:
    story, tasks, hazard = FOUND[name]
    assert f"{hazard} observed" in findings(story, *tasks, live=live)


QUIET = {
    "who waits until Ctrl-C comes": (FAILED, ("event ev",)),
    "… and has idle workers": (FAILED, ("event ev", "get q", "get q")),
    "… which were given something for good": (FAILED, ("has q", "get q", "event ev")),
    "idle workers, and nothing has failed": ("", ("get q", "tasks")),
    "a signal of another task's": ("", ("asked sem", "tasks")),
    "a thread is at work": (FAILED + "B: recv ch …\n", ("has q", "get q", "tasks", "lock L")),
    "a worker is": (FAILED + "Main: submit f2\n W: run f2\n", ("has q", "get q", "tasks", "lock L")),
    "another loop is": (FAILED + "B: run_forever loop2 …\n", ("has q", "get q", "tasks", "lock L")),
    "visitors may come": (FAILED + "Main: request_port_forward conn\n", ("has q", "get q", "tasks", "lock L")),
    "it is a server": (FAILED + "Main: start_server conn\n", ("has q", "get q", "tasks", "lock L")),
    "a handler of a signal may do it": (FAILED + "Main: handles stop\n", ("put q", "get q2", "tasks")),
}


@pytest.mark.parametrize("name", QUIET)
def test_not_told(name: str) -> None:
    story, tasks = QUIET[name]
    hangs = ("pool-drained", "lock-order-inversion", "wait-without-timeout")
    assert not [f for f in findings(story, *tasks) if f.startswith(hangs)]


def test_a_timer_may_wake_one_and_a_watchdog_does_not() -> None:
    assert "pool-drained observed" in findings(FAILED, "has q", "get q", "tasks", timer="guard")
    assert not findings(FAILED, "has q", "get q", "tasks", timer="cools down")


def test_a_thread_that_nobody_has_begun_may_be_at_work() -> None:
    told = Story(LOOP + FAILED)
    told._add(77, Kind.POST, obj=told._thing("loop"), a=-1)
    told._add(1, Kind.STATE, op=State.LOOP_RESTS, a=1, b=1)
    told._add(1, Kind.STATE, op=State.TASK_WAITS, obj=told._thing("L"), a=1, b=TaskWait.LOCK)
    for events, count in (told.events, 0), ([e for e in told.events if e.thread != 77], 1):
        facts = RunFacts(told.texts, list(OPERATIONS), 1)
        facts.live = True
        facts.feed_all(events, told.ended_ns + 6_000_000_000)
        assert len(facts.loop_rests.standing(facts)) == count


def test_a_loop_that_goes_on_hangs_no_more() -> None:
    told = Story(LOOP + FAILED)
    told._add(1, Kind.STATE, op=State.LOOP_RESTS, a=1, b=1)
    told._add(1, Kind.STATE, op=State.TASK_WAITS, obj=told._thing("L"), a=1, b=TaskWait.LOCK)
    told._add(1, Kind.STATE, op=State.LOOP_RESTS)
    facts = RunFacts(told.texts, list(OPERATIONS), 1)
    facts.live = True
    facts.feed_all(told.events, told.ended_ns + 6_000_000_000)
    assert not [f for f in judged(facts, []) if f.hazard == "lock-order-inversion"]


@pytest.mark.parametrize("was", [True, False])
def test_an_event_is_told_where_the_source_says_that_what_failed_was_to_set_it(
    was: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UnsetEvents, "was_to_be_set_by", lambda *_: was)
    assert ("wait-without-timeout observed" in findings(FAILED, "event ev")) is was
    assert "wait-without-timeout observed" not in findings("", "event ev"), "nothing has failed"
    handled = FAILED + "Main: handles stop\n"
    assert "wait-without-timeout observed" not in findings(handled, "event ev"), "a signal may set it"


@pytest.mark.parametrize("harmless", [True, False])
def test_a_heartbeat_is_no_way_out_and_a_timer_that_may_wake_somebody_is_one(harmless: bool) -> None:
    told = Story(LOOP + FAILED)
    told._add(1, Kind.STATE, op=State.LOOP_RESTS, a=3, b=TICKS)
    for number, what in enumerate((TaskWait.JOIN, TaskWait.TASKS, TaskWait.TIMER), 1):
        told._add(1, Kind.STATE, op=State.TASK_WAITS, obj=told._thing("q"), a=number, b=what)
    ends = Event(told.ended_ns, 0, told._thing("loop"), 0, 0, OPERATIONS.index("Loop.run_forever"), 1, Kind.RETURN)
    for events, expected in (told.events, harmless), ([*told.events, ends], False):
        facts = RunFacts(told.texts, list(OPERATIONS), 1)
        facts.live = True
        facts.loop_rests.only_ticks = lambda stack: harmless
        facts.feed_all(events, told.ended_ns + 6_000_000_000)
        found = [f for f in judged(facts, []) if f.hazard == "wait-without-timeout" and "nobody is left" in f.message]
        assert bool(found) is expected
        assert all("what sleeps" in f.message and "no timer" not in f.message for f in found)
