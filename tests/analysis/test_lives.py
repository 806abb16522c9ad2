"""What is kept of clients and connections is bounded by what is alive."""

from __future__ import annotations

from paramedic.analysis.calls import Call
from paramedic.analysis.clocks import Clocks
from paramedic.analysis.lives import KEPT_BARE, Lives


def test_clients_that_never_had_a_connection_are_forgotten_long_after_their_close() -> None:
    """A program that tries an unreachable host again and again, with a new client each time."""
    clocks, lives, many = Clocks(), Lives(), KEPT_BARE + 50
    closes = []
    for client in range(1, many + 1):
        call = Call(1, "SSHClient.close", client, 0, client, -1, 0, (), clocks.of(1).now)
        lives.closes(client, client, call, clocks.of(1), {1}, [], False)
        closes.append(call)
    assert [lives.close_of(client) for client in range(1, 51)] == [None] * 50
    assert [lives.close_of(client) for client in range(51, many + 1)] == closes[50:]
    lives.reborn(many)
    assert lives.close_of(many) is None
