"""Waits for a lock that have a timeout: a try is none, a long one or one in rounds is like any other."""

from __future__ import annotations

import pytest
from notation import findings_of, said

_EACH_HAS_ONE = "A: take L1\nB: take L2\n"
_STEPS_BACK = "A: gave-up L2\nA: free L1\nB: got L1\nB: free L1\nB: free L2\n"
_ASKS_AGAIN = "… 1 s\nA: gave-up L2\nA: wait L2 1000\nB: gave-up L1\nB: wait L1 1000\n"


def _both(who: str, first: str, second: str, asks: str) -> str:
    """Somebody takes two locks, the second as is said, and lets both go."""
    return f"{who}: take {first}\n{asks}{who}: got {second}\n{who}: free {second}\n{who}: free {first}\n"


def _asks_twice(who: str, lock: str) -> str:
    return f"{who}: wait {lock} 100\n… 100 ms\n{who}: gave-up {lock}\n{who}: wait {lock} 100\n"


FOUND: dict[str, tuple[str, str]] = {
    "two threads that wait for each other's lock, one of them for a minute at most": (
        "lock-order-inversion observed",
        _EACH_HAS_ONE + "A: wait L2 60000\nB: wait L1\n… 5 s\nend: 3",
    ),
    "two threads that wait for each other's lock until one gives up": (
        "lock-order-inversion observed",
        _EACH_HAS_ONE + "A: wait L2 3000\nB: wait L1 4000\n… 3 s\n" + _STEPS_BACK + "end: orderly",
    ),
    "two threads that wait for each other's lock in rounds": (
        "lock-order-inversion observed",
        _EACH_HAS_ONE + "A: wait L2 1000\nB: wait L1 1000\n" + _ASKS_AGAIN * 2 + "… 1 s\nend: 3",
    ),
    "two locks in two orders, of which one is waited for up to a minute": (
        "lock-order-inversion possible",
        _both("A", "L1", "L2", "A: wait L2 60000\n") + _both("B", "L2", "L1", "B: wait L1 60000\n"),
    ),
    "two locks in two orders, waited for in rounds that never met": (
        "lock-order-inversion possible",
        _both("A", "L1", "L2", _asks_twice("A", "L2")) + _both("B", "L2", "L1", _asks_twice("B", "L1")),
    ),
}
QUIET: dict[str, str] = {
    "two threads that wait for each other's lock for a short time, and step back": (
        (_EACH_HAS_ONE + "A: wait L2 500\nB: wait L1 700\n… 500 ms\n" + _STEPS_BACK) * 5 + "end: orderly"
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_wait_with_a_limit_may_be_part_of_a_circle(name: str) -> None:
    expected, story = FOUND[name]
    assert expected in list(said(findings_of(story)))


@pytest.mark.parametrize("name", QUIET)
def test_a_short_wait_with_a_way_back_is_a_try(name: str) -> None:
    assert list(said(findings_of(QUIET[name]))) == []
