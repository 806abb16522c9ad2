"""Circles of locks and of what threads wait for otherwise: other threads, tasks, events, themselves, and the gone."""

from __future__ import annotations

import pytest
from notation import findings_of, said

from paramedic.analysis.wakers import Wakers

_HANDLER = "Main: handles stop\nMain: take L #send\n"
_ASKS_UNDER_THE_LOCK = """
        Main: take L
        Main: submit f1 ex
        W: run f1
        W: wait L
        Main: submit f2 ex
        Main: ask f2 …
        … 5 s
        end: 3"""

FOUND: dict[str, tuple[list[str], str]] = {
    "an event that a new thread is to set is waited for under the lock that it needs": (
        ["lock-order-inversion observed"],
        """
        Main: makes-event ev
        Main: take L
        Main: start A
        A: wait L
        Main: await ev …
        … 5 s
        end: 3""",
    ),
    "an event that a task is to set is waited for under the lock that it needs": (
        ["lock-order-inversion observed"],
        """
        W: works ex 1
        Main: makes-event ev
        Main: take L
        Main: submit f ex
        W: run f
        W: wait L
        Main: await ev …
        … 5 s
        end: 3""",
    ),
    "a queue is filled, and is full, under the lock that those who empty it need": (
        ["lock-order-inversion observed"],
        """
        Main: put q x
        A: get q x
        Main: take L
        A: wait L
        Main: put q …
        … 5 s
        end: 3""",
    ),
    "a full queue's only reader joins one of those who fill it, while another one reads from its peer": (
        ["wait-without-timeout observed"],
        """
        Main: start A
        Main: start B
        A: put q x
        Main: get q x
        B: put q y
        A: put q …
        B: recv ch
        Main: join A …
        … 5 s
        end: 3""",
    ),
    "… while another one reads from its peer who has taken from it, too": (
        [],
        """
        Main: start A
        Main: start B
        A: put q x
        Main: get q x
        B: put q y
        B: get q y
        A: put q …
        B: recv ch
        Main: join A …
        … 5 s
        end: 3""",
    ),
    "… while a thread is at work that has not touched it yet": (
        [],
        """
        Main: start A
        Main: start B
        A: put q x
        Main: get q x
        A: put q …
        B: recv ch
        Main: join A …
        … 5 s
        end: 3""",
    ),
    "a queue from which nobody has taken yet is full, under the lock that those who are to empty it need": (
        ["lock-order-inversion observed"],
        """
        Main: start A
        Main: start B
        A: take L
        A: put q x
        A: put q …
        B: wait L
        Main: join A …
        … 5 s
        end: 3""",
    ),
    "a queue from which nobody has taken yet is full, and one thread is still at work": (
        [],
        """
        Main: start A
        Main: start B
        A: take L
        A: put q x
        A: put q …
        Main: join A …
        … 5 s
        B: recv ch …
        end: 3""",
    ),
    "a queue from which nobody has taken yet is full, and a signal's handler may": (
        [],
        """
        Main: handles stop
        Main: start A
        Main: start B
        A: take L
        A: put q x
        A: put q …
        B: wait L
        Main: join A …
        … 5 s
        end: 3""",
    ),
    "a queue's work is waited for under the lock that those who do it need": (
        ["lock-order-inversion observed"],
        """
        Main: put q x
        A: get q x
        Main: take L
        A: wait L
        Main: join q …
        … 5 s
        end: 3""",
    ),
    "a thread is joined under the lock that it needs": (
        ["lock-order-inversion observed"],
        """
        Main: take RL
        Main: start A
        A: recv ch = 5
        A: wait RL
        Main: join A …
        … 5 s
        end: 3""",
    ),
    "a task is waited for under the lock that it needs": (
        ["lock-order-inversion observed"],
        """
        W: works ex 2
        Main: take L
        Main: submit f ex
        W: run f
        W: wait L
        Main: ask f …
        … 5 s
        end: 3""",
    ),
    "a task that no worker has begun is waited for under the lock that the only worker needs": (
        ["lock-order-inversion observed"],
        "W: works ex 1\n" + _ASKS_UNDER_THE_LOCK,
    ),
    "a request carries an event, which its taker sets once it has the lock that the maker holds": (
        ["lock-order-inversion observed"],
        """
        Main: start A
        A: take L
        A: put q request
        A: set ev
        A: await ev
        Main: get q request
        Main: wait L
        Main: set ev2
        A: await ev2 …
        … 5 s
        end: 3""",
    ),
    "the only one who fills a queue needs the lock with which it is waited for": (
        ["lock-order-inversion observed"],
        """
        Main: put q x
        A: get q x
        A: take L
        A: get q …
        Main: wait L
        … 5 s
        end: 3""",
    ),
    "a handler takes the lock that the interrupted function holds around a call": (
        ["signal-handler-reenters observed"],
        _HANDLER + "Main: send ch …\nMain: wait L #send<stop<send\n… 5 s\nend: 3",
    ),
    "the next signal interrupts that, and so on until there is no room": (
        ["signal-handler-reenters observed"],
        _HANDLER
        + """Main: recv ch …
        Main: wait L #send<stop<send
        … 1 s
        Main: wait L #send<stop<send<stop<send
        Main: gave-up L
        … 5 s
        end: 3""",
    ),
    "workers of a home-made pool wait for requests behind their own": (
        ["pool-starvation observed"],
        """
        Main: put q one
        Main: put q two
        A: get q one
        B: get q two
        A: makes-event ev1
        B: makes-event ev2
        A: put q three
        B: put q four
        A: await ev1 …
        B: await ev2 …
        Main: join A …
        … 5 s
        end: 3""",
    ),
    "a function takes the lock that its caller has": (
        ["lock-order-inversion observed"],
        "A: take L #outer<main\nA: recv ch = 2\nA: wait L #inner<outer<main\n… 5 s\nend: 3",
    ),
    "a function takes the lock that its caller has, while others are at work that were before": (
        ["lock-order-inversion observed"],
        "A: take L #outer<main\nB: recv ch …\nA: wait L #inner<outer<main\n… 5 s\nend: 3",
    ),
    "a lock that an exception leaves taken": (
        ["pool-drained observed"],
        """
        Main: start A
        A: take L
        Main: start B
        B: wait L
        A: dies "ValueError: no"
        Main: join A
        Main: join B …
        … 5 s
        end: 3""",
    ),
    "a lock that a task leaves taken, and the worker's next task waits for it": (
        ["pool-drained observed"],
        """
        W: works ex 1
        Main: submit f1 ex
        W: run f1
        W: take L
        W: fail f1 "ValueError: no"
        Main: submit f2 ex
        W: run f2
        W: wait L
        Main: ask f2 …
        … 5 s
        end: 3""",
    ),
}

QUIET: dict[str, str] = {
    "an event that a signal's handler may set is waited for under a lock": """
        Main: handles stop
        Main: makes-event ev
        Main: take L
        Main: start A
        A: wait L
        Main: await ev …
        … 5 s
        end: 137""",
    "a lock that one thread takes and another one, which it has told so, lets go": """
        A: take L
        A: put q go
        A: ends
        B: get q go
        C: wait L
        B: recv ch …
        … 5 s
        end: 143""",
    "a lock that a task holds": """
        V: works ex 2
        W: works ex 2
        Main: submit f1 ex
        Main: submit f2 ex
        V: run f1
        W: run f2
        V: take L
        V: recv ch …
        W: wait L
        … 500 ms
        end: 143""",
    "a thread is joined under a lock for which another one waits": """
        Main: take L
        Main: start A
        A: await ev …
        Main: join A …
        B: wait L
        … 5 s
        end: 137""",
    "an event is waited for under a lock, and a thread that does not wait may set it": """
        Main: set ev
        A: take L
        A: await ev …
        Main: wait L
        B: free L9
        … 5 s
        end: 137""",
    "a pool's only worker needs the lock, and another task is waited for": "W: works ex 2\nW2: works ex 2\n"
    + _ASKS_UNDER_THE_LOCK,
    "a worker of a home-made pool waits for a request, and another one is free": """
        Main: put q one
        Main: put q two
        A: get q one
        B: get q two
        A: makes-event ev1
        A: put q three
        A: await ev1 …
        B: get q …
        Main: join A …
        … 5 s
        end: 3""",
    "a worker has asked somebody else, too": """
        Main: put q one
        A: get q one
        A: makes-event ev1
        A: put q three
        A: put q2 four
        C: get q2 four
        A: await ev1 …
        C: await ev2 …
        Main: join A …
        … 5 s
        end: 3""",
    "a follower of a quiet stream, while the main thread joins another thread": """
        A: readline ch.stdout = 20
        A: readline ch.stdout …
        B: wait L9
        Main: join B …
        … 5 s
        end: 3""",
    "a lock is taken twice, as a signal that another thread gives": """
        A: take L #wait<main
        A: wait L #ready<wait<main
        B: free L
        A: got L #ready<wait<main
        A: wait L #ready<wait<main
        … 5 s
        end: 137""",
    "a lock is taken twice in one function, which waits so for another thread": """
        A: take L #wait<main
        A: wait L #wait<main
        … 5 s
        end: 137""",
    "a lock is taken twice, as a signal that a thread is to give that was started in between": """
        A: take L #work<main
        A: start B
        B: recv ch …
        A: wait L #ready<work<main
        … 5 s
        end: 137""",
    "a handler waits for a lock that another thread holds": """
        Main: handles stop
        A: take L
        Main: recv ch …
        Main: wait L #send<stop<main
        … 5 s
        end: 137""",
}


@pytest.mark.parametrize("sentence", FOUND)
def test_a_circle_is_told_and_nothing_else(sentence: str) -> None:
    expected, story = FOUND[sentence]
    assert list(said(findings_of(story))) == expected


@pytest.mark.parametrize("sentence", QUIET)
def test_who_may_go_on_is_in_no_circle(sentence: str) -> None:
    serious = [words for words in said(findings_of(QUIET[sentence])) if not words.endswith("advice")]
    assert serious == []


def test_a_new_event_is_set_by_whoever_was_given_something_since() -> None:
    wakers = Wakers()
    wakers.made(9, 2, t_ns=10)
    assert wakers.given(2, 9) == set()
    wakers.post(2, 7, 5001, t_ns=11)
    assert wakers.given(2, 9) == set(), "who takes it is not known yet"
    wakers.take(3, 7, 5001)
    assert wakers.given(2, 9) == {3}
    assert wakers.given(4, 9) == set(), "somebody else than its maker waits"
    wakers.started(2, 5, t_ns=12)
    assert wakers.given(2, 9) == {3, 5}
    wakers.post(6, 9, 0, t_ns=12)
    assert wakers.of(2, 9) == {6}
