"""Semaphores of one that are taken and let go as locks are: their order, and when they are signals and have none."""

from __future__ import annotations

import pytest
from notation import findings_of, said

BOTH = """
    A: acquire semb1
    A: recv ch1
    A: acquire semb2
    A: release semb2
    A: release semb1
"""
OTHER = """
    B: acquire semb2
    B: recv ch2
    B: acquire semb1
    B: release semb1
    B: release semb2
"""
ORDERS = "lock-order-inversion possible"

FOUND = {
    "two orders that did not meet": BOTH + OTHER,
    "with a lock": BOTH.replace("acquire semb2", "take L").replace("release semb2", "free L")
    + OTHER.replace("acquire semb2", "take L").replace("release semb2", "free L"),
    "a signal that is another thing": BOTH + "A: acquire semb3\nB: release semb3\n" + OTHER,
    "that the one came through a semaphore after the other is luck": BOTH
    + "A: acquire semb3\nA: release semb3\nB: acquire semb3\nB: release semb3"
    + OTHER,
}


@pytest.mark.parametrize("name", FOUND)
def test_opposite_orders_are_told(name: str) -> None:
    assert ORDERS in set(said(findings_of(FOUND[name])))


QUIET = {
    "one order": BOTH + BOTH.replace("A:", "B:"),
    "one after the other's end": "Main: start A\n" + BOTH + "A: ends\nMain: join A\nMain: start B\n" + OTHER,
    "a gate": "".join(f"{who}: take L{lines}{who}: free L\n" for who, lines in (("A", BOTH), ("B", OTHER))),
    "a gate that is a semaphore": "".join(
        f"{who}: acquire semb3{lines}{who}: release semb3\n" for who, lines in (("A", BOTH), ("B", OTHER))
    ),
    "with a limit": BOTH + OTHER.replace("acquire semb1", "acquire semb1 (5000)"),
    "one is a signal, as shows later": BOTH + OTHER + "A: acquire semb1\nB: release semb1\n",
    "one is a signal, as shows before": "A: acquire semb1\nB: release semb1\n" + BOTH + OTHER,
    "one that may be taken twice": BOTH.replace("semb1", "sem1") + OTHER.replace("semb1", "sem1"),
    "turns": BOTH + "A: put q x\nB: get q x\n" + OTHER,
}


@pytest.mark.parametrize("name", QUIET)
def test_what_cannot_meet_is_not(name: str) -> None:
    assert ORDERS not in set(said(findings_of(QUIET[name])))


UNDER = "{0}: acquire semb\n{0}: stat sftp\n{0}: release semb\n"
SHARED = {
    "each use under it": (UNDER.format("A") + UNDER.format("B"), False),
    "by turns": ("Main: acquire semb\nA: stat sftp\nA: release semb\nB: acquire semb\nB: stat sftp", False),
    "a dialogue under it, with a lock for each call": (
        "".join(
            f"{w}: acquire semb\n{w}: take L\n{w}: send ch\n{w}: free L\n{w}: take L\n{w}: recv ch\n{w}: free L\n"
            f"{w}: release semb\n"
            for w in "ABAB"
        ),
        False,
    ),
}


@pytest.mark.parametrize("locks_order", [True, False])
@pytest.mark.parametrize("name", SHARED)
def test_it_keeps_apart_what_is_done_under_it(name: str, locks_order: bool) -> None:
    story, told = SHARED[name]
    found = {f for f in said(findings_of(story, locks_order)) if f.startswith("shared")}
    assert bool(found) is told
