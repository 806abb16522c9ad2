"""Calls that met are found without a look at each pair, and are those that a look at each pair finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from paramedic.analysis.calls import Call
from paramedic.analysis.overlaps import Times, met_by_others


def call(obj: int, thread: int, began_ns: int, lasted_ns: int) -> Call:
    made = Call(thread, "SSHClient.connect", obj, 0, began_ns, -1, 0, (), (thread, 1))
    made.ended_ns = began_ns + lasted_ns
    return made


def meet(one: Call, other: Call) -> bool:
    return one.began_ns <= other.ended_ns and other.began_ns <= one.ended_ns


CALLS = st.lists(st.builds(call, st.integers(1, 2), st.integers(1, 4), st.integers(1, 60), st.integers(0, 25)))


@given(CALLS)
def test_those_of_other_threads_on_the_same_object(calls: list[Call]) -> None:
    each_pair = {
        id(one) for one in calls
        if any(one.obj == other.obj and one.thread != other.thread and meet(one, other) for other in calls)
    }  # fmt: skip
    assert met_by_others(calls) == each_pair


@given(CALLS, CALLS)
def test_those_under_way_in_the_times_of_others(calls: list[Call], others: list[Call]) -> None:
    times = Times(others)
    assert [times.meet(one) for one in calls] == [any(meet(one, other) for other in others) for one in calls]
