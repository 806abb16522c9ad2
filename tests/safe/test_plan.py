"""The pool's decisions: tables, and a state machine that plays server, callers and clock against them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from paramedic.safe.plan import LinkPhase, LinkState, Plan, Sizes, backoff_s

READY, CONNECTING, LENT = LinkPhase.READY, LinkPhase.CONNECTING, LinkPhase.LENT


def link(phase: LinkPhase, open: int = 0, limit: int = 8, rest_until: float = 0.0) -> dict[str, Any]:
    return {"phase": phase, "open": open, "limit": limit, "ceiling": 10, "rest_until": rest_until}


def decided(links: list[dict[str, Any]], waiting: int, borrowers: int, **plan: Any) -> tuple[Any, ...]:
    state = Plan(Sizes(connections=3, sessions=10))
    for key, fields in enumerate(links):
        state.links[key] = LinkState(key=key, **fields)
    state._next_key = len(links)
    for name, value in plan.items():
        setattr(state, name, value)
    decision = state.decide(waiting, borrowers, now=100.0)
    return decision.launch, decision.lend, len(decision.connect), decision.wake_at


# links, waiting, borrowers -> launch, lend, connects, wake_at
DECISIONS: dict[str, tuple[tuple[list[dict[str, Any]], int, int], tuple[Any, ...]]] = {
    "nothing waits: nothing happens": (([link(READY)], 0, 0), ((), (), 0, None)),
    "the first command makes the first connection": (([], 1, 0), ((), (), 1, None)),
    "many commands make one connection first": (([], 1000, 0), ((), (), 1, None)),
    "while the first is being made, nobody makes another": (([link(CONNECTING)], 1000, 0), ((), (), 0, None)),
    "a command goes where most is free": (([link(READY, 5), link(READY, 2)], 1, 0), ((1,), (), 0, None)),
    "commands spread": (([link(READY, 6), link(READY, 6)], 4, 0), ((0, 1, 0, 1), (), 0, None)),
    "a short queue is not worth a connection, before it has waited": (([link(READY, 8)], 10, 0), ((), (), 0, 100.25)),
    "a long queue is": (([link(READY, 8)], 17, 0), ((), (), 1, None)),
    "a very long one is worth several at once": (([link(READY, 8)], 1000, 0), ((), (), 2, None)),
    "one that is being made will take its share": (([link(READY, 8), link(CONNECTING)], 28, 0), ((), (), 0, None)),
    "if that does not suffice, one more is made": (([link(READY, 8), link(CONNECTING)], 29, 0), ((), (), 1, None)),
    "never more connections than allowed": (([link(READY, 8)] * 3, 1000, 0), ((), (), 0, 100.25)),
    "a resting connection is woken in time": (([link(READY, 1, 8, 100.1)], 1, 0), ((), (), 0, 100.1)),
    "a connection that has rested works": (([link(READY, 1, 8, 99.5)], 1, 0), ((0,), (), 0, None)),
    "a lent connection takes no commands": (([link(LENT)], 1, 0), ((), (), 1, None)),
    "a borrower gets an empty connection": (([link(READY)], 0, 1), ((), (0,), 0, None)),
    "a borrower is not starved by commands": (([link(READY, 3)], 5, 1), ((), (), 1, None)),
    "the emptiest is kept for the borrower": (([link(READY, 3), link(READY, 1)], 1, 1), ((0,), (), 1, None)),
}


@pytest.mark.parametrize("story", DECISIONS)
def test_decisions(story: str) -> None:
    (links, waiting, borrowers), expected = DECISIONS[story]
    assert decided(links, waiting, borrowers) == expected


@pytest.mark.parametrize(
    ("story", "opened", "strangers", "phase", "starved", "connects"),
    [
        ("all that the server gives is a stranger's", 1, 1, READY, True, 1),
        ("a command that ends makes room", 2, 1, READY, False, 0),
        ("a command of our own has it", 1, 0, READY, False, 0),
        ("one that is being made will have room", 0, 0, CONNECTING, False, 0),
        ("a lent one is somebody's own", 0, 0, LENT, False, 1),
    ],
)
def test_who_keeps_commands_waiting(
    story: str, opened: int, strangers: int, phase: LinkPhase, starved: bool, connects: int
) -> None:
    for connections in (1, 2):
        plan = Plan(Sizes(connections=connections, sessions=10))
        plan.links[0] = LinkState(
            key=0, phase=phase, open=opened, limit=max(1, opened), ceiling=max(1, opened), strangers=strangers
        )
        decision = plan.decide(1, 0, now=100.0)
        # Where there may be another connection, that is the way out.
        wanted = (False, connects) if connections > 1 else (starved, 0)
        assert (decision.starved, len(decision.connect)) == wanted, story


# connections that may be, links, limits' ceiling, when one more session may be asked for -> launch, connects, wake_at
STALLS: dict[str, tuple[tuple[int, list[dict[str, Any]], float], tuple[Any, ...]]] = {
    "what runs takes long: another connection": ((2, [link(READY, 8)], 0.0), ((), 1, None)),
    "one is being made: it is waited for": ((3, [link(READY, 8), link(CONNECTING)], 0.0), ((), 0, None)),
    "there may be none: one session more is asked for": ((1, [link(READY, 8)], 0.0), ((0,), 0, 100.55)),
    "it was refused a moment ago: it is asked for later": ((1, [link(READY, 8)], 107.0), ((), 0, 107.0)),
    "there may not be more sessions either": ((1, [link(READY, 10, 10)], 0.0), ((), 0, None)),
    "its sessions are being looked at": ((1, [link(READY, 8) | {"held": 1}], 0.0), ((), 0, None)),
}


@pytest.mark.parametrize("story", STALLS)
def test_what_waits_does_not_wait_for_what_takes_long(story: str) -> None:
    (connections, links, probe_at), expected = STALLS[story]
    plan = Plan(Sizes(connections=connections, sessions=10))
    for key, fields in enumerate(links):
        plan.links[key] = LinkState(key=key, **fields, probe_at=probe_at)
    plan._next_key = len(links)
    begun = plan.decide(1, 0, now=100.0)
    assert (begun.launch, begun.connect) == ((), ())
    decision = plan.decide(1, 0, now=100.3)
    assert (decision.launch, len(decision.connect), decision.wake_at) == expected


def test_a_refused_session_is_asked_for_less_and_less_often() -> None:
    plan = Plan(Sizes(connections=1, sessions=10))
    plan.links[0] = LinkState(key=0, phase=READY, open=3, limit=3, ceiling=10)
    now, times = 100.0, []
    plan.decide(1, 0, now)
    while now < 200.0:
        now += 0.05
        if plan.decide(1, 0, now).launch:
            assert plan.refused(0, now)
            times.append(now)
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert len(times) < 12


@pytest.mark.parametrize(
    ("story", "ended_at", "moves"),
    [
        ("nothing had ended: that is what the server gives", 0.0, False),
        ("one had just ended, and servers free late: it is asked for again", 100.0, True),
    ],
)
def test_a_refusal_is_the_last_word_where_nothing_had_just_ended(story: str, ended_at: float, moves: bool) -> None:
    plan = Plan(Sizes(connections=1, sessions=10))
    plan.links[0] = LinkState(key=0, phase=READY, open=4, limit=4, ceiling=10, strangers=2)
    assert plan.moves(1, 0, now=100.0)  # none was ever refused
    if ended_at:
        plan.finished(0, ended_at)
    plan.refused(0, 100.0)
    plan.links[0].open = plan.links[0].limit = plan.links[0].strangers = 2
    assert not plan.decide(1, 0, now=100.1).launch
    assert plan.moves(1, 0, now=100.1) is moves, story
    # It is asked for once more, and then it is known.
    assert plan.decide(1, 0, now=100.6).launch == (0,)
    plan.refused(0, 100.6)
    assert not plan.moves(1, 0, now=100.7)


def test_a_connection_whose_rest_is_over_moves_though_nobody_was_woken_yet() -> None:
    plan = Plan(Sizes(connections=2, sessions=10))
    held, free = (
        LinkState(key=0, phase=READY, open=1, limit=1, ceiling=10, strangers=1),
        LinkState(key=1, phase=READY, open=1, limit=1, ceiling=10),
    )
    plan.links = {0: held, 1: free}
    for link_ in (held, free):  # each has one session, and is known to give no more
        link_.sure, link_.probe_at = True, 1000.0
    plan.refused(1, 100.0)  # nothing of ours is open there: a slot that is freed late
    free.sure, free.probe_at = True, 1000.0
    assert plan.decide(3, 0, now=100.0).launch == ()
    assert plan.moves(3, 0, now=100.0), "it rests"
    assert plan.moves(3, 0, now=free.rest_until), "it is about to be asked again"
    assert plan.decide(3, 0, now=free.rest_until).launch == (1,)
    # Where it is kept for a borrower, it does nothing for commands.
    free.open, free.strangers, free.limit, held.open, held.strangers = 1, 0, 2, 3, 1
    held.limit = 3
    assert plan.moves(1, 0, now=200.0)
    assert not plan.moves(1, 1, now=200.0)


def test_a_borrower_does_not_keep_from_sessions_those_who_must_give_back_first() -> None:
    plan = Plan(Sizes(connections=1, sessions=10))
    plan.links[0] = LinkState(key=0, phase=READY, open=1, limit=8, ceiling=10, strangers=1)
    assert plan.decide(1, 1, now=100.0).launch == (0,)
    # Now a command of ours is there, which ends by itself: what follows waits for the borrower again.
    assert plan.decide(1, 1, now=100.0).launch == ()


def test_after_a_failure_the_next_attempt_waits() -> None:
    assert decided([], 1, 0, connect_after=103.0) == ((), (), 0, 103.0)
    assert decided([], 1, 0, connect_after=99.0, failures=2) == ((), (), 1, None)


def test_a_refusal_lowers_the_limit_to_what_was_open() -> None:
    plan = Plan(Sizes(connections=1, sessions=10))
    plan.links[0] = LinkState(key=0, phase=READY, open=6, limit=8, ceiling=10)
    assert plan.refused(0, 100.0)
    assert (plan.links[0].open, plan.links[0].limit, plan.links[0].rest_until > 100.0) == (5, 5, True)


def test_a_server_that_refuses_with_nothing_open_is_given_up() -> None:
    plan = Plan(Sizes(connections=1, sessions=10, refused_attempts=12))
    plan.links[0] = LinkState(key=0, phase=READY, limit=8, ceiling=10)
    answers = []
    now = 0.0
    for _ in range(12):
        plan.launched(0)
        answers.append(plan.refused(0, now))
        now = plan.links[0].rest_until
    assert answers == [True] * 11 + [False]
    assert now < 3.0


def test_a_run_of_successes_raises_the_limit_again() -> None:
    plan = Plan(Sizes(connections=1, sessions=10))
    plan.links[0] = LinkState(key=0, phase=READY, limit=3, ceiling=10)
    for _ in range(50):
        plan.launched(0)
        plan.finished(0, 1.0)
    assert plan.links[0].limit == 4


def test_waits_between_connects_grow_and_differ() -> None:
    middles = [backoff_s(attempt, 0.5) for attempt in range(1, 12)]
    assert middles == sorted(middles)
    assert middles[-1] == 5.0
    assert backoff_s(3, 0.0) < backoff_s(3, 1.0)


class Pool(RuleBasedStateMachine):
    """A server with a session limit that the plan does not know, and callers who come and go."""

    @initialize(
        connections=st.integers(1, 4), sessions=st.integers(1, 12), server=st.integers(1, 12), lag=st.integers(0, 2)
    )
    def begin(self, connections: int, sessions: int, server: int, lag: int) -> None:
        self.plan = Plan(Sizes(connections=connections, sessions=sessions))
        self.server, self.lag = server, lag
        self.waiting = self.borrowers = 0
        self.now = 1000.0
        self.connecting: list[int] = []
        self.launched: list[int] = []
        self.lent: list[int] = []
        self.accepted: dict[int, int] = {}
        self.wake: float | None = None

    def decide(self) -> None:
        decision = self.plan.decide(self.waiting, self.borrowers, self.now)
        self.waiting -= len(decision.launch)
        self.borrowers -= len(decision.lend)
        self.connecting += decision.connect
        self.launched += decision.launch
        self.lent += decision.lend
        self.wake = decision.wake_at
        assert self.waiting >= 0
        assert self.borrowers >= 0

    @rule(count=st.integers(1, 30))
    def submit(self, count: int) -> None:
        self.waiting += count
        self.decide()

    @rule()
    def borrow(self) -> None:
        self.borrowers += 1
        self.decide()

    @precondition(lambda self: self.connecting)
    @rule(data=st.data(), works=st.booleans(), uniform=st.floats(0, 1))
    def connect(self, data: Any, works: bool, uniform: float) -> None:
        key = data.draw(st.sampled_from(self.connecting))
        self.connecting.remove(key)
        if works:
            self.plan.connected(key, self.now)
            self.accepted[key] = 0
        elif not self.plan.connect_failed(key, self.now, uniform):
            self.waiting = self.borrowers = 0  # the dispatcher fails them
        self.decide()

    @precondition(lambda self: self.launched)
    @rule(data=st.data())
    def answer(self, data: Any) -> None:
        key = data.draw(st.sampled_from(self.launched))
        self.launched.remove(key)
        if self.accepted[key] + self.lag < self.server:
            self.accepted[key] += 1
        elif self.plan.refused(key, self.now):
            self.waiting += 1
        self.decide()

    @precondition(lambda self: any(self.accepted.values()))
    @rule(data=st.data())
    def finish(self, data: Any) -> None:
        key = data.draw(st.sampled_from([key for key, count in self.accepted.items() if count]))
        self.accepted[key] -= 1
        self.plan.finished(key, self.now)
        self.decide()

    @precondition(lambda self: self.lent)
    @rule()
    def give_back(self) -> None:
        self.plan.returned(self.lent.pop(), self.now)
        self.decide()

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def die(self, data: Any) -> None:
        key = data.draw(st.sampled_from(list(self.accepted)))
        del self.accepted[key]
        self.waiting += self.launched.count(key)  # nothing was sent: they are queued again
        self.launched = [other for other in self.launched if other != key]
        self.lent = [other for other in self.lent if other != key]
        self.plan.lost(key)
        self.decide()

    @rule(seconds=st.floats(0.001, 100))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        if self.wake is not None and self.now >= self.wake:
            self.decide()

    @rule()
    def tidy(self) -> None:
        for key in self.plan.stale(self.now, 60.0):
            assert not self.accepted.pop(key)
            assert key not in self.launched
            assert key not in self.lent

    @invariant()
    def bounds_hold(self) -> None:
        if not hasattr(self, "plan"):
            return
        assert len(self.plan.links) <= self.plan.sizes.connections
        for key, state in self.plan.links.items():
            assert state.open == self.launched.count(key) + self.accepted.get(key, 0)
            assert 0 <= state.open <= state.ceiling
            assert 1 <= state.limit <= state.ceiling
            if state.phase is LENT:
                assert state.open == 0
                assert key in self.lent

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        # Whoever waits, waits for something that will happen: an answer, an end, a return, a connection or the clock.
        if hasattr(self, "plan") and (self.waiting or self.borrowers):
            coming = self.connecting or self.launched or any(self.accepted.values()) or self.lent
            assert coming or self.wake is not None


Pool.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestPool = Pool.TestCase
