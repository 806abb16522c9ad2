"""Objects that several threads use: what conflicts, and what a lock or a hand-over keeps apart."""

from __future__ import annotations

import pytest
from notation import findings_of, said

from paramedic.analysis.clocks import KEPT_ENDED_THREADS


def locked(story: str) -> str:
    """The story with a lock around each call that sends, and another one around each that receives."""
    lines = []
    for line in story.strip().splitlines():
        who, _, what = line.strip().partition(": ")
        lock = {"send": "L1", "recv": "L2"}.get(what.partition(" ")[0])
        lines.append(f"{who}: take {lock}\n{who}: {what}\n{who}: free {lock}" if lock else line)
    return "\n".join(lines)


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
    "a lock that only one of them takes": (
        "shared-sftp-client possible",
        """
        A: take L
        A: stat sftp
        A: free L
        B: stat sftp""",
    ),
    "two locks instead of one": (
        "shared-sftp-client possible",
        """
        A: take L1
        A: stat sftp
        A: free L1
        B: take L2
        B: stat sftp
        B: free L2""",
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
    "two dialogues of threads that hand one another something else": (
        "shared-channel observed",
        locked("""
        A: send ch
        A: recv ch
        B: send ch
        B: recv ch
        A: send ch
        B: send ch
        A: recv ch
        A: put q work
        B: get q work
        B: recv ch"""),
    ),
    "two dialogues with a shell": (
        "shared-channel possible",
        """
        A: send ch
        A: recv ch
        B: send ch
        B: recv ch""",
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
    "a queue tells the worker, but nothing tells the main thread that it is done": (
        "shared-sftp-client possible",
        """
        Main: start A
        Main: put q x
        A: get q x
        A: stat sftp
        Main: stat sftp""",
    ),
    "an event that was set before the use orders nothing after it": (
        "shared-sftp-client possible",
        """
        A: set ev
        A: stat sftp
        B: await ev
        B: stat sftp""",
    ),
    "overlaps are told although there were many quiet turns before": (
        "shared-sftp-client observed",
        "A: stat sftp\nB: stat sftp\n" * 30 + "A: stat sftp …\nB: stat sftp\nA: … stat sftp",
    ),
    "the same token in a queue twice is two hand-overs and not three": (
        "shared-sftp-client possible",
        """
        A: put q x
        A: stat sftp
        B: get q x
        B: stat sftp""",
    ),
    "a semaphore of two does not exclude": (
        "shared-sftp-client observed",
        """
        A: acquire sem
        B: acquire sem
        A: stat sftp …
        B: stat sftp
        A: … stat sftp
        A: release sem
        B: release sem""",
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
    "a common lock": """
        A: take L
        A: stat sftp
        A: free L
        B: take L
        B: stat sftp
        B: free L""",
    "a common lock that is waited for": """
        A: take L
        A: stat sftp …
        B: wait L
        A: … stat sftp
        A: free L
        B: got L
        B: stat sftp
        B: free L""",
    "a lock taken with a timeout": """
        A: take L
        A: stat sftp
        A: free L
        B: try L
        B: stat sftp
        B: free L""",
    "handed over by a queue": """
        A: stat sftp
        A: put q x
        B: get q x
        B: stat sftp""",
    "handed over by a simple queue": """
        A: stat sftp
        A: put sq x
        B: get sq x
        B: stat sftp""",
    "a queue as a pool of one, taken in turns": """
        A: stat sftp
        A: put q x
        B: get q x
        B: stat sftp
        B: put q x
        A: get q x
        A: stat sftp""",
    "the same token twice in a queue, each taken by another thread": """
        Main: stat sftp1
        Main: stat sftp2
        Main: put q none
        Main: put q none
        A: get q none
        A: stat sftp1
        B: get q none
        B: stat sftp2""",
    "handed over by an event": """
        A: stat sftp
        A: set ev
        B: await ev
        B: stat sftp""",
    "handed over by a semaphore": """
        A: stat sftp
        A: release sem
        B: acquire sem
        B: stat sftp""",
    "a semaphore as a lock": """
        A: acquire sem
        A: stat sftp
        A: release sem
        B: acquire sem
        B: stat sftp
        B: release sem
        A: acquire sem
        A: stat sftp""",
    "handed over by a future's result": """
        W: run f
        W: stat sftp
        W: done f
        A: ask f
        A: stat sftp""",
    "handed over by a future that was looked at": """
        W: run f
        W: stat sftp
        W: done f
        A: look f
        A: stat sftp""",
    "handed to a task": """
        A: stat sftp
        A: submit f
        W: run f
        W: stat sftp""",
    "used before the thread was started": """
        A: stat sftp
        A: start B
        B: stat sftp""",
    "used after the thread was joined": """
        A: start B
        B: stat sftp
        B: ends
        A: join B
        A: stat sftp""",
    "used after the thread was joined, whose end is told late": """
        A: start B
        B: stat sftp
        A: join B
        A: stat sftp
        B: ends""",
    "handed on through a third": """
        A: stat sftp
        A: set ev1
        C: await ev1
        C: put q x
        B: get q x
        B: stat sftp""",
    "both at a barrier": """
        A: stat sftp
        A: set bar
        B: set bar
        B: await bar
        A: await bar
        B: stat sftp""",
    "a lock of a condition": """
        A: take L
        A: stat sftp
        A: free L
        B: take L
        B: stat sftp
        B: free L
        A: take L
        A: stat sftp""",
    "handed into an event loop": """
        A: stat sftp
        A: call_soon loop
        B: runs-soon loop
        B: stat sftp""",
    "task_done and join": """
        A: start B
        B: stat sftp
        B: task_done q
        A: runs-soon q
        A: stat sftp""",
    "a pool in a bare deque: many turns and never an overlap": "A: stat sftp\nB: stat sftp\n" * 15,
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
    "a worker answers what another thread asked: who has the answer comes after": """
        A: sendall ch
        T: status ch 0
        B: recv_exit_status ch
        B: send ch""",
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
    "joined only after more others had ended than are told apart": "".join(
        [
            *(f"Main: start W{n}\nW{n}: recv ch{n}\nW{n}: ends\n" for n in range(KEPT_ENDED_THREADS + 30)),
            *(f"Main: join W{n}\nMain: recv ch{n}\n" for n in range(KEPT_ENDED_THREADS + 30)),
        ]
    ),
    "who joins one that ended long ago knows what that one had learned": "".join(
        [
            "Main: start A\nMain: start B\nA: recv ch\nA: put q x\nB: get q x\nB: ends\n",
            *(f"Main: start W{n}\nW{n}: ends\n" for n in range(KEPT_ENDED_THREADS + 30)),
            "Main: join B\nMain: recv ch\n",
        ]
    ),
    "thread after thread, each joined": "".join(
        f"Main: start W{n}\nW{n}: stat sftp\nW{n}: ends\nMain: join W{n}\n" for n in range(40)
    ),
}


@pytest.mark.parametrize("sentence", FOUND)
def test_conflicts_are_found(sentence: str) -> None:
    expected, story = FOUND[sentence]
    assert expected in list(said(findings_of(story)))


@pytest.mark.parametrize("sentence", QUIET)
def test_what_is_kept_apart_is_quiet(sentence: str) -> None:
    assert list(said(findings_of(QUIET[sentence]))) == []
