"""How the receive window grows."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.safe.sink import STDERR, STDOUT, Collector
from paramedic.safe.window import Window

MB = 1 << 20
STORIES: dict[str, tuple[bool, float, list[tuple[float, int]], list[int]]] = {
    # grows, round trip, (seconds since the last, bytes taken) ..., what is granted
    "a quarter is given back at once": (True, 0.0001, [(0.01, MB)], [MB]),
    "less waits for more": (True, 0.0001, [(0.01, 100_000), (0.01, MB)], [0, MB + 100_000]),
    "a short line needs no more": (True, 0.0003, [(0.002, MB)] * 3, [MB] * 3),
    "over a long line it grows": (True, 0.1, [(0.05, MB)] * 3, [7 * MB, 0, 2 * MB]),
    "a slow server on a long line is not asked for more": (True, 0.1, [(1.0, MB)] * 3, [MB] * 3),
    "it does not grow where memory is bounded": (False, 0.1, [(0.05, MB)] * 3, [MB] * 3),
    "it stops growing at 32 MB": (
        True,
        10.0,
        [(0.001, MB), (0.001, 8 * MB), (0.001, 8 * MB)],
        [31 * MB, 8 * MB, 8 * MB],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_what_is_granted(story: str) -> None:
    grows, round_trip_s, steps, expected = STORIES[story]
    window = Window(2 * MB, grows=grows)
    now = 100.0
    assert window.opened(now, 0.0) == 0
    granted = []
    for after, count in steps:
        now += after
        granted.append(window.took(count, now, round_trip_s))
    assert granted == expected


def test_over_a_long_line_there_is_much_room_from_the_beginning() -> None:
    rooms = [Window(2 * MB, grows=True).opened(0.0, round_trip_s) for round_trip_s in (0.0003, 0.015, 0.02, 0.1, 3.0)]
    assert rooms == [0, 0, 5_000_000 - 2 * MB, 25_000_000 - 2 * MB, 30 * MB]
    assert Window(2 * MB).opened(0.0, 3.0) == 0  # where memory is bounded


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 4 * MB)), max_size=60), st.floats(0, 2), st.booleans())
def test_no_room_is_lost_or_made_up(steps: list[tuple[float, int]], round_trip_s: float, grows: bool) -> None:
    window = Window(2 * MB, grows=grows)
    now, open_bytes = 0.0, 2 * MB + window.opened(0.0, round_trip_s)
    for after, count in steps:
        now += after
        count = min(count, open_bytes)
        open_bytes += window.took(count, now, round_trip_s) - count
        # What the server may send is the window but for what we keep back, less than a quarter.
        assert window.size_bytes * 3 / 4 < open_bytes <= window.size_bytes <= 32 * MB


def test_what_is_collected_takes_little_more_memory_than_it_is_long() -> None:
    chunk = bytes(32_000)
    tracemalloc.start()
    try:
        collector = Collector()
        for _ in range(1000):
            collector.feed(STDOUT, bytes(chunk))
        collected = collector.collected(STDOUT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(collected) == 32_000_000
    assert peak < 1.2 * len(collected)
    assert collector.collected(STDERR) == b""
