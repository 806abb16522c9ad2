"""Cycles in the order of locks are found in any graph, and a program of many ordered locks is not searched for long."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from paramedic.analysis import orders
from paramedic.analysis.orders import LONGEST

Pair = tuple[int, int]


def _found(pairs: list[Pair]) -> set[frozenset[int]]:
    """The locks of each cycle that is searched: of the paths, without the choice of one edge for each step."""
    successors = orders._trimmed(pairs)
    return {frozenset(path) for start in successors for path in orders._paths(start, successors)}


def _all(pairs: list[Pair]) -> set[frozenset[int]]:
    """By trying every order of every few locks."""
    there, locks = set(pairs), sorted({lock for pair in pairs for lock in pair})
    return {
        frozenset(ring)
        for length in range(2, LONGEST + 1)
        for ring in permutations(locks, length)
        if all(pair in there for pair in zip(ring, (*ring[1:], ring[0]), strict=True))
    }


@pytest.mark.parametrize("seed", range(30))
def test_no_cycle_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    locks = range(1, 8)
    pairs = sorted({(a, b) for a in locks for b in locks if a != b and chance.random() < 0.05 * (1 + seed % 6)})
    assert _found(pairs) == _all(pairs)


def test_what_leads_to_a_cycle_or_away_from_it_is_passed_over() -> None:
    assert orders._trimmed([(1, 2), (2, 3), (3, 4), (4, 3), (4, 5), (5, 6)]) == {3: [4], 4: [3]}


def test_locks_in_one_order_leave_nothing_to_search() -> None:
    """Each by each of the next thirty: 27,000 paths would begin at each of them, of which there may be thousands."""
    assert orders._trimmed([(lock, lock + step) for lock in range(3_000) for step in range(1, 31)]) == {}


def test_where_every_order_is_taken_only_short_cycles_are_searched() -> None:
    every = orders._trimmed([(a, b) for a in range(200) for b in range(200) if a != b])
    assert orders._longest(every) == 2
    assert orders._longest(orders._trimmed([(a, b) for a in range(20) for b in range(20) if a != b])) == LONGEST
    assert orders._longest({}) == LONGEST
