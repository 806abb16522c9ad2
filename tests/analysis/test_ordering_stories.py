"""What orders the uses of an object, and what does not: locks, hand-overs, joins on a channel or an SFTP client."""

from __future__ import annotations

import pytest
from notation import findings_of, locked, said

from paramedic.analysis.clocks import KEPT_ENDED_THREADS

FOUND: dict[str, tuple[str, str]] = {
    "two tasks with opposite locks that one worker of two happened to run": (
        "lock-order-inversion possible",
        """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: take L1
        W: take L2
        W: free L2
        W: free L1
        W: done f1
        Main: submit f2 move
        W: run f2
        W: take L2
        W: take L1
        W: free L1
        W: free L2
        W: done f2""",
    ),
    "a lock that only one of them takes": (
        "shared-sftp-client possible",
        """
        A: take L
        A: stat sftp
        A: free L
        B: stat sftp""",
    ),
    "a line that each logs in between": (
        "shared-sftp-client possible",
        """
        A: stat sftp
        A: take RLlog
        A: free RLlog
        B: take RLlog
        B: free RLlog
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
    "a logging handler that writes to a file of the SFTP client that a worker uses between two lines of log": (
        "shared-sftp-client possible",
        """
        A: take RLlog
        A: write file
        A: free RLlog
        A: stat sftp
        A: take RLlog
        A: write file
        A: free RLlog
        B: take RLlog
        B: write file
        B: free RLlog""",
    ),
    "two tasks with one SFTP client that one worker of two happened to run": (
        "shared-sftp-client possible",
        """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: stat sftp
        W: done f1
        Main: submit f2 move
        W: run f2
        W: stat sftp
        W: done f2
        Main: ask f1""",
    ),
    "two tasks with one connection that one worker of two happened to run": (
        "global-request-race possible",
        """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: global_request conn
        W: done f1
        Main: submit f2 move
        W: run f2
        W: global_request conn
        W: done f2""",
    ),
    "two such tasks, of which each takes another lock": (
        "shared-sftp-client possible",
        """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: take L1
        W: stat sftp
        W: free L1
        W: done f1
        Main: submit f2 move
        W: run f2
        W: take L2
        W: stat sftp
        W: free L2
        W: done f2""",
    ),
}

QUIET: dict[str, str] = {
    "two tasks that one worker ran, the second submitted when the first was asked for": """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: stat sftp
        W: done f1
        Main: ask f1
        Main: submit f2 move
        W: run f2
        W: stat sftp
        W: done f2""",
    "two calls of one task": """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: stat sftp
        W: set ev
        W: stat sftp
        W: done f1""",
    "two tasks of a pool of one worker": """
        W: works ex 1
        Main: submit f1 move
        W: run f1
        W: stat sftp
        W: done f1
        Main: submit f2 move
        W: run f2
        W: stat sftp
        W: done f2""",
    "what a worker made ready before its first task": """
        W: works ex 2
        W: stat sftp
        Main: submit f1 move
        W: run f1
        W: stat sftp
        W: done f1""",
    "a connection that the worker made in its first task and kept": """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: makes conn7
        W: global_request conn7
        W: done f1
        Main: submit f2 move
        W: run f2
        W: global_request conn7
        W: done f2""",
    "two tasks that one worker ran, under one lock": """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: take L
        W: stat sftp
        W: free L
        W: done f1
        Main: submit f2 move
        W: run f2
        W: take L
        W: stat sftp
        W: free L
        W: done f2""",
    "two tasks that one worker ran, and that take the client from a queue": """
        W: works ex 2
        Main: put q sftp
        Main: submit f1 move
        W: run f1
        W: get q sftp
        W: stat sftp
        W: put q sftp
        W: done f1
        Main: submit f2 move
        W: run f2
        W: get q sftp
        W: stat sftp
        W: put q sftp
        W: done f2""",
    "two tasks that one worker ran, with a lock that the first let go after its use": """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: stat sftp
        W: take L
        W: free L
        W: done f1
        Main: submit f2 move
        W: run f2
        W: take L
        W: free L
        W: stat sftp
        W: done f2""",
    "a second task that the first one submitted": """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: stat sftp
        W: submit f2 move
        W: done f1
        W: run f2
        W: stat sftp
        W: done f2""",
    "a logging handler that sends its lines under its own lock": """
        A: take RLlog
        A: send ch
        A: free RLlog
        B: take RLlog
        B: send ch
        B: free RLlog""",
    "tasks with opposite locks, the second begun when the first was asked for": """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: take L1
        W: take L2
        W: free L2
        W: free L1
        W: done f1
        Main: ask f1
        Main: submit f2 move
        W: run f2
        W: take L2
        W: take L1
        W: free L1
        W: free L2
        W: done f2""",
    "tasks with opposite locks in a pool of one worker": """
        W: works ex 1
        Main: submit f1 move
        W: run f1
        W: take L1
        W: take L2
        W: free L2
        W: free L1
        W: done f1
        Main: submit f2 move
        W: run f2
        W: take L2
        W: take L1
        W: free L1
        W: free L2
        W: done f2""",
    "tasks with opposite locks, of which one waits for the other's event": """
        W: works ex 2
        Main: submit f1 move
        W: run f1
        W: take L1
        W: take L2
        W: free L2
        W: free L1
        W: set ev
        W: done f1
        Main: submit f2 move
        W: run f2
        W: await ev
        W: take L2
        W: take L1
        W: free L1
        W: free L2
        W: done f2""",
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
    "a worker answers what another thread asked: who has the answer comes after": """
        A: sendall ch
        T: status ch 0
        B: recv_exit_status ch
        B: send ch""",
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
def test_what_orders_nothing_is_found(sentence: str) -> None:
    expected, story = FOUND[sentence]
    assert expected in list(said(findings_of(story)))


@pytest.mark.parametrize("sentence", QUIET)
def test_what_is_in_order_is_quiet(sentence: str) -> None:
    assert list(said(findings_of(QUIET[sentence]))) == []
