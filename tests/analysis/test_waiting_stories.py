"""Who waits for whom: locks, windows, peers, callbacks. Idle is not hung."""

from __future__ import annotations

import pytest
from notation import findings_of, said

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import ERR, OUT, Channels, Stall

FOUND: dict[str, tuple[str, str]] = {
    "two locks in two orders, by luck not at once": (
        "lock-order-inversion possible",
        """
        A: take L1
        A: take L2
        A: free L2
        A: free L1
        B: take L2
        B: take L1
        B: free L1
        B: free L2""",
    ),
    "two threads that wait for each other's lock": (
        "lock-order-inversion observed",
        """
        A: take L1
        B: take L2
        A: wait L2
        B: wait L1
        … 5 s
        end: 3""",
    ),
    "two threads that wait for each other's semaphore of one": (
        "lock-order-inversion observed",
        """
        A: acquire sem
        B: acquire sem2
        A: acquire sem2 …
        B: acquire sem …
        … 5 s
        end: 3""",
    ),
    "three locks in a ring": (
        "lock-order-inversion possible",
        """
        A: take L1
        A: take L2
        A: free L2
        A: free L1
        B: take L2
        B: take L3
        B: free L3
        B: free L2
        C: take L3
        C: take L1
        C: free L1
        C: free L3""",
    ),
    "a lock over a command, and the same lock in a handler on the transport's thread": (
        "lock-order-inversion possible",
        """
        A: take L1
        A: open_session conn
        A: free L1
        T: take L1
        T: free L1""",
    ),
    "a lock held while a remote command runs, and another thread waits for it": (
        "lock-held-across-io observed",
        """
        A: take L
        A: read ch.stdout …
        B: wait L
        … 3 s
        A: … read ch.stdout = 3
        A: free L
        B: got L
        B: free L""",
    ),
    "a lock held over a remote command and taken once more for a moment, and another thread waits for it": (
        "lock-held-across-io observed",
        "A: take L\nA: read ch.stdout …\nB: wait L\n… 3 s\nA: … read ch.stdout = 3\nA: free L\nA: take L\nA: free L\n"
        "B: got L\nB: free L",
    ),
    "a lock held until a worker's remote command has ended, and another thread waits for it": (
        "lock-held-across-io observed",
        "A: take L\nA: submit f\nW: run f\nA: result f …\nB: wait L\nW: read ch.stdout …\n… 3 s\n"
        "W: … read ch.stdout = 3\nW: done f\nA: ask f\nA: … result f\nA: free L\nB: got L\nB: free L",
    ),
    "a lock held while a remote command's status is polled, and another thread waits for it": (
        "lock-held-across-io observed",
        "A: take L\nB: wait L\n"
        + "A: exit_status_ready ch = 0\n… 0.4 s\n" * 4
        + "A: exit_status_ready ch = 1\nA: recv ch = 0\nA: free L\nB: got L\nB: free L",
    ),
    "the exit status is waited for while the window is full": (
        "exit-status-before-output observed",
        """
        A: recv_exit_status ch …
        T: feed ch out 2097152
        … 5 s
        end: 3""",
    ),
    "the exit status is polled for while the window is full": (
        "exit-status-before-output observed",
        """
        T: feed ch out 2097152
        A: exit_status_ready ch
        … 3 s
        A: exit_status_ready ch
        A: close ch""",
    ),
    "stdout is waited for while stderr fills the window": (
        "undrained-stderr observed",
        """
        A: read ch.stdout …
        T: feed ch err 2097152
        … 5 s
        end: 3""",
    ),
    "input is written while the output fills the window": (
        "undrained-output-while-writing observed",
        """
        T: feed ch out 2097152
        A: sendall ch …
        … 5 s
        end: 3""",
    ),
    "a peer that says nothing until the watchdog ends the program": (
        "wait-without-timeout observed",
        """
        Main: recv ch …
        … 8 s
        end: 3""",
    ),
    "a peer that says nothing to a worker whose end somebody waits for, while the main thread runs a loop": (
        "wait-without-timeout observed",
        """
        Main: run_forever loop …
        A: exec_command client …
        B: join A …
        … 8 s
        end: 3""",
    ),
    "a peer that says nothing although keepalives are sent": (
        "keepalive-is-not-a-timeout observed",
        """
        Main: set_keepalive conn (1000)
        Main: recv ch …
        … 8 s
        end: 3""",
    ),
    "a handler that reads on the transport's own thread": (
        "callback-blocks-transport observed",
        """
        T: recv ch …
        … 5 s
        end: 3""",
    ),
    "a handler that opens a session on the transport's own thread": (
        "call-on-transport-thread observed",
        """
        T: exec_command client …
        … 5 s
        end: 3""",
    ),
    "two locks in opposite orders, one of them with a timeout of a minute": (
        "lock-order-inversion observed",
        """
        A: take L1
        B: take L2
        A: recv ch
        A: wait L2 60000
        B: wait L1
        … 5 s
        end: 3""",
    ),
    "the main thread is done and waits for a reader of an endless stream": (
        "exit-blocked observed",
        """
        A: recv ch …
        Main: shutdown …
        … 5 s
        end: 3""",
    ),
    "another thread's question comes between a question and its answer": (
        "shared-channel observed",
        """
        A: take L1
        A: send ch
        A: free L1
        B: take L1
        B: send ch
        B: free L1
        A: take L2
        A: recv ch
        A: free L2
        B: take L2
        B: recv ch
        B: free L2""",
    ),
    "two dialogues with locks for each call, and a lock that is taken at each line that logs": (
        "shared-channel possible",
        """
        A: take L1
        A: send ch
        A: free L1
        A: take L1 #2
        A: recv ch
        A: free L1
        A: take RL
        A: free RL
        B: take RL
        B: free RL
        B: take RL
        B: free RL
        B: take L1
        B: send ch
        B: free L1
        B: take L1 #2
        B: recv ch
        B: free L1""",
    ),
    "a question comes between, and the answers are all taken by one who asked": (
        "shared-channel observed",
        """
        A: send ch
        B: send ch
        A: recv ch
        B: recv_ready ch = 0
        A: recv ch
        B: recv_ready ch = 0""",
    ),
    "two dialogues with locks for each call, and a lock that counts them": (
        "shared-channel possible",
        """
        A: take L1
        A: send ch
        A: free L1
        A: take L1 #2
        A: recv ch
        A: free L1
        A: take L2
        A: free L2
        M: take L2 #3
        M: free L2
        M: take L2 #3
        M: free L2
        B: take L1
        B: send ch
        B: free L1
        B: take L1 #2
        B: recv ch
        B: free L1
        B: take L2
        B: free L2""",
    ),
    "reading stops at the exit status, and the rest is not there yet": (
        "exit-status-ends-reading possible",
        """
        A: exit_status_ready ch = 0
        A: recv ch = 20
        A: recv_ready ch = 0
        A: exit_status_ready ch = 1
        A: close ch
        end: orderly""",
    ),
    "reading stops at the exit status, with the rest in the buffer": (
        "exit-status-ends-reading observed",
        """
        A: exit_status_ready ch = 0
        A: recv_ready ch = 0
        T: feed ch out 300
        A: exit_status_ready ch = 1
        A: close ch
        end: orderly""",
    ),
}

QUIET: dict[str, str] = {
    "a lock held until a worker has computed something, and another thread waits for it": (
        "A: take L\nA: submit f\nW: run f\nW: read ch.stdout = 3\nA: result f …\nB: wait L\n… 3 s\nW: done f\n"
        "A: ask f\nA: … result f\nA: free L\nB: got L\nB: free L"
    ),
    "a lock held for long over something else than the looks at a channel, and another thread waits for it": (
        "A: take L\nB: wait L\nA: exit_status_ready ch = 0\nA: exit_status_ready ch = 1\nA: recv ch = 0\n… 3 s\n"
        "A: free L\nB: got L\nB: free L"
    ),
    "two locks in one order": """
        A: take L1
        A: take L2
        A: free L2
        A: free L1
        B: take L1
        B: take L2
        B: free L2
        B: free L1""",
    "a semaphore that a third thread lets go is a signal": """
        A: acquire sem
        B: acquire sem2
        C: release sem2
        A: acquire sem2 …
        B: acquire sem …
        … 5 s
        end: 3""",
    "two orders under a gate lock": """
        A: take L0
        A: take L1
        A: take L2
        A: free L2
        A: free L1
        A: free L0
        B: take L0
        B: take L2
        B: take L1
        B: free L1
        B: free L2
        B: free L0""",
    "two orders, the second after the first thread was joined": """
        Main: start A
        A: take L1
        A: take L2
        A: free L2
        A: free L1
        A: ends
        Main: join A
        Main: take L2
        Main: take L1
        Main: free L1
        Main: free L2""",
    "two orders of one thread": """
        A: take L1
        A: take L2
        A: free L2
        A: free L1
        A: take L2
        A: take L1
        A: free L1
        A: free L2""",
    "the second lock is only tried": """
        A: take L1
        A: try L2
        A: free L2
        A: free L1
        B: take L2
        B: try L1
        B: free L1
        B: free L2""",
    "a lock over a command that nobody waits for": """
        A: take L
        A: read ch.stdout …
        … 5 s
        A: … read ch.stdout = 3
        A: free L""",
    "a lock held for a short call": """
        A: take L
        A: read ch.stdout …
        B: wait L
        A: … read ch.stdout = 3
        A: free L
        B: got L
        B: free L""",
    "a long wait for the status of a command that says nothing": """
        A: recv_exit_status ch …
        … 60 s
        T: status ch 0
        A: … recv_exit_status ch
        end: orderly""",
    "an idle reader of a quiet server at an orderly end": """
        Main: start A
        A: recv ch …
        … 60 s
        end: orderly""",
    "a full window that is read in time": """
        T: feed ch out 2097152
        A: recv_exit_status ch …
        B: recv ch = 2097152
        T: status ch 0
        A: … recv_exit_status ch""",
    "stderr read by another thread while stdout is waited for": """
        A: read ch.stdout …
        B: read ch.stderr …
        T: feed ch err 2097152
        … 5 s
        T: gets-eof ch
        B: … read ch.stderr = 2097152
        A: … read ch.stdout""",
    "a handler that only puts the channel into a queue": """
        T: put q ch
        A: get q ch
        A: recv ch = 3""",
    "a wait with a timeout that struck": """
        A: recv ch (5000) …
        … 5 s
        A: … recv ch ! TimeoutError: timed out
        end: orderly""",
    "a program that Ctrl-C ended while it read": """
        Main: recv ch …
        … 5 s
        Main: … recv ch ! KeyboardInterrupt
        end: 130""",
    "one thread asks and another one hears": """
        A: send ch
        B: recv ch = 3
        A: send ch
        B: recv ch = 3""",
    "a dialogue under one lock, and locks within": """
        A: take L0
        A: take L1
        A: send ch
        A: free L1
        A: take L2
        A: recv ch
        A: free L2
        A: free L0
        B: take L0
        B: take L1
        B: send ch
        B: free L1
        B: take L2
        B: recv ch
        B: free L2
        B: free L0""",
    "dialogues in turns that a flag under a lock gives": """
        A: take L1
        A: send ch
        A: free L1
        B: take L2
        B: free L2
        B: take L2
        B: free L2
        A: take L1 #2
        A: recv ch
        A: free L1
        A: take L2 #2
        A: free L2
        B: take L2
        B: free L2
        B: take L1
        B: send ch
        B: free L1
        B: take L1 #2
        B: recv ch
        B: free L1""",
    "output that is read to its end after the exit status": """
        A: exit_status_ready ch = 1
        A: recv ch = 20
        A: recv ch = 0
        A: close ch
        end: orderly""",
    "a file that is read to the peer's end after the exit status": """
        A: exit_status_ready ch = 1
        T: gets-eof ch
        A: read ch.stdout = 20
        A: close ch
        end: orderly""",
    "who asks for the exit status knows the end of the output, too": """
        A: exit_status_ready ch (1) = 0
        T: gets-eof ch
        A: recv_ready ch = 0
        A: exit_status_ready ch (1) = 1
        A: close ch
        end: orderly""",
}


@pytest.mark.parametrize("sentence", FOUND)
def test_who_waits_in_vain_is_told(sentence: str) -> None:
    expected, story = FOUND[sentence]
    assert expected in list(said(findings_of(story)))


@pytest.mark.parametrize("sentence", QUIET)
def test_who_only_waits_is_not_accused(sentence: str) -> None:
    assert list(said(findings_of(QUIET[sentence]))) == []


def test_channels_that_are_stuck_at_one_line_are_one_story() -> None:
    channels = Channels()
    for channel in (11, 12):
        channels.feed(channel, ERR, 2_097_152, 2_097_152, t_ns=1)
        call = Call(channel, "File.read", channel, 7, 1, -1, 0, (), (channel, 1))
        channels.waited(Stall.OTHER_STREAM, channel, OUT, call, 5_000_000_000, False)
    (stuck,) = channels.stuck()
    assert (stuck.channels, stuck.count) == ({11, 12}, 2)
