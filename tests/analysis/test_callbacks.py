"""What a transport's own thread waits for: a callback's wait is told, a socket's short one is not."""

from __future__ import annotations

import pytest

from paramedic.analysis.callbacks import Callbacks
from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Clocks
from paramedic.analysis.machine import NOWHERE
from paramedic.analysis.world import World

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("timeout_ms", "lasted_s", "told"),
    [(-1, 5, True), (9000, 5, True), (100, 5, False), (-1, 0.2, False)],
    ids=["a wait without end", "a long wait", "a short wait that a busy machine made long", "a wait that was short"],
)
def test_a_wait_on_the_transports_thread(timeout_ms: int, lasted_s: float, told: bool) -> None:
    world, clock = World({1: ""}), Clocks().of(7)
    world.thread(7).transport = 3
    callbacks = Callbacks(world, {})
    call = Call(7, "Condition.wait", 9, 1, 0, timeout_ms, 0, (), clock.now)
    callbacks.ended(call, NOWHERE, int(lasted_s * SECOND_NS))
    assert bool(callbacks.found()) == told
