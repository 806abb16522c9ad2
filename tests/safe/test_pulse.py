"""When a server that says nothing is asked, and when it is given up: an hour of a connection in simulated time."""

from __future__ import annotations

import heapq
import itertools
import socket
from collections.abc import Callable

import pytest

from paramedic.safe import pulse
from paramedic.safe.pulse import Pulse
from paramedic.safe.wire import Wire

KEEPALIVE_S = 30.0
HOUR_S = 3600.0


class World:
    """A reader, a clock and a server that answers at once until it is stuck; everything happens in order of time."""

    def __init__(self, *, kernel: bool = True, clock: bool = True) -> None:
        self.now = 0.0
        self.sessions = 0
        self.stuck = False
        self.asked: list[float] = []
        self.lost: list[float] = []
        self.wake_ups = 0
        self.received_at = 0.0
        self.resting = False
        self.on_send: Callable[[], None] | None = None
        self._kernel = kernel
        self._poll_s = 0.0
        self._wakes_at = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self.pulse = Pulse(
            self,  # type: ignore[arg-type]
            KEEPALIVE_S,
            self if clock else None,  # type: ignore[arg-type]
            in_use=lambda: self.sessions > 0,
            ask=self.ask,
            lost=self.lost.append,
        )

    def keep_alive(self, interval_s: float) -> bool:
        return self._kernel

    def set_poll(self, poll_s: float) -> None:
        self._poll_s = poll_s

    def at(self, when: float, call: Callable[[], None], slack_s: float = 0.0) -> None:
        heapq.heappush(self._events, (when + slack_s, next(self._count), call))

    def ask(self) -> None:
        self.asked.append(self.now)
        self.send()

    def send(self) -> None:
        if self.resting and self.on_send is not None:
            self.on_send()
        if not self.stuck:
            self.at(self.now + 0.01, self._receive)

    def open(self) -> None:
        self.sessions += 1
        self.send()

    def close(self) -> None:
        self.sessions -= 1
        self.send()

    def _receive(self) -> None:
        self.received_at = self.now
        self._wait()

    def _wait(self) -> None:
        self.wake_ups += 1
        self.pulse.before_wait()
        self._wakes_at = self.now + self._poll_s

    def run(self, until: float) -> World:
        self._wait()
        while not self.lost:
            following = self._events[0][0] if self._events else until
            self.now = min(following, self._wakes_at, until)
            if self.now == until:
                break
            if self.now == self._wakes_at:
                self.pulse.silent()
                self._wait()
            else:
                heapq.heappop(self._events)[2]()
        return self


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    def make(**options: bool) -> World:
        made = World(**options)
        monkeypatch.setattr(pulse, "time", made)
        made.monotonic = lambda: made.now  # type: ignore[attr-defined]
        return made

    return make


def stick(world: World) -> None:
    world.stuck = True


def test_an_idle_connection_wakes_up_twice_in_ten_intervals(world: Callable[..., World]) -> None:
    idle = world().run(HOUR_S)
    assert (idle.lost, len(idle.asked)) == ([], 11)
    assert idle.wake_ups <= 25


def test_without_the_kernels_help_it_is_asked_at_every_second_silence(world: Callable[..., World]) -> None:
    for options in ({"kernel": False}, {"clock": False}):
        idle = world(**options).run(HOUR_S)
        assert (idle.lost, len(idle.asked)) == ([], 59)


STUCK: dict[str, tuple[dict[str, bool], list[tuple[float, str]], float]] = {
    # options, what happens when, when the server is given up at the latest; it is stuck from 100 s
    "in use: after three silences": ({}, [(10, "open")], 100 + 3.1 * KEEPALIVE_S),
    "while it rests, as soon as it is used": ({}, [(110, "open")], 110 + 3.1 * KEEPALIVE_S),
    "while it rests, used and used again": (
        {},
        [(110, "open"), (130, "send"), (150, "open"), (170, "send")],
        110 + 3.1 * KEEPALIVE_S,
    ),
    "used before, and again shortly after": (
        {},
        [(80, "open"), (81, "close"), (101, "open")],
        101 + 3.1 * KEEPALIVE_S,
    ),
    "while it rests, by a request without a session": ({}, [(110, "send")], 110 + 3.1 * KEEPALIVE_S),
    "while it rests and nobody uses it": ({}, [], 11.1 * KEEPALIVE_S),
    "without a rest": ({"kernel": False}, [], 100 + 3.1 * KEEPALIVE_S),
}


@pytest.mark.parametrize("story", STUCK)
def test_a_server_that_is_stuck_is_given_up(story: str, world: Callable[..., World]) -> None:
    options, deeds, latest = STUCK[story]
    unhappy = world(**options)
    unhappy.at(100, lambda: stick(unhappy))
    for when, deed in deeds:
        unhappy.at(when, getattr(unhappy, deed))
    unhappy.run(HOUR_S)
    assert unhappy.lost
    assert unhappy.now <= latest


@pytest.mark.parametrize("pause_s", [0.5, 20.0, 29.9, 31.0, 200.0, 299.9, 301.0])
def test_a_server_that_answers_is_never_given_up(pause_s: float, world: Callable[..., World]) -> None:
    busy = world()
    for n in range(int(HOUR_S / pause_s)):
        busy.at(n * pause_s, busy.open)
        busy.at(n * pause_s + pause_s / 2, busy.close)
    busy.run(HOUR_S)
    assert busy.now == HOUR_S
    assert not busy.lost


def test_the_kernel_is_told_to_ask() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as sock:
        wire = Wire(sock)
        assert wire.keep_alive(30.0) is hasattr(socket, "TCP_KEEPIDLE")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        wire.close()


def test_a_pair_of_sockets_has_no_kernel_between() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = Wire(ours)
        assert not wire.keep_alive(30.0)
        wire.close()
