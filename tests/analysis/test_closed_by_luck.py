"""What is closed when its user was done by luck, and what only after the user had said so."""

from __future__ import annotations

import pytest
from notation import findings_of, said

from paramedic.hazards.closed_in_use.runtime import all_end

FOUND: dict[str, tuple[str, str]] = {
    "a client used after its close by a thread that had its lock meanwhile": (
        "closed-in-use observed",
        """
        Main: take L
        Main: close client
        Main: free L
        A: take L
        A: exec_command client ! SSHException: SSH session not active
        A: exec_command client2""",
    ),
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
    "an SFTP session closed after another thread's last use of a file that is gone, by luck": (
        "closed-in-use possible",
        """
        A: read file1
        A: finalize file1
        Main: close sftp1""",
    ),
    "a client closed after a read of a channel that both then dropped, by luck": (
        "closed-in-use possible",
        """
        A: recv ch
        Main: finalize ch …
        Main: sends-close ch
        Main: finalized ch
        Main: close client""",
    ),
    "a client closed by luck before a reader went on, and after another that had done": (
        "closed-in-use possible",
        """
        A: recv ch1 = 5
        B: recv ch2 = 5
        Main: close client
        A: recv ch1""",
    ),
    "a client closed by luck after a thread that then reads another channel": (
        "closed-in-use possible",
        """
        A: recv ch1 = 5
        Main: close client
        A: recv ch2""",
    ),
    "a client closed by luck between two pieces, the second of which fails": (
        "closed-in-use observed",
        """
        A: recv ch = 5
        Main: close client
        A: recv ch ! EOFError""",
    ),
    "a client closed by luck after a thread that closes its channels itself": (
        "closed-in-use possible",
        """
        A: recv ch
        A: close ch
        Main: close client""",
    ),
    "a client closed by luck after a thread that closes its SFTP sessions itself": (
        "closed-in-use possible",
        """
        A: get sftp
        A: close sftp
        Main: close client""",
    ),
    "a client closed by luck after a thread that had asked last whether its command had ended": (
        "closed-in-use possible",
        """
        A: recv ch
        A: exit_status_ready ch
        Main: close client""",
    ),
    "a client closed by luck after a read of a channel that a third thread had closed": (
        "closed-in-use possible",
        """
        A: recv ch
        B: close ch
        Main: close client""",
    ),
}

TIMED: dict[str, str] = {
    "by a timer that another worker has started": """
        Main: start A
        Main: start B
        A: start X timer
        B: exec_command client …
        X: close client
        B: … exec_command client ! EOFError""",
    "by a timer that somebody has started before there was this worker": """
        Main: start A
        A: start X timer
        Main: start B
        B: exec_command client …
        X: close client
        B: … exec_command client ! EOFError""",
}
LIMITED: dict[str, str] = {
    "of one's own": """
        Main: start A
        A: start X timer
        A: exec_command client …
        X: close client
        A: … exec_command client ! EOFError""",
    "of who has started one": """
        Main: start A
        A: start B
        A: start X timer
        B: exec_command client …
        X: close client
        B: … exec_command client ! EOFError""",
    "of who started who started one": """
        Main: start A
        Main: start X timer
        A: start B
        B: exec_command client …
        X: close client
        B: … exec_command client ! EOFError""",
    "that one knows of": """
        Main: start A
        Main: start B
        A: start X timer
        A: put q x
        B: get q x
        B: exec_command client …
        X: close client
        B: … exec_command client ! EOFError""",
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
    "a client closed after a thread that had told its result before it closed its channel": """
        A: recv ch
        A: put q done
        A: close ch
        Main: get q done
        Main: close client""",
    "a client closed after a thread that wrote, which the server may have told": """
        A: recv ch
        A: sendall ch
        A: close ch
        Main: close client""",
    "a connection closed after who served a visitor, which the visitor may have told": """
        T: opens ch peer
        A: recv ch
        A: close ch
        Main: close conn""",
    "a client closed after its channel, which nobody has any more": """
        Main: start A daemon
        A: readline ch.stdout …
        Main: close ch …
        Main: sends-close ch
        A: … readline ch.stdout
        A: ends
        Main: … close ch
        Main: finalize ch.stdout
        Main: finalize ch
        Main: close client""",
    "a client closed after its channel, whose reader had not begun": """
        Main: start A daemon
        Main: close ch …
        Main: sends-close ch
        Main: … close ch
        A: readline ch.stdout
        A: ends
        Main: finalize ch.stdout
        Main: finalize ch
        Main: close client""",
    "a client closed after its channel, which had ended by itself": """
        A: readline ch.stdout
        T: gets-close ch
        T: sends-close ch
        Main: close ch
        Main: close client""",
    "a client closed after its channel, which its reader then closed, too": """
        A: recv ch …
        Main: close ch …
        Main: sends-close ch
        Main: … close ch
        A: … recv ch
        A: close ch
        Main: close client""",
    "a client closed after its channel, and a thousand others since": """
        A: recv ch
        Main: close ch
        Main: finalize ch
        OTHERS
        Main: close client""".replace(
        "OTHERS", "\n".join(f"Main: opens ch{n}\nMain: finalize ch{n}" for n in range(1, 1_100))
    ),
    "a client closed under a reader on its way from the command to the first line": """
        Main: start A
        A: exec_command client …
        A: opens ch1
        A: … exec_command client
        Main: close client
        A: readline ch1.stdout
        A: ends""",
    "a client closed under a reader between two lines": """
        Main: start A
        A: readline ch.stdout = 5
        Main: close client
        A: readline ch.stdout
        A: ends""",
    "a client closed under a reader between two pieces": """
        Main: start A
        A: recv ch = 5
        Main: close client
        A: recv ch
        A: ends""",
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


@pytest.mark.parametrize("story", TIMED.values(), ids=TIMED)
def test_a_timer_that_is_a_time_to_live_closes_under_others(story: str) -> None:
    assert "closed-in-use observed" in said(findings_of(story))


@pytest.mark.parametrize("story", LIMITED.values(), ids=LIMITED)
def test_a_timer_that_is_a_limit(story: str) -> None:
    assert not list(said(findings_of(story)))


@pytest.mark.parametrize("sentence", QUIET)
def test_what_was_waited_for_is_not(sentence: str) -> None:
    assert not list(said(findings_of(QUIET[sentence])))


@pytest.mark.parametrize(
    ("texts", "end"),
    [
        (["for n in 1 2; do echo $n; done", "a report"], True),
        (["uname -r", "tail -n0 -F "], False),
        (["--follow", "a report"], False),
        ([], False),
    ],
)
def test_which_commands_of_a_program_end_by_themselves(texts: list[str], end: bool) -> None:
    assert all_end(texts) == end
