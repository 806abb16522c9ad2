"""What is known of other threads is the same however it is kept: as past and news, or as one dictionary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.analysis import clocks
from paramedic.analysis.clocks import ThreadClock

THREADS = range(6)
STEPS = st.lists(st.tuples(st.sampled_from(THREADS), st.sampled_from(THREADS), st.booleans()), max_size=60)


class Plain:
    """One thread's clock, with a dictionary for each order."""

    def __init__(self, thread: int) -> None:
        self.thread, self.clock = thread, 1
        self.full: dict[int, int] = {}
        self.weak: dict[int, int] = {}

    def learn(self, other: Plain, deliberate: bool) -> None:
        for mine, theirs in ((self.full, other.full), *([(self.weak, other.weak)] if deliberate else [])):
            for thread, clock in (*theirs.items(), (other.thread, other.clock)):
                mine[thread] = max(clock, mine.get(thread, 0))
        other.clock += 1


@pytest.mark.parametrize("most_news", [0, 2, 48])
@given(steps=STEPS)
def test_threads_know_what_they_were_told(most_news: int, steps: list[tuple[int, int, bool]]) -> None:
    kept = clocks._MOST_NEWS
    clocks._MOST_NEWS = most_news
    try:
        real = [ThreadClock(t, {}) for t in THREADS]
        plain = [Plain(t) for t in THREADS]
        for giver, taker, deliberate in steps:
            if giver == taker:
                continue
            real[taker].learn(real[giver].stamp() if deliberate else real[giver].lock_stamp())
            plain[taker].learn(plain[giver], deliberate)
    finally:
        clocks._MOST_NEWS = kept
    for mine, model in zip(real, plain, strict=True):
        for thread in THREADS:
            if thread != mine.thread:
                assert mine.full_known.of(thread) == model.full.get(thread, 0)
                assert mine.weak_known.of(thread) == model.weak.get(thread, 0)


def test_who_has_retired_is_known_to_all_who_learn_anything_afterwards() -> None:
    retired: dict[int, int] = {}
    one, two = ThreadClock(1, retired), ThreadClock(2, retired)
    one.learn(ThreadClock(9, retired).stamp())
    assert one.full_known.has((9, 1))
    retired[9] = 1
    for thread in range(100, 200):
        one.learn(ThreadClock(thread, retired).stamp())
    assert one.full_known.has((9, 1))
    assert not one.full_known.of(9), "it was forgotten"
    two.learn(one.stamp())
    assert two.full_known.has((9, 1))


def test_of_a_recording_without_hand_overs_every_moment_before_is_taken_to_be_known() -> None:
    seeing, blind = clocks.Clocks(), clocks.Clocks()
    blind.take_order_for_granted()
    for both, known in ((seeing, False), (blind, True)):
        before = both.of(1).now
        both.of(1).stamp()
        assert both.of(2).knows(before) is known
        both.start(1, 3)
        both.begin(3)
        assert both.of(3).knows(before)
