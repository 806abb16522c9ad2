"""Objects that several threads use: which uses of which objects conflict, and which never do."""

from __future__ import annotations

import pytest
from notation import findings_of, locked, said

FOUND: dict[str, tuple[str, str]] = {
    "two threads in one SFTP client at the same time": (
        "shared-sftp-client observed",
        """
        A: stat sftp …
        B: stat sftp
        A: … stat sftp""",
    ),
    "two threads in one SFTP client one after the other, by luck": (
        "shared-sftp-client possible",
        """
        A: stat sftp
        B: stat sftp""",
    ),
    "a file of a client, and the client": (
        "shared-sftp-client observed",
        """
        A: read file …
        B: listdir sftp
        A: … read file""",
    ),
    "two files of one client": (
        "shared-sftp-client observed",
        """
        A: read file1a …
        B: read file1b
        A: … read file1a""",
    ),
    "one file by two threads": (
        "shared-sftp-file observed",
        """
        A: read file …
        B: read file
        A: … read file""",
    ),
    "another thread moves the position between seek and read, each under a lock": (
        "shared-sftp-file observed",
        """
        A: take L
        A: seek file
        A: free L
        B: take L
        B: seek file
        B: free L
        A: take L
        A: read file
        A: free L""",
    ),
    "another thread seeks and reads before, each call under the lock": (
        "shared-sftp-file possible",
        """
        B: take L
        B: seek file
        B: free L
        B: take L
        B: read file
        B: free L
        A: take L
        A: seek file
        A: free L
        A: take L
        A: read file
        A: free L""",
    ),
    "two readers of stdout, through file and channel": (
        "shared-channel observed",
        """
        A: readline ch.stdout …
        B: recv ch
        A: … readline ch.stdout""",
    ),
    "two readers of stderr": (
        "shared-channel observed",
        """
        A: recv_stderr ch …
        B: read ch.stderr
        A: … recv_stderr ch""",
    ),
    "two writers that did not meet": (
        "shared-channel possible",
        """
        A: sendall ch
        B: write ch.stdin""",
    ),
    "two dialogues with a shell": (
        "shared-channel possible",
        """
        A: send ch
        A: recv ch
        B: send ch
        B: recv ch""",
    ),
    "a client of whose round trips each is under a lock, and an upload that asks ahead": (
        "shared-sftp-client observed",
        """
        A: put sftp …
        B: stat sftp …
        A: take RL #_request<work
        A: free RL
        B: take RL #_request<work
        B: free RL
        B: … stat sftp
        A: … put sftp""",
    ),
    "reads of one file that meet, of whose round trips each is under a lock": (
        "shared-sftp-file observed",
        """
        A: read file …
        B: read file …
        A: take RL #_request<work
        A: free RL
        B: take RL #_request<work
        B: free RL
        B: … read file
        A: … read file""",
    ),
    "calls of one client that meet and report their progress under a lock": (
        "shared-sftp-client observed",
        """
        A: stat sftp …
        B: stat sftp …
        A: take RL #progress
        A: free RL
        B: take RL #progress
        B: free RL
        B: … stat sftp
        A: … stat sftp""",
    ),
    "two requests on one channel": (
        "shared-channel observed",
        """
        A: exec_command ch …
        B: get_pty ch
        A: … exec_command ch""",
    ),
    "the same client connected by two threads": (
        "shared-client-connect observed",
        """
        A: connect client …
        B: connect client
        A: … connect client""",
    ),
    "a client used while it is being connected": (
        "shared-client-connect observed",
        """
        A: connect client …
        B: exec_command client ! SSHException: No existing session
        A: … connect client""",
    ),
    "a channel asked for on the connection of a client that is still being connected": (
        "shared-client-connect observed",
        """
        A: connect client …
        A: makes conn inside
        B: open_channel conn ! SSHException: Timeout opening channel.
        A: … connect client""",
    ),
    "each thread sees that the connection is gone and connects": (
        "shared-client-connect possible",
        """
        A: connect client
        B: connect client""",
    ),
    "two logins over one transport": (
        "shared-client-connect observed",
        """
        A: auth_publickey conn …
        B: auth_publickey conn
        A: … auth_publickey conn""",
    ),
    "two forwards asked for at once": (
        "global-request-race observed",
        """
        A: request_port_forward conn …
        B: request_port_forward conn
        A: … request_port_forward conn""",
    ),
    "a rekey beside a forward": (
        "global-request-race possible",
        """
        A: renegotiate_keys conn
        B: request_port_forward conn""",
    ),
    "one file of host keys saved by two threads": (
        "known-hosts-race observed",
        """
        A: save_host_keys client (7) …
        B: save_host_keys client2 (7)
        A: … save_host_keys client""",
    ),
    "one agent that signs for two logins": (
        "shared-agent observed",
        """
        A: sign_ssh_data agent (7) …
        B: sign_ssh_data agent2 (7)
        A: … sign_ssh_data agent""",
    ),
    "a relative path after another thread's chdir": (
        "shared-sftp-cwd observed",
        """
        A: take L
        A: chdir sftp (1)
        A: free L
        B: take L
        B: chdir sftp (1)
        B: free L
        A: take L
        A: stat sftp (1)
        A: free L""",
    ),
    "two forward handlers in the one slot, and no connection came": (
        "forward-handler-replaced possible",
        """
        A: request_port_forward conn (11)
        A: request_port_forward conn (12)""",
    ),
    "two forward handlers in the one slot, and a connection came": (
        "forward-handler-replaced observed",
        """
        A: request_port_forward conn (11)
        A: request_port_forward conn (12)
        T: opens ch peer""",
    ),
    "a forward handler takes the place of the queue": (
        "forward-handler-replaced possible",
        """
        A: request_port_forward conn (0)
        A: request_port_forward conn (12)""",
    ),
    "one of two forwards is cancelled, and the other goes on": (
        "forward-handler-replaced possible",
        """
        A: request_port_forward conn (11)
        A: request_port_forward conn (11)
        A: cancel_port_forward conn
        … 5 s
        A: close conn""",
    ),
    "two files of which only one is torn": (
        "shared-sftp-file observed",
        """
        A: seek file1a
        B: seek file1a
        A: read file1a
        A: read file2a …
        B: read file2a
        A: … read file2a""",
    ),
}

QUIET: dict[str, str] = {
    "a client of whose round trips each is under the lock of its own class": """
        A: stat sftp …
        B: listdir sftp …
        A: take RL #_request<work
        A: free RL
        B: take RL #_request<work
        A: … stat sftp
        B: free RL
        B: … listdir sftp""",
    "a channel asked for on a connection that another thread has made, with no order to be seen": """
        A: connect client …
        A: makes conn inside
        A: … connect client
        B: open_channel conn""",
    "a channel asked for on the connection that a client had before it is connected anew": """
        A: connect client …
        A: makes conn7 inside
        A: … connect client
        A: put q conn7
        B: get q conn7
        A: connect client … #2
        B: open_channel conn7
        A: makes conn8 inside
        A: … connect client""",
    "a channel asked for beside the connect of another client": """
        A: connect client2 …
        B: open_channel conn
        A: … connect client2""",
    "one channel for each thread on a shared client": """
        A: exec_command client …
        B: exec_command client
        A: … exec_command client
        A: read ch1.stdout …
        B: read ch2.stdout
        A: … read ch1.stdout""",
    "an SFTP client for each thread": """
        A: stat sftp1 …
        B: stat sftp2
        A: … stat sftp1""",
    "reader of stdout, reader of stderr, writer, and one who waits for the status": """
        A: recv ch …
        B: recv_stderr ch …
        C: sendall ch …
        D: recv_exit_status ch …
        C: … sendall ch
        A: … recv ch = 10
        B: … recv_stderr ch = 10
        D: … recv_exit_status ch""",
    "a channel that is closed to end its reader": """
        A: recv ch …
        B: close ch
        A: … recv ch""",
    "a client connected before its users start": """
        Main: connect client
        Main: start A
        Main: start B
        A: exec_command client …
        B: exec_command client
        A: … exec_command client""",
    "connects of clients of their own": """
        A: connect client1 …
        B: connect client2
        A: … connect client1""",
    "a reconnect after the user of the old connection has ended its call": """
        A: exec_command client
        B: connect client""",
    "host keys of two files": """
        A: save_host_keys client (7) …
        B: save_host_keys client2 (8)
        A: … save_host_keys client""",
    "agents of their own": """
        A: sign_ssh_data agent (7) …
        B: sign_ssh_data agent2 (8)
        A: … sign_ssh_data agent""",
    "keepalives beside anything": """
        A: global_request conn (0) …
        B: request_port_forward conn (5)
        A: … global_request conn""",
    "an absolute path after another thread's chdir": """
        A: take L
        A: chdir sftp (1)
        A: free L
        B: take L
        B: chdir sftp (1)
        B: free L
        A: take L
        A: stat sftp (0)
        A: free L""",
    "another thread seeks and reads before, each call under the lock, and hands the file on": """
        B: take L
        B: seek file
        B: free L
        B: take L
        B: read file
        B: free L
        B: put q file
        A: get q file
        A: take L
        A: seek file
        A: free L
        A: take L
        A: read file
        A: free L""",
    "seek and read as one step": """
        A: take L
        A: seek file
        A: read file
        A: free L
        B: take L
        B: seek file
        B: read file
        B: free L
        A: take L
        A: seek file
        A: read file
        A: free L""",
    "one forward after the other was cancelled": """
        A: request_port_forward conn (11)
        A: cancel_port_forward conn
        A: request_port_forward conn (12)""",
    "two handlers, and only sessions of our own": """
        A: request_port_forward conn (11)
        A: cancel_port_forward conn
        A: request_port_forward conn (12)
        A: open_session conn …
        T: opens ch
        A: … open_session conn""",
    "forwards of one handler": """
        A: request_port_forward conn (11)
        A: request_port_forward conn (11)
        T: opens ch peer
        … 5 s
        A: close conn""",
    "two forwards that are both cancelled at the end": """
        A: request_port_forward conn (11)
        A: request_port_forward conn (11)
        A: cancel_port_forward conn
        A: cancel_port_forward conn
        … 5 s
        A: close conn""",
    "one of two forwards is cancelled, and the connection closed": """
        A: request_port_forward conn (11)
        A: request_port_forward conn (11)
        A: cancel_port_forward conn
        A: close conn
        … 5 s
        end: orderly""",
    "a forward that is asked for again after another was cancelled": """
        A: request_port_forward conn (11)
        A: request_port_forward conn (11)
        A: cancel_port_forward conn
        A: request_port_forward conn (11)
        … 5 s
        end: orderly""",
    "a thread that died in its call uses nothing any more": """
        Main: start A
        A: stat sftp …
        A: dies "SystemExit"
        Main: join A
        Main: stat sftp
        Main: stat sftp""",
    "a call whose end was not recorded ends with the call around it": """
        A: put sftp …
        A: read file …
        A: … put sftp
        A: put q x
        B: get q x
        B: listdir sftp""",
    "whoever receives gives the others their answers, as a number in each says": locked(
        """
        A: send ch
        A: recv ch
        B: send ch
        B: recv ch
        A: send ch
        B: send ch
        A: recv ch
        A: set ev
        B: await ev
        A: recv ch
        B: send ch
        A: send ch
        B: recv ch
        B: recv ch
        B: put q answer
        A: get q answer
        A: send ch
        A: recv ch"""
    ),
}


@pytest.mark.parametrize("sentence", FOUND)
def test_conflicts_are_found(sentence: str) -> None:
    expected, story = FOUND[sentence]
    assert expected in list(said(findings_of(story)))


@pytest.mark.parametrize("sentence", QUIET)
def test_what_is_kept_apart_is_quiet(sentence: str) -> None:
    assert list(said(findings_of(QUIET[sentence]))) == []


def test_a_login_is_told_with_the_address_that_was_asked_for() -> None:
    story = """
        A: connect client "web1" …
        B: connect client "web2" …
        A: … connect client
        B: … connect client"""
    (told,) = [f for f in findings_of(story) if f.hazard == "shared-client-connect"]
    assert "different hosts" in told.message
    assert [step.what.partition(" on ")[0] for step in told.steps] == [
        "called connect() to web1", "called connect() to web2",
    ]  # fmt: skip
    assert all(" to web2 " not in step.what.partition(" on ")[2] for step in told.steps)


def test_a_call_that_meets_several_others_is_counted_once() -> None:
    story = """
        A: stat sftp …
        B: stat sftp …
        C: stat sftp …
        A: … stat sftp
        B: … stat sftp
        C: … stat sftp"""
    (told,) = [f for f in findings_of(story) if f.hazard == "shared-sftp-client"]
    assert told.count == 2
