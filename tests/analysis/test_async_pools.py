"""Queues of an event loop's that serve as pools: told where nobody is left to put anything back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from paramedic.analysis.async_pools import AsyncPools, Moment
from paramedic.analysis.futures import Failed
from paramedic.model.event import ASYNC_OURS, ASYNC_PUT, ASYNC_TASK_SHIFT, ASYNC_TOOK, ASYNC_WAITS

POOL, CLIENT = 7, 100
S_NS = 1_000_000_000


def facts(**changes: Any) -> Any:
    """Of a program that gave itself up after 10 s, one of whose workers' tasks had failed."""
    told: dict[str, Any] = {"status": 3, "failed_ns": 2 * S_NS, "under_way": [], "orderly_end": False} | changes
    failed = {1: Failed(1, 2, "RuntimeError", told["failed_ns"])} if told["failed_ns"] else {}
    return SimpleNamespace(
        live=False, status=told["status"], ended_itself=True, end_ns=10 * S_NS,
        states=SimpleNamespace(orderly_end=told["orderly_end"]), futures=SimpleNamespace(failures=failed),
        loop_rests=SimpleNamespace(standing=lambda facts: []),
        open=SimpleNamespace(all=lambda: told["under_way"]), is_remote=lambda name: True,
    )  # fmt: skip


def pools(*steps: str) -> AsyncPools:
    """Tasks 1 and 2 put, take and wait, a second after another."""
    made = AsyncPools()
    for second, step in enumerate(steps, 1):
        verb, task = step.split()
        how = {"put": ASYNC_PUT | ASYNC_OURS, "takes": ASYNC_TOOK, "waits": ASYNC_WAITS}[verb]
        token = 0 if verb == "waits" else CLIENT
        made.changed(POOL, token, how | int(task) << ASYNC_TASK_SHIFT, Moment(1, 5, second * S_NS))
    return made


def test_a_task_that_waits_for_what_a_failed_one_took_is_told() -> None:
    (dry,) = pools("put 1", "takes 1", "waits 2").drained(facts(failed_ns=3 * S_NS))
    assert dry.queue == POOL and len(dry.waits) == len(dry.taken) == len(dry.failed) == 1


@pytest.mark.parametrize(
    ("steps", "changes"),
    [
        (("put 1", "takes 1", "waits 2", "put 1", "takes 2"), {}),
        (("put 1", "takes 1", "put 1", "waits 2"), {}),
        (("put 1", "takes 1", "waits 2"), {"failed_ns": 0}),
        (("put 1", "takes 1", "waits 2"), {"failed_ns": 1 * S_NS}),
        (("put 1", "takes 1", "waits 2"), {"status": 0}),
        (("put 1", "takes 1", "waits 2"), {"orderly_end": True}),
        (("put 1", "takes 1", "waits 2"), {"under_way": [SimpleNamespace(name="Channel.recv")]}),
    ],
    ids=[
        "it got one",
        "it is back",
        "nothing failed",
        "what failed was before",
        "a good end",
        "an orderly end",
        "work",
    ],
)
def test_nothing_else_is(steps: tuple[str, ...], changes: dict[str, Any]) -> None:
    assert pools(*steps).drained(facts(**{"failed_ns": 3 * S_NS, **changes})) == []
