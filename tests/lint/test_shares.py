"""Work that is shared with forked processes: every item is done once as far as anybody can see, whatever happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from paramedic.lint.shares import CAN_FORK, in_processes

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="no fork here: one process does all")
PARENT = os.getpid()


def _all(work: Callable[[int], object], jobs: int, count: int = 40) -> dict[int, object]:
    done: dict[int, object] = {}
    for item, result in in_processes(work, range(count), jobs, lambda item: item):
        assert item not in done
        done[item] = result
    return done


@pytest.mark.parametrize("jobs", [1, 2, 3, 64])
def test_every_item_has_its_result(jobs: int) -> None:
    assert _all(lambda item: item * item, jobs) == {n: n * n for n in range(40)}


def test_the_work_is_really_shared() -> None:
    assert len(set(_all(lambda item: os.getpid(), 3).values())) == 3


def test_results_larger_than_a_pipe_come_through() -> None:
    assert _all(lambda item: bytes(300_000 + item), 2) == {n: bytes(300_000 + n) for n in range(40)}


def test_what_a_killed_child_did_not_answer_is_done_here() -> None:
    def work(item: int) -> int:
        if item == 17 and os.getpid() != PARENT:
            os.kill(os.getpid(), signal.SIGKILL)
        return item + 1

    assert _all(work, 4) == {n: n + 1 for n in range(40)}


def test_an_error_is_the_callers() -> None:
    def work(item: int) -> int:
        if item == 5:
            raise ValueError(item)
        return item

    with pytest.raises(ValueError, match="5"):
        _all(work, 3)


def test_who_stops_early_leaves_no_child_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[int] = []
    fork = os.fork

    def noting() -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", noting)
    results = in_processes(lambda item: item, range(40), 3, lambda item: 1)
    next(results)
    results.close()
    assert len(children) == 2
    for child in children:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)


def test_who_stops_early_waits_for_no_child_that_has_much_to_say() -> None:
    results = in_processes(lambda item: bytes(1_000_000), range(40), 3, lambda item: item)
    next(results)
    signal.alarm(30)  # a child whose pipe nobody reads any more, and nobody closes, writes for ever
    try:
        results.close()  # type: ignore[attr-defined]
    finally:
        signal.alarm(0)
