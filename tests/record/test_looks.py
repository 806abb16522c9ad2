"""Which functions have waited by looking again and again, by their code."""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from paramedic.record.looks import has_looked, loops


def _sleeps_until_there_are(results: list[int]) -> None:
    while len(results) < 3:
        time.sleep(0.1)


def _sleeps_in_the_middle(done: Any) -> int:
    while True:
        if done:
            break
        time.sleep(0.1)
    return 1


def _returns_from_its_middle(done: Any) -> None:
    while True:
        time.sleep(0.1)
        if done:
            return


def _has_a_deadline(done: Any) -> None:
    end = time.monotonic() + 3
    while not done and time.monotonic() < end:
        time.sleep(0.1)


def _waits_for_something_else(done: Any, stop: Any) -> None:
    while not done:
        stop.wait(0.1)


async def _sleeps_in_a_task(done: Any) -> None:
    import asyncio

    while not done:
        await asyncio.sleep(0.1)


def _sleeps_once(done: Any) -> None:
    time.sleep(1)


def _sleeps_after_each(done: Any) -> None:
    for one in done:
        if one:
            print(one)
        time.sleep(0.1)


def _sleeps_for_ever(done: Any) -> None:
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        pass


def _tries_again(connects: Any) -> Any:
    for connect in connects:
        try:
            return connect()
        except OSError:
            time.sleep(1)
    return None


def _tries_again_and_gives_up(connect: Any) -> None:
    for attempt in range(3):
        try:
            connect()
            break
        except OSError:
            if attempt == 2:
                raise
            time.sleep(1)
    print("connected")


def _looks_some_times(done: Any) -> None:
    for _ in range(50):
        if len(done) == 2:
            break
        time.sleep(0.1)
    print("done")


def _looks_some_times_or_fails(done: Any) -> None:
    for _ in range(50):
        time.sleep(0.1)
        if done:
            return
    raise TimeoutError


def _works_in_a_loop(jobs: Any) -> None:
    while jobs:
        jobs.pop()()


@pytest.mark.parametrize(
    "function",
    [
        _sleeps_until_there_are,
        _sleeps_in_the_middle,
        _returns_from_its_middle,
        _has_a_deadline,
        _waits_for_something_else,
        _sleeps_in_a_task,
        _looks_some_times,
        _looks_some_times_or_fails,
    ],
)
def test_a_loop_that_rests_until_something_is_so_looks(function: Callable[..., Any]) -> None:
    assert loops(function.__code__)


@pytest.mark.parametrize(
    "function",
    [_sleeps_once, _sleeps_after_each, _sleeps_for_ever, _tries_again, _tries_again_and_gives_up, _works_in_a_loop],
)
def test_what_only_rests_or_only_loops_does_not_look(function: Callable[..., Any]) -> None:
    assert not loops(function.__code__)


class _Worker:
    def __init__(self) -> None:
        self.results = [1, 2, 3]

    def wait_done(self) -> None:
        while len(self.results) < 3:
            time.sleep(0.1)


def _frame() -> FrameType:
    return sys._getframe(1)


def _looked_here() -> bool:
    results = [1]
    while len(results) < 1:
        time.sleep(0.1)
    return has_looked(_frame())


def _looked_in_a_function() -> bool:
    _sleeps_until_there_are([1, 2, 3])
    return has_looked(_frame())


def _looked_in_a_method() -> bool:
    worker = _Worker()
    worker.wait_done()
    return has_looked(_frame())


def _caller_looked() -> bool:
    _has_a_deadline(True)
    return _asks()


def _asks() -> bool:
    return has_looked(_frame())


def _looks_afterwards() -> bool:
    answer = has_looked(_frame())
    _has_a_deadline(True)
    while not time.monotonic():
        time.sleep(0.1)
    return answer


def _only_slept() -> bool:
    time.sleep(0)
    return has_looked(_frame())


@pytest.mark.parametrize("function", [_looked_here, _looked_in_a_function, _looked_in_a_method, _caller_looked])
def test_what_was_called_after_a_look_is_known(function: Callable[[], bool]) -> None:
    assert function()


@pytest.mark.parametrize("function", [_looks_afterwards, _only_slept])
def test_looks_that_come_later_or_are_none_do_not_count(function: Callable[[], bool]) -> None:
    assert not function()


class _Thing:
    def rest(self) -> None:
        time.sleep(0)


def _lets_go_after_the_call() -> tuple[bool, object]:
    thing = _Thing()
    thing.rest()
    known = weakref.ref(thing)
    answer = has_looked(_frame())
    del thing
    return answer, known()


def test_what_a_function_lets_go_of_after_the_call_does_not_live_on() -> None:
    assert _lets_go_after_the_call() == (False, None)


def test_what_a_function_knows_of_its_variables_stays() -> None:
    thing = _Thing()
    thing.rest()
    known = locals()
    assert not has_looked(_frame())
    assert known["thing"] is thing


def test_code_is_kept_as_long_as_what_was_found_for_it() -> None:
    code = compile("while not done:\n    time.sleep(1)\n", "app.py", "exec")
    alive = weakref.ref(code)
    assert loops(code)
    del code
    assert alive() is not None  # or another one would get its id, and what was found with it
    for n in range(6_000):
        loops(compile(f"name{n} = 1\n", "app.py", "exec"))
    assert alive() is None
