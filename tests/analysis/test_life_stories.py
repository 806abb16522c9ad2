"""Lives of connections, channels and streams: closing, dropping, leaking, limits, forks."""

from __future__ import annotations

import pytest
from notation import findings_of, said

from paramedic.model.finding import Confidence

FOUND: dict[str, tuple[str, str]] = {
    "a client closed under a call that fails of it": (
        "closed-in-use observed",
        """
        A: exec_command client …
        Main: close client
        A: … exec_command client ! EOFError""",
    ),
    "a client used after another thread has closed it": (
        "closed-in-use observed",
        """
        A: exec_command client
        Main: close client
        A: exec_command client ! AttributeError: 'NoneType' object has no attribute 'open_session'""",
    ),
    "a client used by a thread that was started after its close": (
        "closed-in-use observed",
        """
        Main: close client
        Main: start A
        A: exec_command client ! SSHException: SSH session not active""",
    ),
    "a status that never came, because of a close": (
        "closed-in-use observed",
        """
        A: recv_exit_status ch …
        Main: close client
        A: … recv_exit_status ch = -1""",
    ),
    "a read to the end that a close cut short": (
        "closed-in-use observed",
        """
        A: read ch.stdout …
        Main: close client
        A: … read ch.stdout = 5""",
    ),
    "an SFTP client closed under a call that fails of it": (
        "closed-in-use observed",
        """
        A: get sftp …
        Main: close sftp
        A: … get sftp ! EOFError""",
    ),
    "a transport closed under a call": (
        "closed-in-use observed",
        """
        A: exec_command client …
        Main: close conn
        A: … exec_command client ! SSHException: Unable to open channel.""",
    ),
    "a client closed under a read of one channel, and another one was closed before": (
        "closed-in-use observed",
        """
        A: read ch.stdout …
        Main: sends-close ch2
        Main: close client
        A: … read ch.stdout = 5""",
    ),
    "a client closed by luck after a read of a channel that its reader had closed itself": (
        "closed-in-use possible",
        """
        A: recv ch
        A: sends-close ch
        Main: close client""",
    ),
    "a client closed by luck after a read of a channel that the peer had closed": (
        "closed-in-use possible",
        """
        A: recv ch
        T: gets-close ch
        T: sends-close ch
        Main: close client""",
    ),
    "a client closed after a worker's last command, by luck": (
        "closed-in-use possible",
        """
        A: exec_command client
        Main: close client""",
    ),
    "a client closed under a command, for which a loop had looked in vain": (
        "closed-in-use observed",
        """
        A: exec_command client …
        Main: close client (2)
        A: … exec_command client ! EOFError""",
    ),
    "a session refused while others are open": (
        "session-limit observed",
        """
        A: opens ch1
        B: open_session conn ! ChannelException: (2, 'Connect failed')""",
    ),
    "EOF that goes out after CLOSE": (
        "eof-after-close observed",
        """
        A: close ch …
        A: sends-close ch
        A: … close ch
        B: sends-eof ch
        T: … run conn
        B: exec_command client ! SSHException: SSH session not active""",
    ),
    "one thread closes the input and another the channel": (
        "eof-after-close possible",
        """
        A: close ch.stdin
        B: close ch""",
    ),
    "a command with a terminal whose channel nobody holds": (
        "dropped-channel observed",
        """
        A: get_pty ch
        A: exec_command ch
        T: finalize ch …
        T: sends-close ch
        T: finalized ch""",
    ),
    "connections that outlive the threads that made them": (
        "leaked-connection observed",
        """
        Main: start A
        A: makes conn7
        A: ends
        Main: start B
        B: makes conn8
        B: ends
        Main: join A
        … 1 s
        end: orderly""",
    ),
    "connections of one loop whose clients are dropped": (
        "leaked-connection observed",
        """
        Main: makes conn7
        Main: drops conn7
        Main: makes conn8
        Main: drops conn8
        Main: shutdown
        … 1 s
        end: orderly""",
    ),
    "connections of a loop that drops one after the other until it is stopped": (
        "leaked-connection observed",
        """
        Main: makes conn7
        Main: drops conn7
        … 1 s
        Main: makes conn8
        Main: drops conn8
        … 1 s
        Main: makes conn9
        Main: drops conn9
        … 1 s
        Main: makes conn10
        Main: drops conn10
        … 1 s
        end: 143""",
    ),
    "connections of one loop that pile up, each used until the next one is made": (
        "leaked-connection observed",
        "\n".join(f"Main: makes conn{n}" for n in range(10, 20)) + "\nMain: shutdown\n… 1 s\nend: orderly",
    ),
    "stdins in circles that the collector finds, of commands that were read to their end": (
        "finalizer-deadlock possible",
        "\n".join(
            f"A: exec_command client\nT: gets-eof ch{n}\nA: read ch{n}.stdout\nB: collect ch{n}.stdin"
            for n in range(20)
        ),
    ),
    "a stdin that the collector finds while its command runs": (
        "finalizer-deadlock possible",
        """
        A: exec_command client
        B: collect ch.stdin""",
    ),
    "a stdin whose finalizer does not come back": (
        "finalizer-deadlock observed",
        """
        A: exec_command client
        T: collect ch.stdin …
        … 5 s
        end: 3""",
    ),
}

QUIET: dict[str, str] = {
    "connections that are kept for requests to come, when the service is stopped": """
        Main: makes conn7
        Main: makes conn8
        Main: makes conn9
        Main: await ev …
        … 5 s
        end: 143""",
    "connections that threads have made for all who come, when the service is stopped": """
        Main: start A
        Main: start B
        A: makes conn7
        B: makes conn8
        A: ends
        B: ends
        Main: await ev …
        … 5 s
        end: 143""",
    "connections of clients that are gone, of which the program has the transports and uses them": """
        Main: makes conn7
        Main: drops conn7
        Main: makes conn8
        Main: drops conn8
        Main: opens ch7@conn7
        Main: opens ch8@conn8
        Main: sends-close ch7@conn7
        Main: sends-close ch8@conn8
        Main: shutdown
        … 1 s
        end: orderly""",
    "connections of clients that are gone, over which sessions are open": """
        Main: makes conn7
        Main: opens ch7@conn7
        Main: drops conn7
        Main: makes conn8
        Main: opens ch8@conn8
        Main: drops conn8
        Main: shutdown
        … 1 s
        end: orderly""",
    "a client that Ctrl-C has the main thread close under a worker's command": """
        A: exec_command client …
        Main: close client (3)
        A: … exec_command client ! EOFError""",
    "one that it has it close after a worker's command, by luck": "A: exec_command client\nMain: close client (3)",
    "a client that a timer of the event loop closes under a call, as its deadline": """
        A: exec_command client …
        Main: close client (1)
        A: … exec_command client ! SSHException: Channel closed.""",
    "a connection that is closed while another thread closes its channel": """
        A: close ch …
        Main: close conn
        A: … close ch ! EOFError""",
    "an SFTP client that its own thread closes": """
        A: get sftp
        A: close sftp
        A: get sftp ! OSError: Socket is closed
        B: get sftp2""",
    "a client closed after the worker was joined": """
        Main: start A
        A: exec_command client
        A: ends
        Main: join A
        Main: close client""",
    "a client closed after the worker said that it is done": """
        A: exec_command client
        A: set ev
        Main: await ev
        Main: close client""",
    "a channel closed to end its reader": """
        A: recv ch …
        Main: close ch
        A: … recv ch""",
    "a channel closed to end its reader, and then the client": """
        A: recv ch
        A: recv ch …
        Main: close ch …
        Main: sends-close ch
        Main: … close ch
        Main: close client
        A: … recv ch""",
    "a channel closed to end a read to the end, and then the client by who was told": """
        A: read ch.stdout …
        B: sends-close ch
        B: set ev
        Main: await ev
        Main: close client
        A: … read ch.stdout = 0""",
    "a follower's channel closed between two reads, and then the client": """
        A: recv ch
        Main: sends-close ch
        Main: close client
        A: recv ch ! OSError: Socket is closed""",
    "a client closed to end the reader of an endless stream": """
        A: recv ch …
        Main: close client
        A: … recv ch""",
    "a read to an end that the peer has said, and a close while it returns": """
        A: read ch.stdout …
        T: gets-eof ch
        Main: close client
        A: … read ch.stdout = 5""",
    "a client closed by the thread that uses it": """
        A: exec_command client
        A: close client
        A: exec_command client ! AttributeError: 'NoneType' object has no attribute 'open_session'""",
    "a client that is connected again after its close": """
        A: exec_command client
        A: close client
        A: set ev
        B: await ev
        B: connect client
        B: exec_command client""",
    "input closed and then the channel, in one thread": "A: close ch.stdin\nA: close ch",
    "a session refused with no other open: it is not their number": """
        A: open_session conn ! ChannelException: (1, 'Administratively prohibited')""",
    "a dropped channel whose command had ended": """
        A: get_pty ch
        A: exec_command ch
        T: status ch 0
        T: gets-eof ch
        T: gets-close ch
        A: finalize ch …
        A: sends-close ch
        A: finalized ch""",
    "a stdin that its last user drops": """
        A: exec_command client
        A: finalize ch.stdin""",
    "a client that a server's thread has used, closed after the server's connection": """
        T2: exec_command client
        T2: … run conn2
        Main: close conn2
        Main: close client""",
    "a stdin that another connection's handler has dropped": """
        A: exec_command client
        A: exec_command client2
        T2: finalize ch.stdin""",
    "a client used by a thread that was started after its close, and then goes on with another": """
        Main: close client
        Main: start A
        A: exec_command client ! SSHException: SSH session not active
        A: exec_command client2
        Main: join A""",
    "a stdin that the collector finds after the client was closed": """
        A: exec_command client
        A: close client
        B: collect ch.stdin""",
    "a connection that is closed before its thread ends": """
        Main: start A
        A: close client
        A: ends
        Main: join A
        … 1 s
        end: orderly""",
}


@pytest.mark.parametrize("sentence", FOUND)
def test_ends_that_come_too_early_or_never_are_told(sentence: str) -> None:
    expected, story = FOUND[sentence]
    told = [said for said in said(findings_of(story)) if expected.partition(" ")[0] in said]
    assert told == [expected]


@pytest.mark.parametrize("sentence", QUIET)
def test_ends_in_order_are_quiet(sentence: str) -> None:
    assert list(said(findings_of(QUIET[sentence]))) == []


@pytest.mark.parametrize(
    ("story", "except_perhaps"),
    [
        ("T2: run conn2 …\nT2: exec_command client\nMain: close client", "the answer to a request"),
        ("Thread-3 (serve_forever): exec_command client\nMain: close client", "the answer to a request"),
        ("T: start A\nA: start B\nB: exec_command client\nMain: close client", "the answer to a request"),
    ],
)
def test_a_closer_who_may_have_waited_unseen_is_only_advised(story: str, except_perhaps: str) -> None:
    (told,) = [f for f in findings_of(story) if f.hazard == "closed-in-use"]
    assert told.confidence is Confidence.ADVICE
    assert f"except perhaps {except_perhaps}" in told.message


def test_a_close_that_met_no_use_is_told_with_what_opened_the_channel() -> None:
    story = """
        A: exec_command client …
        A: opens ch
        A: … exec_command client
        A: recv ch
        Main: close client"""
    (told,) = [f for f in findings_of(story) if f.hazard == "closed-in-use"]
    assert ["exec_command" in step.what for step in told.steps] == [True, False, False]


def test_a_callback_on_the_connections_own_thread_is_no_user_of_it() -> None:
    told = {f.hazard for f in findings_of("T: exec_command client\nMain: close client")}
    assert "call-on-transport-thread" in told
    assert "closed-in-use" not in told


def test_a_connection_whose_client_went_first_is_counted_with_the_others_of_its_line() -> None:
    story = """
        Main: start A
        A: makes conn7
        A: drops conn7
        A: ends
        Main: start B
        B: makes conn8
        B: ends
        Main: start C
        C: makes conn9
        C: ends
        … 1 s
        end: orderly"""
    (told,) = [f for f in findings_of(story) if f.hazard == "leaked-connection"]
    assert told.message.startswith("3 connections were never closed and outlive the threads")


def test_connections_that_connects_at_once_have_lost_are_told_with_those() -> None:
    story = """
        A: connect client …
        A: makes conn7 inside
        B: connect client …
        B: makes conn8 inside
        A: … connect client ! SSHException: No existing session
        B: … connect client ! AuthenticationException: Authentication timeout.
        A: ends
        B: ends
        … 1 s
        end: orderly"""
    told = list(said(findings_of(story)))
    assert "shared-client-connect observed" in told
    assert not [words for words in told if words.startswith("leaked-connection")]


def test_a_close_that_was_the_way_out_of_a_hang_is_not_what_went_wrong() -> None:
    story = """
        T: feed ch out 2097152
        A: recv_exit_status ch …
        … 5 s
        Main: close client
        A: … recv_exit_status ch = -1
        end: orderly"""
    assert list(said(findings_of(story))) == ["exit-status-before-output observed"]


def test_nor_is_one_under_calls_whose_replies_two_threads_lost() -> None:
    story = """
        A: stat sftp …
        B: listdir sftp …
        … 1 s
        Main: close sftp
        A: … stat sftp ! OSError: Socket is closed
        B: … listdir sftp ! OSError: Socket is closed"""
    assert list(said(findings_of(story))) == ["shared-sftp-client observed"]


def test_nor_is_one_that_cut_off_a_reader_of_the_other_stream() -> None:
    story = """
        T: feed ch err 2097152
        A: read ch.stdout …
        … 5 s
        Main: close client
        A: … read ch.stdout
        end: orderly"""
    assert list(said(findings_of(story))) == ["undrained-stderr observed"]


def test_a_reader_that_was_cut_off_although_nothing_was_full_is_told() -> None:
    story = """
        T: feed ch err 4096
        A: read ch.stdout …
        … 5 s
        Main: close client
        A: … read ch.stdout
        end: orderly"""
    assert "closed-in-use observed" in list(said(findings_of(story)))


def test_one_close_under_several_kinds_of_use_is_told_once() -> None:
    story = """
        A: read ch.stdout …
        B: recv_exit_status ch2 …
        C: exec_command client …
        Main: close client
        A: … read ch.stdout
        B: … recv_exit_status ch2 = -1
        C: … exec_command client ! EOFError"""
    (told,) = [f for f in findings_of(story) if f.hazard == "closed-in-use"]
    assert "still had a call on it" in told.message
    assert {step.thread for step in told.steps} == {"A", "B", "C", "MainThread"}


def test_a_connection_that_is_closed_after_a_swap_waits_for_its_last_user() -> None:
    swapped = """
        A: exec_command client
        Main: makes conn7
        A: read ch.stdout …
        Main: close client
        A: … read ch.stdout
        A: open_session conn7"""
    (told,) = [f for f in findings_of(swapped) if f.hazard == "closed-in-use"]
    assert "last of its users" in told.fix
    (told,) = [f for f in findings_of(swapped.replace("open_session conn7", "wait bar")) if f.hazard == "closed-in-use"]
    assert not told.fix
