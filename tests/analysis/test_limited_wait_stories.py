"""Waits for a lock that have a timeout: a try is none, a long one or one in rounds is like any other."""

from __future__ import annotations

import pytest
from notation import findings_of, said

FOUND: dict[str, tuple[str, str]] = {
    "two threads that wait for each other's lock, one of them for a minute at most": (
        "lock-order-inversion observed",
        """
        A: take L1
        B: take L2
        A: wait L2 60000
        B: wait L1
        … 5 s
        end: 3""",
    ),
    "two threads that wait for each other's lock until one gives up": (
        "lock-order-inversion observed",
        """
        A: take L1
        B: take L2
        A: wait L2 3000
        B: wait L1 4000
        … 3 s
        A: gave-up L2
        A: free L1
        B: got L1
        B: free L1
        B: free L2
        end: orderly""",
    ),
    "two threads that wait for each other's lock in rounds": (
        "lock-order-inversion observed",
        """
        A: take L1
        B: take L2
        A: wait L2 1000
        B: wait L1 1000
        … 1 s
        A: gave-up L2
        A: wait L2 1000
        B: gave-up L1
        B: wait L1 1000
        … 1 s
        A: gave-up L2
        A: wait L2 1000
        B: gave-up L1
        B: wait L1 1000
        … 1 s
        end: 3""",
    ),
    "two locks in two orders, of which one is waited for up to a minute": (
        "lock-order-inversion possible",
        """
        A: take L1
        A: wait L2 60000
        A: got L2
        A: free L2
        A: free L1
        B: take L2
        B: wait L1 60000
        B: got L1
        B: free L1
        B: free L2""",
    ),
    "two locks in two orders, waited for in rounds that never met": (
        "lock-order-inversion possible",
        """
        A: take L1
        A: wait L2 100
        … 100 ms
        A: gave-up L2
        A: wait L2 100
        A: got L2
        A: free L2
        A: free L1
        B: take L2
        B: wait L1 100
        … 100 ms
        B: gave-up L1
        B: wait L1 100
        B: got L1
        B: free L1
        B: free L2""",
    ),
}
QUIET: dict[str, str] = {
    "two threads that wait for each other's lock for a short time, and step back": """
        A: take L1
        B: take L2
        A: wait L2 500
        B: wait L1 700
        … 500 ms
        A: gave-up L2
        A: free L1
        B: got L1
        B: free L1
        B: free L2
        A: take L1
        B: take L2
        A: wait L2 500
        B: wait L1 700
        … 500 ms
        A: gave-up L2
        A: free L1
        B: got L1
        B: free L1
        B: free L2
        A: take L1
        B: take L2
        A: wait L2 500
        B: wait L1 700
        … 500 ms
        A: gave-up L2
        A: free L1
        B: got L1
        B: free L1
        B: free L2
        A: take L1
        B: take L2
        A: wait L2 500
        B: wait L1 700
        … 500 ms
        A: gave-up L2
        A: free L1
        B: got L1
        B: free L1
        B: free L2
        A: take L1
        B: take L2
        A: wait L2 500
        B: wait L1 700
        … 500 ms
        A: gave-up L2
        A: free L1
        B: got L1
        B: free L1
        B: free L2
        A: take L1
        B: take L2
        A: wait L2 500
        B: wait L1 700
        … 500 ms
        A: gave-up L2
        A: free L1
        B: got L1
        B: free L1
        B: free L2
        end: orderly""",
}


@pytest.mark.parametrize("name", FOUND)
def test_a_wait_with_a_limit_may_be_part_of_a_circle(name: str) -> None:
    expected, story = FOUND[name]
    assert expected in list(said(findings_of(story)))


@pytest.mark.parametrize("name", QUIET)
def test_a_short_wait_with_a_way_back_is_a_try(name: str) -> None:
    assert list(said(findings_of(QUIET[name]))) == []
