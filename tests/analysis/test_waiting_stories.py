"""Who waits for whom: locks, windows, peers, futures, callbacks. Idle is not hung."""

from __future__ import annotations

import pytest
from notation import findings_of, said

from paramedic.analysis.calls import Call
from paramedic.analysis.channels import ERR, OUT, Channels, Stall
from paramedic.analysis.pools import Pools

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
    "workers that wait for tasks behind themselves": (
        "pool-starvation observed",
        """
        Main: submit f1
        W: run f1
        W: submit f2
        W: ask f2 …
        … 5 s
        end: 3""",
    ),
    "two workers, and two tasks that each wait for a task of the same pool": (
        "pool-starvation possible",
        """
        V: works ex 2
        W: works ex 2
        Main: submit f1 outer
        Main: submit f2 outer
        W: run f1
        W: submit f3 inner
        W: result f3 …
        V: run f3
        V: done f3
        W: … result f3
        W: done f1
        V: run f2
        V: done f2
        end: orderly""",
    ),
    "a home-made pool, and a task that failed before it gave back": (
        "pool-drained observed",
        """
        V: works ex 2
        W: works ex 2
        Main: submit f1 crawl
        Main: submit f2 crawl
        V: run f1
        V: fail f1 "RuntimeError"
        W: run f2
        W: wait cond …
        Main: result f2 …
        … 5 s
        end: 3""",
    ),
    "a semaphore that a failed task never let go": (
        "pool-drained observed",
        """
        V: works ex 2
        Main: submit f1 visit
        Main: submit f2 visit
        V: run f1
        V: acquire sem
        V: fail f1 "RuntimeError"
        V: run f2
        V: acquire sem …
        Main: shutdown …
        … 5 s
        end: 3""",
    ),
    "a semaphore that tasks did not let go although nothing failed": (
        "pool-drained observed",
        """
        V: works ex 2
        Main: submit f1 visit
        Main: submit f2 visit
        V: run f1
        V: acquire sem
        V: recv_exit_status ch = 1
        V: done f1
        V: run f2
        V: acquire sem …
        Main: shutdown …
        … 5 s
        end: 3""",
    ),
    "all threads of a ThreadPool wait for what was given to it": (
        "pool-starvation observed",
        """
        V: crew sq
        W: crew sq
        Main: submit f1 sq outer
        V: submit f2 sq inner
        V: wait f2 …
        W: submit f3 sq inner
        W: wait f3 …
        Main: wait f1 …
        … 5 s
        end: 3""",
    ),
    "an exception that an event loop was never asked for": (
        "lost-exception observed",
        """
        Main: submit f
        W: run f
        W: exec_command client ! ChannelException: (2, 'Connect failed')
        W: fail f "ChannelException: (2, 'Connect failed')"
        Main: passes-on f
        Main: unretrieved f
        end: orderly""",
    ),
    "an exception of a ThreadPool's task that nobody asks for": (
        "lost-exception observed",
        """
        W: crew sq
        Main: submit f sq
        W: recv_exit_status ch = 3
        V: fails f "RuntimeError"
        V: done f
        end: orderly""",
    ),
    "a client that a task keeps, out of a pool to which the others give back": (
        "pool-drained possible",
        """
        Main: put q client
        Main: put q client2
        Main: submit f1
        Main: submit f2
        V: run f1
        V: get q client
        V: put q client
        V: done f1
        W: run f2
        W: get q client2
        W: exec_command client2 ! SSHException: gone
        W: fail f2 "SSHException: gone"
        end: orderly""",
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
    "an exception that nobody asks for": (
        "lost-exception observed",
        """
        Main: submit f
        W: run f
        W: exec_command client ! ChannelException: (2, 'Connect failed')
        W: fail f "ChannelException: (2, 'Connect failed')"
        end: orderly""",
    ),
    "an error of the program's own about what a command said, that nobody asks for": (
        "lost-exception observed",
        """
        Main: submit f
        W: run f
        W: recv_exit_status ch = 3
        W: fail f "RuntimeError"
        end: orderly""",
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
    "two locks in one order": """
        A: take L1
        A: take L2
        A: free L2
        A: free L1
        B: take L1
        B: take L2
        B: free L2
        B: free L1""",
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
    "a semaphore that is a signal: who takes it need not give it back": """
        V: works ex 2
        Main: submit f1 visit
        Main: submit f2 visit
        V: run f1
        Main: release sem
        V: acquire sem
        V: recv_exit_status ch = 1
        V: done f1
        V: run f2
        V: acquire sem …
        Main: release sem2
        Main: shutdown …
        … 5 s
        end: 3""",
    "one thread of a ThreadPool waits for what another one of it does": """
        V: crew sq
        W: crew sq
        Main: submit f1 sq outer
        V: submit f2 sq inner
        V: wait f2 …
        W: recv ch …
        Main: wait f1 …
        … 2 s
        W: … recv ch = 5
        Main: done f2
        end: 3""",
    "an exception that an event loop has": """
        Main: submit f
        W: run f
        W: exec_command client ! ChannelException: (2, 'Connect failed')
        W: fail f "ChannelException: (2, 'Connect failed')"
        Main: passes-on f
        end: orderly""",
    "exceptions that an event loop was not asked for, beside one from the same place that it was": """
        Main: submit f1
        Main: submit f2
        W: run f1
        W: exec_command client ! ChannelException: (2, 'Connect failed')
        W: fail f1 "ChannelException: (2, 'Connect failed')"
        W: run f2
        W: exec_command client ! ChannelException: (2, 'Connect failed')
        W: fail f2 "ChannelException: (2, 'Connect failed')"
        Main: passes-on f1
        Main: passes-on f2
        Main: unretrieved f2
        end: orderly""",
    "an exception of a ThreadPool's task that is asked for": """
        W: crew sq
        Main: submit f sq
        W: recv_exit_status ch = 3
        V: fails f "RuntimeError"
        V: done f
        Main: ask f
        end: orderly""",
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
    "an exception that is asked for": """
        Main: submit f
        W: run f
        W: exec_command client ! ChannelException: (2, 'Connect failed')
        W: fail f "ChannelException: (2, 'Connect failed')"
        Main: ask f
        end: orderly""",
    "errors of tasks beside one whose error was asked for": """
        Main: submit f1
        Main: submit f2
        W: run f1
        W: exec_command client ! ChannelException: (2, 'Connect failed')
        W: fail f1 "ChannelException: (2, 'Connect failed')"
        Main: ask f1
        W: run f2
        W: exec_command client ! ChannelException: (2, 'Connect failed')
        W: fail f2 "ChannelException: (2, 'Connect failed')"
        end: orderly""",
    "a task's own TimeoutError that was asked for while it ran": """
        Main: submit f1
        W: run f1
        Main: result f1 …
        W: exec_command client ! TimeoutError: timed out
        W: fail f1 "TimeoutError: timed out"
        Main: … result f1 ! TimeoutError: timed out
        end: orderly""",
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
    "a home-made pool, and a thread that may still give back": """
        W: works ex 2
        Main: submit f1 crawl
        Main: submit f2 crawl
        W: run f1
        W: fail f1 "RuntimeError"
        W: run f2
        W: wait cond …
        … 5 s
        end: 3""",
    "all wait for a condition, and nothing has failed": """
        W: works ex 2
        Main: submit f2 crawl
        W: run f2
        W: wait cond …
        Main: result f2 …
        … 5 s
        end: 3""",
    "a consumer that waits for the next channel": """
        Main: put q ch
        W: get q ch
        Main: put q ch2
        W: get q ch2
        W: get q …
        … 5 s
        end: orderly""",
    "a broken client that is closed in place of being put back": """
        Main: put q client
        Main: put q client2
        Main: submit f1
        Main: submit f2
        V: run f1
        V: get q client
        V: put q client
        V: done f1
        W: run f2
        W: get q client2
        W: close client2
        W: put q client3
        W: done f2
        end: orderly""",
    "an error of a task that only its predecessor on the thread had to do with Paramiko": """
        Main: submit f1
        Main: submit f2
        W: run f1
        W: recv_exit_status ch = 3
        W: done f1
        W: run f2
        W: fail f2 "RuntimeError"
        end: orderly""",
    "a task that waits for a task of another pool": """
        V: works ex2 1
        W: works ex 1
        Main: submit f1 outer
        W: run f1
        W: submit f3 inner
        W: result f3 …
        V: run f3
        V: done f3
        W: … result f3
        W: done f1
        end: orderly""",
    "one task at a time that waits for its own pool of two": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 outer
        W: run f1
        W: submit f3 inner
        W: wait f3 …
        V: run f3
        V: done f3
        W: … wait f3
        W: done f1
        end: orderly""",
    "a worker that waits for a task of another worker's": """
        Main: submit f1
        W: run f1
        W: submit f2
        V: run f2
        W: ask f2 …
        … 5 s
        V: done f2
        W: look f2
        end: orderly""",
}


@pytest.mark.parametrize("sentence", FOUND)
def test_who_waits_in_vain_is_told(sentence: str) -> None:
    expected, story = FOUND[sentence]
    assert expected in list(said(findings_of(story)))


@pytest.mark.parametrize("sentence", QUIET)
def test_who_only_waits_is_not_accused(sentence: str) -> None:
    assert list(said(findings_of(QUIET[sentence]))) == []


BEGINNINGS = {
    "much, read by nobody": ("T: feed ch out 500000", ["possible"]),
    "little, read by nobody": ("T: feed ch out 500", ["advice"]),
    "nothing came": ("", []),
    "read already": ("T: feed ch out 500000\nA: read ch.stdout = 1000", []),
    "another thread reads": ("B: read ch.stdout …\nT: feed ch out 500000", []),
    "it was known to be there": ("T: feed ch out 500000\nT: status ch 0\nA: exit_status_ready ch = 1", []),
    "it was asked for in vain": ("T: feed ch out 500000\nA: exit_status_ready ch = 0", ["possible"]),
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_status_that_is_waited_for_before_the_output_is_read_is_told_while_the_output_still_fits(name: str) -> None:
    before, expected = BEGINNINGS[name]
    story = before + "\nA: recv_exit_status ch …\n… 100 ms\nA: … recv_exit_status ch = 0\nA: close ch\nend: 0"
    told = [f for f in findings_of(story) if f.hazard == "exit-status-before-output"]
    assert [str(f.confidence) for f in told] == expected


def test_channels_that_are_stuck_at_one_line_are_one_story() -> None:
    channels = Channels()
    for channel in (11, 12):
        channels.feed(channel, ERR, 2_097_152, 2_097_152, t_ns=1)
        call = Call(channel, "File.read", channel, 7, 1, -1, 0, (), (channel, 1))
        channels.waited(Stall.OTHER_STREAM, channel, OUT, call, 5_000_000_000, False)
    (stuck,) = channels.stuck()
    assert (stuck.channels, stuck.count) == ({11, 12}, 2)


_READ_BOTH = "A: exec_command ch\n{}T: gets-eof ch\nA: read ch.stdout = 5\n{}: read ch.stderr = 500000\nend: 0"
IN_TURN = {
    "much of the other stream": (_READ_BOTH.format("T: feed ch err 500000\n", "A"), ["possible"]),
    "little of it": (_READ_BOTH.format("T: feed ch err 500\n", "A"), ["advice"]),
    "nothing of it": (_READ_BOTH.format("", "A"), []),
    "another thread reads it": (_READ_BOTH.format("T: feed ch err 500000\n", "B"), []),
    "it was begun before": (_READ_BOTH.format("A: recv_stderr ch = 5\nT: feed ch err 500000\n", "A"), []),
    "stderr first": (
        "A: exec_command ch\nT: feed ch out 500000\nT: gets-eof ch\nA: recv_stderr ch = 0\nA: read ch.stdout = 500000",
        ["possible"],
    ),
    "stderr first, and little of stdout": (
        "A: exec_command ch\nT: feed ch out 500\nT: gets-eof ch\nA: read ch.stderr = 0\nA: read ch.stdout = 500",
        [],
    ),
    "stderr first, and stdout polled all the while": (
        "A: exec_command ch\nA: recv_ready ch = 0\nT: feed ch out 500000\nT: gets-eof ch\nA: recv_stderr ch = 0\n"
        "A: recv ch = 500000",
        [],
    ),
    "a line of stdout, and then stderr": (
        "A: exec_command ch\nT: feed ch err 500000\nT: gets-eof ch\nA: readline ch.stdout = 5\n"
        "A: read ch.stderr = 500000",
        [],
    ),
}


@pytest.mark.parametrize("name", IN_TURN)
def test_streams_that_are_read_one_after_the_other_are_told_while_they_still_fit(name: str) -> None:
    story, expected = IN_TURN[name]
    told = [f for f in findings_of(story) if f.hazard == "undrained-stderr"]
    assert [str(f.confidence) for f in told] == expected


WRITTEN = {
    "much came meanwhile": ("T: feed ch out 500000\nA: … sendall ch", ["possible"]),
    "little came": ("T: feed ch out 500\nA: … sendall ch", []),
    "somebody reads": ("B: recv ch …\nT: feed ch out 500000\nA: … sendall ch\nB: … recv ch = 500000", []),
    "it came afterwards": ("A: … sendall ch\nT: feed ch out 500000\nA: recv ch = 500000", []),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_input_that_is_written_while_nobody_reads_is_told_while_the_output_still_fits(name: str) -> None:
    rest, expected = WRITTEN[name]
    told = findings_of("A: exec_command ch\nA: sendall ch …\n" + rest)
    assert [str(f.confidence) for f in told if f.hazard == "undrained-output-while-writing"] == expected


def test_another_thing_at_the_same_address_is_not_what_was_taken() -> None:
    pools = Pools()
    for thing, returned in ((11, 0), (12, 0), (12, 1)):
        pools.put(1, 7, thing)
        assert pools.queues[1].returned == returned
        pools.take(3, 0, 1, 7, None)
