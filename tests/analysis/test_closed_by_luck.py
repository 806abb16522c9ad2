"""What is closed when its user was done by luck, and what only after the user had said so."""

from __future__ import annotations

import pytest
from notation import findings_of, said

FOUND: dict[str, tuple[str, str]] = {
    "a client closed after a worker had ended, by luck": (
        "closed-in-use possible",
        """
        Main: start A
        A: exec_command client
        A: ends
        Main: close client""",
    ),
    "an SFTP session closed after another thread's last call, by luck": (
        "closed-in-use possible",
        """
        A: stat sftp
        Main: close sftp""",
    ),
}

QUIET: dict[str, str] = {
    "an SFTP session closed by another thread that was told to": """
        A: stat sftp
        A: put q done
        Main: get q done
        Main: close sftp""",
    "an SFTP session closed by a timer": """
        Main: start A timer
        Main: stat sftp
        A: close sftp""",
    "a client closed by a timer whose work was done": """
        Main: start A timer
        Main: start B
        B: exec_command client
        B: ends
        A: close client""",
    "a client that its thread has closed when it had ended itself": """
        Main: start A
        A: exec_command client
        A: ends
        B: was A
        B: start C
        C: close client""",
    "a client closed after a worker that was joined": """
        Main: start A
        A: exec_command client
        A: ends
        Main: join A
        Main: close client""",
}


@pytest.mark.parametrize("sentence", FOUND)
def test_what_was_closed_by_luck_is_told(sentence: str) -> None:
    wanted, story = FOUND[sentence]
    assert wanted in said(findings_of(story))


@pytest.mark.parametrize("sentence", QUIET)
def test_what_was_waited_for_is_not(sentence: str) -> None:
    assert not list(said(findings_of(QUIET[sentence])))
