"""Pools, tasks and futures: who waits for a worker or for what was not given back, and errors that nobody asks for."""

from __future__ import annotations

import pytest
from notation import findings_of, said

from paramedic.analysis.pools import Pools

_ASKS = "B: get q (1000) …\n… 1 s\nB: … get q ! _queue.Empty\n"

_TWO = "Main: put q client\nMain: put q client2\n"
_BOTH = "{0}: get q client\n{0}: get q client2 #more\n{0}: put q client2\n{0}: put q client\n"
_BY_A, _BY_B = _BOTH.format("A"), _BOTH.format("B")

FOUND: dict[str, tuple[str, str]] = {
    "two clients, of which two threads take both, one after the other": (
        "pool-drained possible",
        _TWO + _BY_A + _BY_B + "end: orderly",
    ),
    "a client that is not put back, and a thread that asks for one in rounds": (
        "pool-drained observed",
        "Main: put q client1\nA: get q client1\nA: put q client1\nA: get q client1\nA: ends\n"
        + _ASKS * 3
        + "B: get q (1000) …\nend: 3",
    ),
    "clients that are not put back, and those who took them ask for more in rounds": (
        "pool-drained observed",
        "Main: put q client1\nB: get q client1\nB: put q client1\nB: get q client1\n"
        + _ASKS * 3
        + "B: get q (1000) …\nend: 3",
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
    "a client that a task keeps, out of a SimpleQueue to which the others give back": (
        "pool-drained possible",
        """
        Main: put sq client
        Main: put sq client2
        Main: submit f1
        Main: submit f2
        V: run f1
        V: get sq client
        V: put sq client
        V: done f1
        W: run f2
        W: get sq client2
        W: exec_command client2 ! SSHException: gone
        W: fail f2 "SSHException: gone"
        end: orderly""",
    ),
    "a task of which main has waited for some seconds, in vain, hangs in a call": (
        "wait-without-timeout observed",
        """
        Main: submit f
        W: run f
        W: stat sftp …
        Main: result f (5000) …
        … 5 s
        Main: … result f ! TimeoutError
        end: 1""",
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
    "slots that their maker has let go of, taken by threads that have ended": (
        "pool-drained observed",
        """
        Main: release sem
        Main: release sem
        V: acquire sem
        V: recv_exit_status ch = 1
        V: ends
        W: acquire sem
        W: recv_exit_status ch2 = 1
        W: ends
        A: acquire sem …
        Main: shutdown …
        … 5 s
        end: 3""",
    ),
    "workers that wait for coroutines, which wait for tasks queued behind those": (
        "pool-starvation observed",
        """
        V: works ex 2
        W: works ex 2
        Main: run_forever loop …
        Main: submit f1 ex outer
        Main: submit f2 ex outer
        V: run f1
        W: run f2
        V: ask f5 …
        W: ask f6 …
        Main: submit f3 ex inner
        Main: submit f4 ex inner
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
}

QUIET: dict[str, str] = {
    "three clients, of which two threads take two": _TWO + "Main: put q client3\n" + _BY_A + _BY_B + "end: orderly",
    "two clients, of which two threads take both, the second when the first has ended": (
        _TWO + "Main: start A\n" + _BY_A + "A: ends\nMain: join A\nMain: start B\n" + _BY_B + "end: orderly"
    ),
    "two clients, of which two threads take both under a lock": _TWO
    + "".join(f"{who}: take L\n{both}{who}: free L\n" for who, both in (("A", _BY_A), ("B", _BY_B)))
    + "end: orderly",
    "two clients, of which one thread takes both again and again": _TWO + _BY_A * 3 + "end: orderly",
    "two clients, of which two threads take one after the other": _TWO
    + "".join(f"{t}: get q {c}\n{t}: put q {c}\n" for t in "AB" for c in ("client", "client2"))
    + "end: orderly",
    "two clients, of which the second is waited for with a limit": _TWO
    + (_BY_A + _BY_B).replace("client2 #more", "client2 (1000) #more")
    + "end: orderly",
    "two clients that are taken and not given back before the next": _TWO
    + "A: get q client\nA: get q client2\nB: put q client2\nB: get q client2\n"
    + "end: orderly",
    "two workers, and tasks that each wait for the one that was submitted before": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 ex stage
        Main: submit f2 ex stage
        Main: submit f3 ex stage
        V: run f1
        W: run f2
        W: result f1 …
        V: done f1
        W: … result f1
        W: done f2
        V: run f3
        V: result f2
        V: done f3""",
    "a thread asks for a client in rounds while another one works with it": (
        "Main: put q client1\nA: get q client1\nA: put q client1\nA: get q client1\n" + _ASKS * 3 + "end: 3"
    ),
    "who has lost a client asks for one now and then": (
        "Main: put q client1\nA: get q client1\nA: put q client1\nA: get q client1\nA: ends\n"
        + (_ASKS + "… 2 s\nB: set ev\n") * 3
        + "end: orderly"
    ),
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
    "a semaphore that is a signal from its first taking on, however often it was let go before": """
        V: works ex 2
        Main: submit f1 visit
        Main: submit f2 visit
        Main: release sem
        Main: release sem
        V: run f1
        V: acquire sem
        V: recv_exit_status ch = 1
        V: done f1
        V: run f2
        Main: release sem
        V: acquire sem
        V: recv_exit_status ch = 1
        V: acquire sem
        V: acquire sem …
        Main: shutdown …
        … 5 s
        end: 3""",
    "workers wait for coroutines, and only tasks like theirs are queued": """
        V: works ex 2
        W: works ex 2
        Main: run_forever loop …
        Main: submit f1 ex outer
        Main: submit f2 ex outer
        V: run f1
        W: run f2
        V: ask f5 …
        W: ask f6 …
        Main: submit f3 ex outer
        Main: submit f4 ex outer
        … 5 s
        end: 3""",
    "workers wait for coroutines, and one of those for a task of the pool: the other may end": """
        V: works ex 2
        W: works ex 2
        Main: run_forever loop …
        Main: submit f1 ex outer
        Main: submit f2 ex outer
        V: run f1
        W: run f2
        V: ask f5 …
        W: ask f6 …
        Main: submit f3 ex inner
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
def test_who_waits_for_a_worker_in_vain_and_what_is_lost_is_told(sentence: str) -> None:
    expected, story = FOUND[sentence]
    assert expected in list(said(findings_of(story)))


@pytest.mark.parametrize("sentence", QUIET)
def test_pools_that_go_on_are_quiet(sentence: str) -> None:
    assert list(said(findings_of(QUIET[sentence]))) == []


def test_another_thing_at_the_same_address_is_not_what_was_taken() -> None:
    pools = Pools()
    for thing, returned in ((11, 0), (12, 0), (12, 1)):
        pools.put(1, 7, thing)
        assert pools.queues[1].returned == returned
        pools.take(3, 0, 1, 7, None)
