"""What is kept of clients and connections is bounded by what is alive."""

from __future__ import annotations

from notation import facts_of_story

from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Clocks
from paramedic.analysis.lives import KEPT_BARE, Lives


def test_clients_that_never_had_a_connection_are_forgotten_long_after_their_close() -> None:
    """A program that tries an unreachable host again and again, with a new client each time."""
    clocks, lives, many = Clocks(), Lives(), KEPT_BARE + 50
    closes = []
    for client in range(1, many + 1):
        call = Call(1, "SSHClient.close", client, 0, client, -1, 0, (), clocks.of(1).now)
        lives.closes(client, client, call, clocks.of(1), [], False)
        closes.append(call)
    assert [lives.close_of(client) for client in range(1, 51)] == [None] * 50
    assert [lives.close_of(client) for client in range(51, many + 1)] == closes[50:]
    lives.reborn(many)
    assert lives.close_of(many) is None


def test_calls_that_were_refused_without_a_reason_are_kept_in_part() -> None:
    clocks, lives = Clocks(), Lives()
    calls = [Call(1, "Transport.open_session", 7, 0, n, -1, 0, (), clocks.of(1).now) for n in range(1_000)]
    for call in calls:
        lives.refused(7, call, 0, lambda channel: 0, named=False)
    lives.refused(7, calls[0], 2, lambda channel: 0, named=True)
    assert 0 < len(lives.refusals[7].nameless) < 100


def test_of_threads_that_connect_nothing_is_kept_afterwards() -> None:
    story = "\n".join(f"W{n}: connect client{n}\nW{n}: ends" for n in range(100))
    assert not facts_of_story(story).rewrites._connecting
