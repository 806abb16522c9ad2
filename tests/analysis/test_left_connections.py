"""Connections that stay because a client was connected again, or a login failed."""

from __future__ import annotations

import pytest
from notation import findings_of, said

FOUND = {
    "one client that is connected again and again, and closed in the end": "".join(
        f"A: connect client …\nA: makes conn{n} inside\nA: … connect client\nA: exec_command client\n"
        for n in (7, 8, 9)
    )
    + "A: close client\nMain: shutdown\n… 1 s\nend: orderly",
    "transports whose own logins have failed, and that nobody closes": """
        A: makes conn7 inside
        A: auth_publickey conn7 ! AuthenticationException: Authentication failed.
        A: makes conn8 inside
        A: auth_publickey conn8 ! AuthenticationException: Authentication failed.
        Main: shutdown
        … 1 s
        end: orderly""",
    "clients of a pool that those who took them have kept, and who have ended": """
        Main: makes conn7
        Main: put q conn7
        Main: makes conn8
        Main: put q conn8
        Main: start A
        Main: start B
        A: get q conn7
        A: open_session conn7
        A: ends
        B: get q conn8
        B: open_session conn8
        B: ends
        Main: shutdown
        … 1 s
        end: orderly""",
}

QUIET = {
    "clients of workers, which the main thread was to close when an exception ended it": """
        Main: start A
        Main: start B
        A: makes conn7
        B: makes conn8
        A: ends
        B: ends
        Main: join A
        Main: join B
        Main: shutdown
        … 1 s
        end: broken-off""",
    "clients of a pool that were put back": """
        Main: makes conn7
        Main: put q conn7
        Main: makes conn8
        Main: put q conn8
        Main: start A
        Main: start B
        A: get q conn7
        A: open_session conn7
        A: put q conn7
        A: ends
        B: get q conn8
        B: open_session conn8
        B: put q conn8
        B: ends
        Main: shutdown
        … 1 s
        end: orderly""",
    "clients that were taken from a queue, and that somebody else uses afterwards": """
        Main: makes conn7
        Main: put q conn7
        Main: makes conn8
        Main: put q conn8
        Main: start A
        Main: start B
        A: get q conn7
        A: ends
        B: get q conn8
        B: ends
        Main: open_session conn7
        Main: open_session conn8
        Main: shutdown
        … 1 s
        end: orderly""",
    "one client that is closed before it is connected again": "".join(
        f"A: connect client …\nA: makes conn{n} inside\nA: … connect client\nA: exec_command client\nA: close client\n"
        f"T of conn{n}: … run conn{n}\n"
        for n in (7, 8, 9)
    )
    + "Main: shutdown\n… 1 s\nend: orderly",
}


@pytest.mark.parametrize("sentence", FOUND)
def test_connections_that_nobody_can_close_any_more_are_told(sentence: str) -> None:
    assert "leaked-connection observed" in list(said(findings_of(FOUND[sentence])))


@pytest.mark.parametrize("sentence", QUIET)
def test_what_was_closed_in_time_is_not(sentence: str) -> None:
    assert not [s for s in said(findings_of(QUIET[sentence])) if "leaked-connection" in s]


@pytest.mark.parametrize("user", ["A", "C"])
def test_two_threads_that_have_connected_at_once_are_told_to_look_under_a_lock_if_one_goes_on_with_the_others_client(
    user: str,
) -> None:
    story = "A: connect client7 …\nA: makes conn7 inside\nB: connect client8 …\nB: makes conn8 inside\n"
    story += "A: … connect client7\nB: … connect client8\nA: open_session conn7\nA: finalize client7\n"
    story += f"{user}: open_session conn8\nB: finalize client8\nMain: shutdown\n… 1 s\nend: orderly"
    (told,) = [f for f in findings_of(story) if f.hazard == "leaked-connection"]
    assert told.fix.startswith("Look whether there is a connection") == (user == "A")
    assert len(told.steps) == (2 if user == "A" else 1)
