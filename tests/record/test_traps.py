"""Which places a run with traps delays, and which it leaves alone."""

from __future__ import annotations

import gc
import threading
import weakref
from functools import partial

import pytest

from paramedic.check import DEFAULT_STALL_S
from paramedic.model.event import Kind
from paramedic.model.operations import NUMBER
from paramedic.record import traps
from paramedic.record.probe import CLOSE, EOF, PIPE, SEND
from paramedic.record.traps import ANYWHERE, CALL, COLLECT, FREED, LOCK, SIGN, Traps

USERS = "\n\ndef sends(probe):\n    probe()\n"
"""A program whose line 4 ends up in a probe."""


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays, which do not last."""
    found: list[float] = []
    monkeypatch.setattr(traps, "_sleep", found.append)
    return found


@pytest.mark.parametrize(
    ("kind", "line", "point", "delays"),
    [
        (EOF, 4, EOF, [0.5]),
        (EOF, 4, SEND, []),
        (SEND, 4, SEND, [0.5]),
        (SEND, 4, EOF, []),
        (SEND, 5, SEND, []),
        (SEND, 0, SEND, [0.5]),
        (EOF, 3, EOF, []),
        (PIPE, 4, PIPE, [0.025]),
        (PIPE, 4, CLOSE, []),
    ],
)
def test_what_is_held_back(kind: str, line: int, point: str, delays: list[float], slept: list[float]) -> None:
    place = "/home/me/app.py"
    app: dict[str, object] = {}
    exec(compile(USERS, place, "exec"), app)
    here = Traps([(kind, place if line else "", line)], 1, 0.5)
    app["sends"](partial(here.hold_back, point))  # type: ignore[operator]
    assert slept == delays


@pytest.mark.parametrize(("function", "delays"), [("sends", [0.2]), ("receives", [])])
def test_any_call_of_a_function(function: str, delays: list[float], slept: list[float]) -> None:
    app: dict[str, object] = {}
    exec(compile(USERS, "/home/me/app.py", "exec"), app)
    here = Traps([(f"within:{function}", "/home/me/app.py", 0)], 1, 0.5)
    app["sends"](partial(here.called, 7))  # type: ignore[operator]
    assert slept == delays


def test_a_signal_can_come_only_in_the_main_thread(slept: list[float]) -> None:
    here = Traps([(SEND, "", 0)], 1, 0.5)
    thread = threading.Thread(target=here.hold_back, args=(SEND,))
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert not slept


@pytest.mark.parametrize(("operation", "delays"), [("AgentKey.sign_ssh_data", [0.5]), ("SSHClient.connect", [])])
def test_a_key_of_an_agent_signs_slowly(operation: str, delays: list[float], slept: list[float]) -> None:
    recorded: list[tuple[int, ...]] = []
    row = Traps([(SIGN, "", 0)], 1, 0.5).around(lambda *fields: recorded.append(fields))
    row(int(Kind.CALL), NUMBER[operation], 1, 0, -1, 0)
    assert slept == delays
    assert len(recorded) == 1


@pytest.mark.parametrize(("token", "delays"), [(1, [0.5]), (2, [])])
def test_a_task_begins_late(token: int, delays: list[float], slept: list[float]) -> None:
    row = Traps([("task", "", 0)], 1, 0.5).around(lambda *fields: None)
    row(int(Kind.TAKE), 0, 1, 0, token, 0)
    assert slept == delays


@pytest.mark.parametrize(("function", "delays"), [("sends", [0.5]), ("receives", [])])
def test_a_lock_was_let_go(function: str, delays: list[float], slept: list[float]) -> None:
    app: dict[str, object] = {}
    exec(compile(USERS, "/home/me/app.py", "exec"), app)
    here = Traps([(f"freed:{function}", "/home/me/app.py", 0)], 1, 0.5)
    app["sends"](partial(here.hold_back, FREED))  # type: ignore[operator]
    assert slept == delays


@pytest.mark.parametrize(("seed", "delays"), [(2, 6), (4, 6)])
def test_every_second_run_delays_whatever_comes(seed: int, delays: int, slept: list[float]) -> None:
    here = Traps([(SIGN, "", 0)], seed, 0.5)
    for _ in range(delays):
        here._delay(SIGN, 0)
    assert slept == [0.5] * delays


@pytest.mark.parametrize(("seed", "late"), [(1, [1, 1, 1]), (4, [1, 1, 1]), (5, [1, 0, 1]), (9, [1, 0, 1])])
def test_some_runs_leave_every_second_thread_alone(seed: int, late: list[int], slept: list[float]) -> None:
    app: dict[str, object] = {}
    exec(compile(USERS, "/home/me/app.py", "exec"), app)
    here = Traps([(CALL, "/home/me/app.py", 4)], seed, 0.5)
    delayed = []
    for site in range(1, 4):
        before = len(slept)
        thread = threading.Thread(target=app["sends"], args=(partial(here.called, site),))  # type: ignore[arg-type]
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        delayed.append(len(slept) - before)
    assert delayed == late


def test_no_delay_is_taken_for_a_hang(slept: list[float]) -> None:
    Traps([(SIGN, "", 0)], 1, 60.0)._delay(SIGN, 0)
    assert slept and slept[0] < DEFAULT_STALL_S


@pytest.mark.parametrize("kind", [SIGN, ANYWHERE])
def test_the_end_waits_for_what_is_delayed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Traps([(kind, "", 0)], 1, 0.5)
    monkeypatch.setattr(here, "_random", lambda: (1 << 16) + 1)  # of a slow thread
    thread = threading.Thread(target=here._delay, args=(SIGN, 0), daemon=True)
    begun, over = threading.Event(), threading.Event()
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        if threading.current_thread() is thread:
            begun.set()
            assert over.wait(20)
            return
        waited.append(seconds)
        if len(waited) == 2:
            over.set()
            thread.join(20)

    monkeypatch.setattr(traps, "_sleep", sleep)
    thread.start()
    assert begun.wait(20)
    here.linger()
    assert not thread.is_alive()
    assert len(waited) == 3  # the call itself has its end to come to
    here.linger()
    assert len(waited) == 3


def test_the_end_does_not_wait_for_ever(slept: list[float]) -> None:
    here = Traps([], 1, 0.5)
    here._delayed[7] = None
    here.linger()
    assert slept and sum(slept) < DEFAULT_STALL_S


class Circle:
    """Something that only the garbage collector frees."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.parametrize(
    ("kind", "point", "collected"),
    [(COLLECT, SEND, True), (COLLECT, CLOSE, True), (COLLECT, EOF, False), (EOF, SEND, False)],
)
def test_garbage_is_collected_where_a_lock_is_held(kind: str, point: str, collected: bool) -> None:
    gone = weakref.ref(Circle())
    Traps([(kind, "", 0)], 1, 0.0).hold_back(point)
    assert (gone() is None) is collected


def test_a_program_that_never_collects_is_not_made_to() -> None:
    gone = weakref.ref(Circle())
    gc.disable()
    try:
        Traps([(COLLECT, "", 0)], 1, 0.0).hold_back(SEND)
        assert gone() is not None
    finally:
        gc.enable()


def _explored(seed: int, name: str, slept: list[float]) -> list[float]:
    """What a thread of that name is delayed at forty calls."""
    here, before = Traps([(ANYWHERE, "", 0)], seed, 0.5), len(slept)
    thread = threading.Thread(target=lambda: [here.called(1) for _ in range(40)], name=name)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    return slept[before:]


def test_a_seed_delays_a_thread_of_a_name_in_the_same_way_again(slept: list[float]) -> None:
    rows = [[_explored(seed, name, slept) for seed in range(6) for name in ("reader", "writer")] for _ in range(2)]
    assert rows[0] == rows[1]
    assert len({tuple(row) for row in rows[0]}) > 6
    slow = [sum(row) > 1 for row in rows[0]]
    assert any(slow) and not all(slow)


@pytest.mark.parametrize(("kind", "token", "line", "delays"), [
    (Kind.TAKE, 0, 4, [0.5]), (Kind.TAKE, 0, 3, []), (Kind.TAKE, 12345, 4, []), (Kind.POST, 0, 4, []),
])  # fmt: skip
def test_who_has_taken_a_semaphore_is_held_up_as_with_a_lock(
    kind: int, token: int, line: int, delays: list[float], slept: list[float]
) -> None:
    app: dict[str, object] = {}
    exec(compile(USERS, "/home/me/app.py", "exec"), app)
    row = Traps([(LOCK, "/home/me/app.py", line)], 1, 0.5).around(lambda *fields: None)
    app["sends"](partial(row, int(kind), 0, 7, 0, token, 0))  # type: ignore[operator]
    assert slept == delays
